"""Plug-ins: the user's code that sees packets and flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from spanflow._core import NFlow, NFPacketTuple

# (name, on_init, on_update, on_expire): None for a method that does nothing, so that it costs nothing.
Callbacks = tuple[
    str,
    Optional[Callable[["NFPacketTuple", "NFlow"], object]],
    Optional[Callable[["NFPacketTuple", "NFlow"], object]],
    Optional[Callable[["NFlow"], object]],
]


class NFPlugin:
    """The base class of plug-ins. Keyword arguments become attributes."""

    def __init__(self, **kwargs: Any) -> None:
        vars(self).update(kwargs)

    def on_init(self, packet: NFPacketTuple, flow: NFlow) -> None:
        """The first packet of a flow. It may set attributes of flow.udps; flow.expiration_id = -1 ends the flow."""

    def on_update(self, packet: NFPacketTuple, flow: NFlow) -> None:
        """A later packet of a flow."""

    def on_expire(self, flow: NFlow) -> None:
        """The end of a flow. All values are final."""

    def cleanup(self) -> None:
        """Never called, as in nfstream 6.6."""


class UDPS:
    """flow.udps: what plug-ins keep for a flow."""


def are_plugins(udps: object) -> bool:
    return isinstance(udps, Iterable) and all(isinstance(each, NFPlugin) for each in udps)


def callbacks(plugin: NFPlugin) -> Callbacks:
    """Returns the methods that the plug-in has of its own."""
    return (
        type(plugin).__name__,
        _own(plugin.on_init, NFPlugin.on_init),
        _own(plugin.on_update, NFPlugin.on_update),
        _own(plugin.on_expire, NFPlugin.on_expire),
    )


def _own(method: Any, inherited: object) -> Any:
    return None if getattr(method, "__func__", None) is inherited else method

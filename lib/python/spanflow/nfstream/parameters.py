"""The parameters of NFStreamer: their checks, and the texts of nfstream that programs may look for."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from spanflow.nfstream.plugin import NFPlugin, are_plugins

_MOST_SECONDS = (2**64 - 1) // 1000  # nfstream keeps milliseconds in 64 bits
_MOST_SPLT_WITHOUT_WARNING = 255


class Parameter:
    """A property of NFStreamer whose value is checked when it is set."""

    def __init__(self, is_valid: Callable[[Any], bool], error: str, convert: Callable[[Any], Any] | None = None) -> None:
        self._is_valid = is_valid
        self._error = error
        self._convert = convert

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = "_" + name

    def __get__(self, instance: object, owner: type) -> Any:
        return self if instance is None else getattr(instance, self._name)

    def __set__(self, instance: object, value: Any) -> None:
        if not self._is_valid(value):
            raise ValueError(self._error)
        setattr(instance, self._name, value if self._convert is None else self._convert(value))


def flag(name: str) -> Parameter:
    return Parameter(lambda value: isinstance(value, bool), _text(name, " (possible values: True, False)."))


def number(name: str, expected: str, least: int = 0, most: int | None = None, convert: Any = None) -> Parameter:
    return Parameter(
        lambda value: isinstance(value, int) and least <= value and (most is None or value <= most),
        _text(name, expected),
        convert,
    )


def seconds(name: str) -> Parameter:
    return number(name, " (positive integer in seconds).", most=_MOST_SECONDS)


def bpf_filter() -> Parameter:
    return Parameter(lambda value: value is None or isinstance(value, str), "Please specify a valid bpf_filter format.")


def udps() -> Parameter:
    return Parameter(
        lambda value: value is None or isinstance(value, NFPlugin) or are_plugins(value),
        "User defined plugins must inherit from NFPlugin type.",
        lambda value: () if value is None else (value,) if isinstance(value, NFPlugin) else value,
    )


def splt_analysis() -> Parameter:
    return number("splt_analysis", " (possible values in : [0,...,65535])", most=65535, convert=_warn_of_long_splt)


def n_meters() -> Parameter:
    return number("n_meters", " (>=1 or 0 for auto scaling).", convert=_workers)


def system_visibility_mode() -> Parameter:
    error = _text(
        "system_visibility_mode",
        "\n0: disable\n1: process information\n[Available only for live capture on the system generating the traffic]",
    )
    return Parameter(lambda value: isinstance(value, int) and value in (0, 1), error, _refuse_visibility)


class Source:
    """The property `source`: a capture file, a list of capture files, or the name of a network interface."""

    def __get__(self, instance: Any, owner: type) -> Any:
        return self if instance is None else instance._source

    def __set__(self, instance: Any, value: Any) -> None:
        instance._source = _files(value) if type(value) is list else _file_or_interface(value)


def _text(name: str, expected: str) -> str:
    return f"Please specify a valid {name} parameter{expected}"


def _files(values: list[Any]) -> list[Any]:
    if not values:
        raise ValueError("Please provide a non-empty list of sources.")
    for index, value in enumerate(values):
        path = _path(value)
        if path is None or not os.path.isfile(path):
            raise ValueError(f"Invalid pcap file path at index: {index}.")
        values[index] = path
    return values


def _file_or_interface(value: Any) -> str:
    source = _path(value)
    if source is None or not (os.path.isfile(source) or _is_interface(source)):
        raise ValueError("Please specify a pcap file path or a valid network interface name as source.")
    return source


def _path(value: Any) -> str | None:
    try:
        path = os.fspath(value)
    except TypeError:
        return None
    return path if isinstance(path, str) else None


def _is_interface(name: str) -> bool:
    return name in (each for _, each in socket.if_nameindex())


def _warn_of_long_splt(value: int) -> int:
    if value > _MOST_SPLT_WITHOUT_WARNING:
        print(
            "[WARNING]: The specified splt_analysis parameter is higher than 255. High values can impact the performance "
            "of the tool."
        )
    return value


def _workers(value: int) -> int:
    """Returns the number of workers: one by default, because the time of a capture file goes into reading it."""
    most = len(os.sched_getaffinity(0))
    if value > most:
        print(f"WARNING: n_meters set to :{most} in order to avoid contention.")
    return min(value, most) or 1


def _refuse_visibility(value: int) -> int:
    if value == 1:
        raise NotImplementedError("system_visibility_mode=1: this engine does not find the processes of flows")
    return value

"""Shows how much of the capture files has been read."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from spanflow._core import Run

Item = TypeVar("Item")

_PERIOD = 0.2  # seconds between two updates


class _Bar(Protocol):
    def show(self, share: float) -> None: ...
    def close(self) -> None: ...


class _Tqdm:
    def __init__(self) -> None:
        from tqdm.auto import tqdm

        self._bar = tqdm(total=100, unit="%", bar_format="{percentage:3.0f}%|{bar}| {elapsed}<{remaining}")

    def show(self, share: float) -> None:
        self._bar.update(100 * share - self._bar.n)

    def close(self) -> None:
        self._bar.close()


class _Plain:
    """Without tqdm: the percentage, on one line."""

    def show(self, share: float) -> None:
        sys.stderr.write(f"\r{100 * share:3.0f} %")
        sys.stderr.flush()

    def close(self) -> None:
        sys.stderr.write("\n")


def _make() -> _Bar:
    try:
        return _Tqdm()
    except ImportError:
        return _Plain()


def shown(items: Iterator[Item], run: Run) -> Iterator[Item]:
    """Gives the items, and shows the progress of the run meanwhile. Shows nothing if the progress is unknown."""
    if run.progress() < 0:
        yield from items
        return
    bar = _make()
    due = 0.0
    try:
        for item in items:
            if time.monotonic() >= due:
                bar.show(run.progress())
                due = time.monotonic() + _PERIOD
            yield item
        bar.show(1.0)
    finally:
        bar.close()


@contextlib.contextmanager
def beside(run: Run) -> Iterator[None]:
    """Shows the progress of the run while the block reads it. Shows nothing if the progress is unknown."""
    if run.progress() < 0:
        yield
        return
    bar = _make()
    ended = threading.Event()

    def show() -> None:
        while not ended.wait(_PERIOD):
            bar.show(run.progress())

    thread = threading.Thread(target=show, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        bar.show(run.progress())
        bar.close()

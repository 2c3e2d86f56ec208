"""Writes records to files of Parquet."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from spanflow import _core

if TYPE_CHECKING:
    import pyarrow

    from spanflow.streamer import Streamer

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class _Rotation:
    """Says when a file ends: after a number of records, or when the clock reaches a multiple of a duration."""

    def __init__(self, rotate: int | str | None) -> None:
        self.rows = rotate if isinstance(rotate, int) else 0
        self._period = _period(rotate) if isinstance(rotate, str) else 0
        if isinstance(rotate, int) and rotate < 1:
            raise ValueError(f"rotate: expected at least 1 record, got {rotate}")
        self._ends = 0

    def begin(self) -> None:
        if self._period:
            self._ends = (int(time.time()) // self._period + 1) * self._period

    def is_due(self, rows: int) -> bool:
        return bool(self.rows and rows >= self.rows) or bool(self._period and time.time() >= self._ends)

    def __bool__(self) -> bool:
        return bool(self.rows or self._period)


class _Files:
    """The files of a run. One is open while it has records."""

    def __init__(self, path: str, rotation: _Rotation, schema: pyarrow.Schema, options: dict[str, Any]) -> None:
        self._path = path
        self._rotation = rotation
        self._schema = schema
        self._options = options
        self._writer: Any = None
        self._name = ""
        self._rows = 0

    def write(self, batch: pyarrow.RecordBatch) -> None:
        if self._writer is not None and self._rotation.is_due(self._rows):
            self.complete()
        while batch.num_rows:
            if self._writer is None:
                self._open()
            room = self._rotation.rows - self._rows if self._rotation.rows else batch.num_rows
            self._writer.write_batch(batch.slice(0, room))
            self._rows += min(room, batch.num_rows)
            batch = batch.slice(min(room, batch.num_rows))
            if batch.num_rows:
                self.complete()

    def complete(self) -> None:
        """Completes the file, and gives it its name."""
        if self._writer is None:
            return
        self._writer.close()
        self._writer = None
        os.replace(self._name + ".part", self._name)

    def complete_all(self) -> None:
        if not self._rotation and self._writer is None:
            self._open()  # a run without records still leaves its one file
        self.complete()

    def _open(self) -> None:
        import pyarrow.parquet

        self._name = self._free_name()
        self._rotation.begin()
        self._rows = 0
        self._writer = pyarrow.parquet.ParquetWriter(self._name + ".part", self._schema, **self._options)

    def _free_name(self) -> str:
        folder, name = os.path.split(self._path)
        name = time.strftime(name, time.gmtime()) if "%" in name else name
        if not self._rotation and "%" not in self._path:
            return os.path.join(folder, name)
        stem, ending = os.path.splitext(name)
        numbered = (f"{stem}.{number}{ending}" for number in itertools.count(1))
        names = (os.path.join(folder, each) for each in itertools.chain([name], numbered))
        return next(each for each in names if not os.path.exists(each))


def write(streamer: Streamer, path: str, rotate: int | str | None, options: dict[str, Any]) -> int:
    """See Streamer.to_parquet()."""
    import pyarrow.parquet  # noqa: F401  # takes long, so not while packets already come

    rotation = _Rotation(rotate)
    written = 0
    with streamer.open_batches() as reader:
        files = _Files(path, rotation, reader.schema, options)
        try:
            for batch in _interruptible(reader):
                files.write(batch)
                written += batch.num_rows
        finally:
            files.complete_all()
    return written


def _interruptible(reader: pyarrow.RecordBatchReader) -> Iterator[pyarrow.RecordBatch]:
    """Gives the batches. After Ctrl-C, the reader fails, and Python would raise KeyboardInterrupt some calls later, while the
    file is being completed. This function raises it at once."""
    try:
        yield from reader
    except OSError:
        _core.check_signals()
        raise


def _period(text: str) -> int:
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if not match or match[1] == "0":
        raise ValueError(f'rotate: expected a number of records or a duration such as "5m", got {text!r}')
    return int(match[1]) * _SECONDS[match[2]]

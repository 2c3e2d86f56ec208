"""Writes flows to CSV files."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from spanflow._core import NFlow
    from spanflow.nfstream.anonymizer import Anonymizer


class CsvFiles:
    """One file, or files of `flows_per_file` flows each. A file is opened with its first flow.

    rotate_files: with flows_per_file, after this many files the first is written again; 0: never.
    """

    def __init__(self, path: str | os.PathLike[str], flows_per_file: int, rotate_files: int, anonymizer: Anonymizer) -> None:
        for name, value in (("flows_per_file", flows_per_file), ("rotate_files", rotate_files)):
            if not isinstance(value, int) or value < 0:
                raise ValueError(f"Please specify a valid {name} parameter (>= 0).")
        self._path = os.fspath(path)
        self._flows_per_file = flows_per_file
        self._rotate_files = rotate_files
        self._anonymizer = anonymizer
        self._hashed: list[int] | None = None  # positions of the columns that are hashed

    def write(self, flows: Iterable[NFlow]) -> int:
        """Returns the number of flows."""
        written = 0
        file: TextIO | None = None
        try:
            for flow in flows:
                if file is None or (self._flows_per_file and written % self._flows_per_file == 0):
                    if file is not None:
                        file.close()
                    file = open(self._name(written), "w", newline="", encoding="utf-8")
                    writer = csv.writer(file)
                    writer.writerow(flow.keys())
                writer.writerow(self._row(flow))
                written += 1
        finally:
            if file is not None:
                file.close()
        return written

    def _row(self, flow: NFlow) -> list[object]:
        row = flow.values()
        if self._anonymizer:
            if self._hashed is None:
                self._hashed = self._anonymizer.positions(flow.keys())
            for at in self._hashed:
                row[at] = self._anonymizer.hash(row[at])
        return row

    def _name(self, written: int) -> str:
        if not self._flows_per_file:
            return self._path
        number = written // self._flows_per_file
        if self._rotate_files:
            number %= self._rotate_files
        root, ending = os.path.splitext(self._path)
        return f"{root}.{number}{ending}"

"""Replaces values of columns by keyed hashes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from typing import Any


class Anonymizer:
    """Hashes by BLAKE2b. Equal values have equal hashes, in all columns. Another key gives other hashes."""

    def __init__(self, columns: Collection[str], key: bytes | None) -> None:
        len(columns)  # raises TypeError, as nfstream does, for what is not a collection
        self.columns = list(columns)
        self._key = secrets.token_bytes(hashlib.blake2b.MAX_KEY_SIZE) if key is None else key
        self._hashes: dict[str, str] = {}
        self.hash("")  # a key that is too long raises here, before the capture starts

    def __bool__(self) -> bool:
        return bool(self.columns)

    def positions(self, names: list[str]) -> list[int]:
        """Returns the positions of the columns in a row, and warns of those that it does not have."""
        for column in self.columns:
            if column not in names:
                print("WARNING: NFlow do not have {} attribute. Skipping anonymization.")  # the text of nfstream
        return [names.index(column) for column in self.columns if column in names]

    def hash(self, value: Any) -> Any:
        """Returns the hash of the value's text. None stays None."""
        if value is None:
            return None
        text = str(value)
        known = self._hashes.get(text)
        if known is None:
            known = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=self._key).hexdigest()
            self._hashes[text] = known
        return known

"""Makes DataFrames of pandas."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas
    import pyarrow

    from spanflow.nfstream.anonymizer import Anonymizer


def has_arrow() -> bool:
    return importlib.util.find_spec("pyarrow") is not None


def from_csv(path: str) -> pandas.DataFrame:
    import pandas

    return pandas.read_csv(path, engine="c")


def from_arrow(table: pyarrow.Table, anonymizer: Anonymizer) -> pandas.DataFrame | None:
    """Returns None if there are no rows, else the columns with the types that from_csv() gives: texts, of which empty ones are NaN, int64 and float64.

    Needs little memory if the caller keeps no reference to the table: each column is freed once it is converted.
    """
    import pyarrow

    if table.num_rows == 0:
        return None
    names = table.column_names
    hashed = set(anonymizer.positions(names))
    columns: list[Any] = []
    for at in range(len(names)):
        plain = _plain(table.column(0))
        table = table.remove_column(0)
        columns.append((_hashed(plain, anonymizer) if at in hashed else _without_empty(plain)).combine_chunks())
    return pyarrow.table(columns, names=names).to_pandas(split_blocks=True, self_destruct=True)


def _plain(column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """Returns the column with one of the types that CSV has: numbers or texts."""
    import pyarrow
    from pyarrow import types

    if types.is_list(column.type):
        return _as_text(column)
    if types.is_integer(column.type):
        return column.cast(pyarrow.int64(), safe=False).fill_null(0)
    if types.is_floating(column.type):
        return column.fill_null(0.0)
    return column.cast(pyarrow.string())


def _as_text(lists: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """Returns lists of numbers as Python prints them: "[0, 1]"."""
    import pyarrow
    from pyarrow import compute

    joined = compute.binary_join(lists.cast(pyarrow.list_(pyarrow.string())), ", ")
    return compute.binary_join_element_wise("[", joined, "]", "")


def _without_empty(column: pyarrow.ChunkedArray) -> pyarrow.ChunkedArray:
    """A text that is missing is NaN in pandas, and a column without any text is a column of numbers."""
    import pyarrow
    from pyarrow import compute

    if column.type != pyarrow.string():
        return column
    texts = compute.if_else(compute.equal(column, ""), None, column)
    return texts.cast(pyarrow.float64()) if texts.null_count == len(texts) else texts


def _hashed(column: pyarrow.ChunkedArray, anonymizer: Anonymizer) -> pyarrow.ChunkedArray:
    """Hashes each distinct value once. A missing text counts as an empty one."""
    import pyarrow

    texts = column.fill_null("") if column.type == pyarrow.string() else column
    distinct = texts.combine_chunks().dictionary_encode()
    hashes = pyarrow.array([anonymizer.hash(value) for value in distinct.dictionary.to_pylist()], pyarrow.string())
    return pyarrow.chunked_array([hashes.take(distinct.indices)])

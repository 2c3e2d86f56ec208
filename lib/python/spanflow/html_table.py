"""Tables of HTML, which notebooks show."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any


_LEFT = " style='text-align:left'"


def of_numbers(rows: Iterable[tuple[str, str]]) -> str:
    """Returns a table with a row for each pair of a name and a number as text."""
    return _table(rows, "")


def of_flow(values: Mapping[str, Any]) -> str:
    """Returns a table of the fields and metrics of a flow. `values` is what Flow.to_dict() returns."""
    return _table(((name, _text(value)) for name, value in _flat(values) if value is not None), _LEFT)


def _table(rows: Iterable[tuple[str, str]], style: str) -> str:
    cells = "".join(
        f"<tr><th{_LEFT}>{html.escape(name)}</th><td{style}>{html.escape(text)}</td></tr>" for name, text in rows
    )
    return f"<table>{cells}</table>"


def _flat(values: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", one) for inner, one in value.items())
        else:
            yield name, value


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

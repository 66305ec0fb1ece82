"""A pandas table as a notebook shows it: words left-aligned, figures right-aligned, nothing cut off. Pure.

Given a table, returns self-contained markup that scrolls when it is too wide. Names stay as they are, because the next
query needs them; only the display is made readable, never the table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape
from typing import Any

import pandas as pd

from opendeep_kit.lab import call_tables

MOST_ROWS = 60
SHORT_ID = 8
"""Characters of an id that are shown; a click marks the whole of it."""
_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_ID_STYLE = (
    "font-family:var(--jp-code-font-family,monospace);font-size:12px;display:inline-block;max-width:8.2ch;"
    "overflow:hidden;white-space:nowrap;vertical-align:bottom;user-select:all"
)
_NOTHING = f'<span style="color:{call_tables.FAINT}">–</span>'


def as_html(frame: pd.DataFrame) -> str:
    """The table; a long one without its middle."""
    if frame.columns.nlevels > 1 or frame.index.nlevels > 1:
        return str(frame.to_html())
    shown = frame if len(frame) <= MOST_ROWS else pd.concat([frame.head(MOST_ROWS // 2), frame.tail(MOST_ROWS // 2)])
    columns = [(str(name), shown.iloc[:, place]) for place, name in enumerate(shown.columns)]
    if not _is_counted(frame.index):
        columns.insert(0, (str(frame.index.name or ""), pd.Series(shown.index)))
    cells = [_column(values) for _, values in columns]
    headings = [f">{name}" if _is_figures(values) else name for name, values in columns]
    caption = "no rows" if frame.empty else ""
    if len(shown) < len(frame):
        caption = f"the first and last {MOST_ROWS // 2} of {len(frame):,} rows"
    return call_tables.table(headings, list(zip(*cells, strict=True)), caption=caption)


def _is_counted(index: pd.Index[Any]) -> bool:
    """Whether the index is only a row number."""
    return isinstance(index, pd.RangeIndex) or (index.name is None and pd.api.types.is_integer_dtype(index))


def _is_figures(values: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _column(values: pd.Series[Any]) -> list[str]:
    formatted = _teller(values)
    return [_NOTHING if _is_missing(value) else formatted(value) for value in values]


def _is_missing(value: object) -> bool:
    return value is None or value is pd.NA or value is pd.NaT or value != value


def _teller(values: pd.Series[Any]) -> Callable[[Any], str]:
    """How this column's values are formatted; all alike, so that figures line up."""
    if pd.api.types.is_bool_dtype(values):
        return lambda value: "yes" if value else "no"
    if _is_figures(values):
        known = values.dropna().astype(float)
        digits = 0 if (known == known.round()).all() else 1 if known.abs().max() >= 100 else 2
        return lambda value: f"{value:,.{digits}f}"
    if pd.api.types.is_datetime64_any_dtype(values):
        is_day = bool((values.dropna().dt.normalize() == values.dropna()).all())
        return lambda value: (
            f'<span style="white-space:nowrap">{value:{"%d %b %Y" if is_day else "%d %b %H:%M:%S"}}</span>'
        )
    return _words


def _words(value: object) -> str:
    if isinstance(value, str) and _ID.fullmatch(value):
        return f'<span style="{_ID_STYLE}" title="{value}">{value}</span>'
    if isinstance(value, dict) or (isinstance(value, str) and value[:1] == "{" and value[-1:] == "}"):
        given = _answers(value)
        if given is not None:
            return call_tables.answers(given) or _NOTHING
    return escape(str(value))


def _answers(value: dict[str, Any] | str) -> dict[str, str] | None:
    """A flat object's names and values; None: it is something else."""
    try:
        given = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None
    if any(isinstance(value, (dict, list)) for value in given.values()):
        return None
    return {str(name): str(value) for name, value in given.items()}

"""The warehouse's SQL: one file per view, its meaning in the comment above it.

Given the folder `views`, reads files and parses their headers. Never runs them: `folding` and `connection` do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from opendeep_kit.errors import OurMistake
from opendeep_kit.insight.analysis import NO_WORDS
from opendeep_kit.insight.latency import CUT_WITHIN_MS, SAME_SOUND_MS

SHARED = {
    "cut_within_ms": f"{CUT_WITHIN_MS:g}",
    "same_sound_ms": f"{SAME_SOUND_MS:g}",
    "no_words": ", ".join(f"'{words}'" for words in NO_WORDS),
}
"""What both folds of a call's events, in Python for the live view and in SQL for history, must agree on."""
_COLUMN = re.compile(r"(\w+) {2,}(\S.*)")
STAGING = ("events", "scripts", "tasks", "campaigns", "permissions", "contact_lists", "spending", "prices")
"""What the record holds, renamed and cast. A new one: its file's name here."""
MARTS = (
    "calls",
    "turns",
    "latencies",
    "barge_ins",
    "tool_calls",
    "answers",
    "outcomes",
    "funnel",
    "script_versions",
    "attempts_per_contact",
    "hangups",
    "calls_to_review",
    "verdicts",
    "permissions",
    "costs",
    "spending",
)
"""What people ask, by the business's own nouns. A new one: its file's name here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One SQL file."""

    name: str
    """As in a query: `calls`, `staging.events`."""
    meaning: str
    """One sentence."""
    grain: str
    """What one row is."""
    key: tuple[str, ...]
    """Columns that no two rows share."""
    columns: dict[str, str]
    """What each column means, with its unit; empty for a fold."""
    sql: str = field(repr=False)


@cache
def read_view(folder: str, name: str) -> View:
    """The view in `views/<folder>/<name>.sql`.

    Raises:
        OurMistake: its header does not say what it must.
    """
    text = read_sql(f"{folder}/{name}.sql")
    header = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        header.append(line.removeprefix("--").strip())
    said = dict(line.split(": ", 1) for line in header if line.startswith(("Grain: ", "Key: ")))
    if not header or said.keys() != {"Grain", "Key"}:
        raise OurMistake(f"views/{folder}/{name}.sql lacks its header", do="state meaning, Grain: and Key: on top")
    return View(
        name=f"staging.{name}" if folder == "staging" else name,
        meaning=header[0],
        grain=said["Grain"].rstrip("."),
        key=tuple(said["Key"].split(", ")),
        columns={column[1]: column[2] for line in header[1:] if (column := _COLUMN.fullmatch(line))},
        sql=text,
    )


def documented_views() -> list[View]:
    """Every view people may query, those that others build upon first."""
    return [read_view("staging", name) for name in STAGING] + [read_view("marts", name) for name in MARTS]


def read_sql(path: str) -> str:
    """The text of a file below `views`, with the figures that the folds of `insight` use as well."""
    text = (files("opendeep_kit.warehouse") / "views" / path).read_text(encoding="utf-8")
    for name, value in SHARED.items():
        text = text.replace(f"{{{{{name}}}}}", value)
    return text

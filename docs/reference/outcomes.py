"""Outcomes: the closed sets in which a call's result is told."""

from __future__ import annotations

from enum import StrEnum

from docs.reference.texts import about, members, table
from opendeep_kit import outcomes


def sets() -> list[type[StrEnum]]:
    """Every enumeration of `outcomes`."""
    named = vars(outcomes).values()
    return [thing for thing in named if isinstance(thing, type) and thing.__module__ == outcomes.__name__]


def undocumented() -> list[str]:
    """Sets without a text; members may speak for themselves."""
    return [each.__name__ for each in sets() if not about(each)]


def page() -> str:
    """The page."""
    lines = ["# Outcomes", "", about(outcomes), ""]
    for each in sets():
        lines += [f"## `{each.__name__}` {{ #{each.__name__.lower()} }}", "", about(each), ""]
        lines += table(("value", "meaning"), [(f"`{value}`", text) for value, text in members(each)])
    return "\n".join(lines)

"""Locals are named after what they hold: words that fit anything are not used."""

from __future__ import annotations

import ast
from collections import Counter

from tests.source import nodes

SAYS_NOTHING = frozenset(["found", "kept", "mine", "one", "told"])
"""The reader must look up what these hold; a noun of the trade says it."""


def named(node: ast.AST) -> str:
    """The name that this node gives to a value; empty when it gives none."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.MatchAs(name=str(name)):
            return name
    return ""


def test_locals_say_what_they_hold() -> None:
    """No module uses one of these names."""
    used = {path: Counter(map(named, seen)) for path, seen in nodes("opendeep_kit").items()}
    counts = {path: sum(names[name] for name in SAYS_NOTHING) for path, names in used.items()}

    assert {path: count for path, count in counts.items() if count} == {}

"""Locals are named after what they hold: participles that fit anything are not used, but for a list that only shrinks."""

from __future__ import annotations

import ast
from collections import Counter

from tests.source import nodes

SAYS_NOTHING = frozenset(["found", "kept", "mine", "one", "told"])
"""The reader must look up what these hold; a noun of the trade says it."""
LEFT: dict[str, int] = {
    "commands/rehearse.py": 3,
    "commands/rehearsed_before.py": 1,
    "engine/attempt_end.py": 3,
    "engine/campaign_moves.py": 1,
    "engine/dialer.py": 1,
    "engine/permits.py": 1,
    "lab/campaign_run.py": 5,
    "lab/past_calls.py": 3,
    "record/attempts.py": 3,
    "record/campaigns.py": 4,
    "record/claim_facts.py": 3,
    "record/claiming.py": 1,
    "record/workers.py": 3,
}
"""Modules that still have some, and how many. Take a line out when its module has none; never add one."""


def named(node: ast.AST) -> str:
    """The name that this node gives to a value; empty when it gives none."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name) | ast.MatchAs(name=str(name)):
            return name
    return ""


def test_locals_say_what_they_hold() -> None:
    """No module has more of these names than it is allowed."""
    used = {path: Counter(map(named, found)) for path, found in nodes("opendeep_kit").items()}
    counts = {path: sum(names[name] for name in SAYS_NOTHING) for path, names in used.items()}

    assert {path: count for path, count in counts.items() if count > LEFT.get(path, 0)} == {}


def test_the_list_only_shrinks() -> None:
    """A module that is gone, or has none left, leaves the list."""
    left = {path for path, found in nodes("opendeep_kit").items() if SAYS_NOTHING & {*map(named, found)}}

    assert {*LEFT} - left == set()

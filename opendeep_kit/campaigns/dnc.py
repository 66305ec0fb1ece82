"""Says whether a number is on a do-not-call list: the tenant's own, or the one of the whole installation.

Given two lists of numbers and prefixes, answers with the list and the rule that hit, and with a hash that names the
very lists that were asked. Never forgets an entry by itself, never loads one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from opendeep_kit.errors import BadInput

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_PREFIX = re.compile(r"\+[1-9][0-9]{0,13}\*")


class DncScope(StrEnum):
    """Whose list it is."""

    GLOBAL = "global"
    """Of the whole installation: every tenant keeps to it."""
    TENANT = "tenant"


@dataclass(frozen=True, slots=True, kw_only=True)
class DncHit:
    """Why a number must not be called."""

    scope: DncScope
    entry: str = field(repr=False)
    """The number itself, or the prefix (`+1900*`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DncAnswer:
    """What the lists say of one number. The ledger keeps it."""

    hit: DncHit | None
    snapshot: str
    """Names the lists that were asked: the same entries, the same text."""


@dataclass(frozen=True)
class DncList:
    """One list. Built once and asked often."""

    numbers: frozenset[str] = frozenset()
    """E.164."""
    prefixes: frozenset[str] = frozenset()
    """`+`, digits, `*`: every number that begins so."""

    @cached_property
    def snapshot(self) -> str:
        """SHA-256 over the entries in order."""
        return hashlib.sha256("\n".join(sorted(self.numbers | self.prefixes)).encode()).hexdigest()

    @cached_property
    def _lengths(self) -> tuple[int, ...]:
        return tuple(sorted({len(prefix) - 1 for prefix in self.prefixes}))

    def entry_for(self, number: str) -> str | None:
        """The entry that forbids this number."""
        if number in self.numbers:
            return number
        return next((rule for size in self._lengths if (rule := f"{number[:size]}*") in self.prefixes), None)


def dnc_list(entries: Iterable[str]) -> DncList:
    """The list that these entries make: numbers in E.164, and prefixes such as `+1900*`.

    Raises:
        BadInput: an entry is neither. A rule that is not understood must not be dropped.
    """
    numbers: set[str] = set()
    prefixes: set[str] = set()
    for place, entry in enumerate(entries, start=1):
        text = entry.strip()
        if _NUMBER.fullmatch(text):
            numbers.add(text)
        elif _PREFIX.fullmatch(text):
            prefixes.add(text)
        else:
            raise BadInput(
                f"entry {place} of the do-not-call list is neither a number nor a prefix",
                do="write numbers as +, country code, digits, and prefixes as +1900*",
            )
    return DncList(frozenset(numbers), frozenset(prefixes))


def look_up(number: str, *, tenant: DncList, everyone: DncList) -> DncAnswer:
    """What both lists say; the installation's own comes first.

    Args:
        number: E.164.
    """
    snapshot = hashlib.sha256(f"{everyone.snapshot}\n{tenant.snapshot}".encode()).hexdigest()
    for scope, entries in ((DncScope.GLOBAL, everyone), (DncScope.TENANT, tenant)):
        entry = entries.entry_for(number)
        if entry is not None:
            return DncAnswer(hit=DncHit(scope=scope, entry=entry), snapshot=snapshot)
    return DncAnswer(hit=None, snapshot=snapshot)

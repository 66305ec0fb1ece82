"""Decides which processes are dead, from the silence of their heartbeats as an observer sees it.

Given the last heartbeats in the record and the reader's own monotonic clock, tells silence from a record that nobody
could write: an outage of the record, a wrong clock elsewhere, or our own sleep is no evidence about anybody. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime


class FailureDetector:
    """Watches the signs of life of other processes.

    Args:
        most_apart_s: between two looks; after a longer pause everybody's silence is counted from zero.
    """

    def __init__(self, *, most_apart_s: float) -> None:
        self._most_apart_s = most_apart_s
        self._signs: dict[str, tuple[datetime, float]] = {}
        """By process: its last sign, and since when, by our clock, there was no other."""
        self._looked_at: float | None = None

    def look(self, signs: Mapping[str, datetime], at: float) -> None:
        """The record could be written and read just now, and says so.

        Args:
            signs: the last one of every process that has not signed off.
            at: by a monotonic clock, in seconds.
        """
        is_watching = self._looked_at is not None and at - self._looked_at <= self._most_apart_s
        before = self._signs if is_watching else {}
        self._signs = {
            name: before[name] if name in before and before[name][0] == seen_at else (seen_at, at)
            for name, seen_at in signs.items()
        }
        self._looked_at = at

    def fail(self) -> None:
        """The record could not be written or read: nobody else could either, perhaps."""
        self._looked_at = None

    @property
    def is_blind(self) -> bool:
        """Whether the last look failed, or there was none yet."""
        return self._looked_at is None

    def is_dead(self, name: str, *, after_s: float) -> bool:
        """Whether this process signed off, or was silent for too long while its heartbeats could have been seen."""
        if self._looked_at is None:
            return False
        if name not in self._signs:
            return True
        return self._looked_at - self._signs[name][1] >= after_s

    def known(self) -> list[str]:
        """Those that have not signed off."""
        return list(self._signs)

    def sign_of(self, name: str) -> datetime | None:
        """Its last sign; None: it signed off, or was never heard of."""
        return self._signs[name][0] if name in self._signs else None

"""The clocks by which contacts are called: zones and closed days that many contacts share.

Given a clock and a week's windows, remembers the open times of the days asked about, so that the same sum is done once
for all contacts. Never reads the time.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from opendeep_kit.campaigns.closed_days import ClosedDays
from opendeep_kit.campaigns.windows import Span, Weekly, next_span, openings

AHEAD = timedelta(days=9)
"""Open times are worked out for so long at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Whose wall clocks must be inside, and which days are closed. Contacts with one clock open together."""

    key: str
    """Two clocks with one key are the same."""
    zones: tuple[str, ...]
    closed: ClosedDays


def clock(zones: tuple[str, ...], closed: ClosedDays) -> Clock:
    """The clock of callees in these zones."""
    days = ",".join(day.isoformat() for day in closed)
    key = f"{'|'.join(zones)};{closed.region or ''};{closed.subdivision or ''};{days}"
    return Clock(key=key, zones=zones, closed=closed)


class Calendar:
    """The open times of a clock in a week's windows, worked out once for all who ask about the same days."""

    __slots__ = ("_closed", "_closings", "_from", "_spans", "_until", "_windows", "_zones")

    def __init__(self, windows: Weekly, clock: Clock) -> None:
        self._windows, self._zones, self._closed = windows, clock.zones, clock.closed
        self._spans: list[Span] = []
        self._closings: list[datetime] = []
        self._from = self._until = datetime(1970, 1, 1, tzinfo=UTC)

    def span(self, after: datetime) -> Span | None:
        """The open time that holds `after`, or the next one; it may be cut at its ends, four days or more from here."""
        if not self._from <= after < self._until - AHEAD / 2:
            self._from, self._until = after, after + AHEAD
            self._spans = openings(self._windows, self._zones, self._from, self._until, self._closed)
            self._closings = [span.closes_at for span in self._spans]
        place = bisect_right(self._closings, after)
        if place < len(self._spans):
            return self._spans[place]
        return next_span(self._windows, self._zones, after, self._closed)

    def opening(self, after: datetime) -> datetime | None:
        """As `windows.next_opening`: the first instant from `after` on that is open."""
        span = self.span(after)
        return max(after, span.opens_at) if span else None

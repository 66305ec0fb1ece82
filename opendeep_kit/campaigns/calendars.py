"""Opening hours shared by many contacts: their time zones and closed days.

Given a clock and a week's windows, caches the open times of the days asked about, so that they are computed once for
all contacts. Never reads the time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import holidays

from opendeep_kit.campaigns.windows import Span, Weekly, next_span, openings
from opendeep_kit.errors import BadInput

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


# ---- days on which nobody is called -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedDays:
    """A container of dates: `day in closed`."""

    region: str | None = None
    """ISO 3166 country whose public holidays are closed; None: holidays are days like others."""
    subdivision: str | None = None
    """ISO 3166-2 part without the country (`BY`), whose own holidays are closed as well."""
    named: frozenset[date] = frozenset()
    """Closed in any case."""

    def __post_init__(self) -> None:
        if self.region is not None and self.subdivision is not None:
            _holidays(self.region, self.subdivision, 2000)

    @property
    def is_known(self) -> bool:
        """There is a calendar for the region, or none is needed."""
        return self.region is None or self.region in _supported()

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and (day in self.named or not self.is_known or self._holiday(day) is not None)

    def name_of(self, day: date) -> str | None:
        """Why this day is closed, in words; None when it is not."""
        if day in self.named:
            return "a day without calls in this campaign"
        if not self.is_known:
            return f"no holiday calendar is known for {self.region}"
        return self._holiday(day)

    def _holiday(self, day: date) -> str | None:
        if self.region is None:
            return None
        return _holidays(self.region, self.subdivision, day.year).get(day)

    def __iter__(self) -> Iterator[date]:
        return iter(sorted(self.named))


@lru_cache(maxsize=1024)
def _holidays(region: str, subdivision: str | None, year: int) -> dict[date, str]:
    try:
        days = holidays.country_holidays(region, subdiv=subdivision, years=year, expand=False, language="en_US")
    except NotImplementedError:
        raise BadInput(
            f"no holidays are known for {region} {subdivision or ''}".rstrip(),
            do="give the days without calls yourself, or leave the subdivision away",
        ) from None
    return dict(days.items())


@lru_cache(maxsize=1)
def _supported() -> frozenset[str]:
    return frozenset(holidays.list_supported_countries())

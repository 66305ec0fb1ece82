"""Says on which local days nobody is called: public holidays of the callee's country, and days a campaign names.

Given a region and the campaign's own days, answers for one date; a country whose holidays are not known is closed on
every day that must be checked. Never decides whether holidays matter: the campaign does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import holidays

from opendeep_kit.errors import BadInput


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
        found = holidays.country_holidays(region, subdiv=subdivision, years=year, expand=False, language="en_US")
    except NotImplementedError:
        raise BadInput(
            f"no holidays are known for {region} {subdivision or ''}".rstrip(),
            do="give the days without calls yourself, or leave the subdivision away",
        ) from None
    return dict(found.items())


@lru_cache(maxsize=1)
def _supported() -> frozenset[str]:
    return frozenset(holidays.list_supported_countries())

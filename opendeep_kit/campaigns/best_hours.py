"""Finds the hours of the day at which a tenant's callees answer.

Given past attempts by the callee's local hour, suggests a better hour near a time, or none. Few attempts say nothing,
and an hour that was hardly tried counts as the average. Never asks whether a call is allowed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from opendeep_kit.campaigns.retries import Opening

MIN_ATTEMPTS = 50
"""From so many on they say something."""
DOUBT = 10
"""Each hour is judged as if so many further attempts had come out as the average does."""
BETTER_BY = 1.2
"""An hour is waited for when its share is higher by this factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One attempt at which somebody could have answered."""

    at: datetime
    zone: str
    """The callee's, an IANA name."""
    is_answered: bool
    """By a person."""


@dataclass(frozen=True, slots=True)
class BestHours:
    """The share of answered attempts, 0..1, by the callee's hour: 24 of them."""

    shares: Sequence[float]

    def better(self, at: datetime, zone: str, opening: Opening, *, latest: datetime) -> datetime | None:
        """The open time up to `latest`, whole hours after `at`, at which most answer; None: `at` is as good.

        Whole hours later: calls that were spread over an hour stay so.
        """
        own = ZoneInfo(zone)
        later = [hour for hours in range(1, 24) if (hour := at + timedelta(hours=hours)) <= latest]
        floor = self.shares[at.astimezone(own).hour] * BETTER_BY
        promising = [(self.shares[hour.astimezone(own).hour], hour) for hour in later]
        ordered = sorted((hour for hour in promising if hour[0] > floor), key=lambda hour: (-hour[0], hour[1]))
        return next((hour for _, hour in ordered if opening(hour) == hour), None)


def best_hours(tried: Iterable[Tried]) -> BestHours | None:
    """What the attempts tell; None: they are too few."""
    made: Counter[int] = Counter()
    answered: Counter[int] = Counter()
    for attempt in tried:
        hour = attempt.at.astimezone(ZoneInfo(attempt.zone)).hour
        made[hour] += 1
        answered[hour] += attempt.is_answered
    if made.total() < MIN_ATTEMPTS:
        return None
    average = answered.total() / made.total()
    return BestHours([(answered[hour] + DOUBT * average) / (made[hour] + DOUBT) for hour in range(24)])

"""At which of their hours callees answer."""

from datetime import UTC, datetime, timedelta

import pytest

from opendeep_kit.campaigns.best_hours import MIN_ATTEMPTS, BestHours, Tried, best_hours
from opendeep_kit.campaigns.windows import next_opening, parse_weekly

DAY = datetime(2026, 11, 24, tzinfo=UTC)
NEW_YORK, BERLIN = "America/New_York", "Europe/Berlin"


def tried(counts: dict[int, tuple[int, int]], zone: str = "UTC") -> list[Tried]:
    """Attempts by UTC hour: so many, of which so many were answered."""
    return [
        Tried(at=DAY.replace(hour=hour), zone=zone, is_answered=n < answered)
        for hour, (made, answered) in counts.items()
        for n in range(made)
    ]


def opening(daily: str, zone: str):  # type: ignore[no-untyped-def]
    """The windows of a campaign."""
    return lambda after: next_opening(parse_weekly({"daily": daily}), [zone], after)


def test_few_attempts_say_nothing() -> None:
    """From fifty on they do."""
    assert best_hours(tried({10: (MIN_ATTEMPTS - 1, 9)})) is None
    assert best_hours(tried({10: (MIN_ATTEMPTS, 9)})) is not None


def test_shares_are_by_the_callees_own_hour() -> None:
    """The same instant is another hour for another callee; an hour hardly tried counts nearly as the average."""
    found = best_hours(tried({15: (50, 40)}, NEW_YORK) + tried({15: (49, 0)}, BERLIN) + tried({20: (1, 1)}, BERLIN))
    assert found is not None
    shares = [round(share, 2) for share in found.shares]

    assert (shares[10], shares[16], shares[21], shares[3]) == (0.73, 0.07, 0.46, 0.41)


@pytest.mark.parametrize(
    ("shares", "at_hour", "daily", "better_hour"),
    [
        ({18: 0.6}, 10, "09:00-20:00", 18),
        ({18: 0.6, 19: 0.7}, 10, "09:00-20:00", 19),
        ({18: 0.6, 19: 0.6}, 10, "09:00-20:00", 18),
        ({18: 0.6, 22: 0.9}, 10, "09:00-20:00", 18),
        ({10: 0.45, 18: 0.6}, 10, "09:00-20:00", 18),
        ({10: 0.55, 18: 0.6}, 10, "09:00-20:00", None),
        ({10: 0.6}, 18, "09:00-20:00", 34),
        ({}, 10, "09:00-20:00", None),
        ({22: 0.9}, 10, "09:00-20:00", None),
    ],
)
def test_better(shares: dict[int, float], at_hour: int, daily: str, better_hour: int | None) -> None:
    """The best open hour of the next day, when it is clearly better; minutes stay, so that calls stay spread."""
    hours = BestHours([shares.get(hour, 0.2) for hour in range(24)])
    at = datetime(2026, 11, 24, at_hour + 5, 17, tzinfo=UTC)  # New York is five hours behind
    expected = None if better_hour is None else at + timedelta(hours=better_hour - at_hour)

    assert hours.better(at, NEW_YORK, opening(daily, NEW_YORK), latest=at + timedelta(days=1)) == expected


def test_of_several_better_hours_the_best_in_time() -> None:
    """One that comes too late does not hide another that comes in time."""
    hours = BestHours([{18: 0.6, 12: 0.5}.get(hour, 0.2) for hour in range(24)])
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)

    assert hours.better(at, "UTC", opening("09:00-20:00", "UTC"), latest=at + timedelta(hours=6)) == at.replace(hour=12)

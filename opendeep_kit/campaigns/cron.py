"""When a schedule is due next: a cron expression on a time zone's wall clock.

Given the expression, the zone and an instant, returns the first due instant after it. A time that the clocks skip is
due at the jump, and one that occurs twice is due the first time; an hourly schedule is due both times. Never reads a
clock, never starts anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from croniter import CroniterBadDateError, croniter

from opendeep_kit.campaigns.windows import zone
from opendeep_kit.errors import BadInput

FIELDS = 5
ALIASES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
_DRAWN = re.compile(r"(?<![a-z])[hr](?![a-z])", re.IGNORECASE)
"""`H` and `R` draw a time by hash or by lot: another process would draw another."""


def next_due(cron: str, *, time_zone: str, after: datetime) -> datetime:
    """The first instant after this one at which the schedule is due, in UTC.

    >>> next_due("0 9 * * mon-fri", time_zone="Europe/Berlin", after=datetime(2026, 3, 27, 12, tzinfo=UTC))
    datetime.datetime(2026, 3, 30, 7, 0, tzinfo=datetime.timezone.utc)

    Args:
        cron: minute, hour, day of month, month, day of week; or an alias such as `@daily`.
        time_zone: IANA name.

    Raises:
        BadInput: the expression or the zone is wrong, or the time never comes.
    """
    here = zone(time_zone)
    is_hourly = _hours(cron) == ["*"]
    for at in _moments(cron, after.astimezone(here)):
        # The library fills a skipped time in; for every hour the next hour's own is as good.
        is_due = croniter.match(cron, at.replace(tzinfo=None, fold=0)) if is_hourly else at.fold == 0
        if is_due:
            return at.astimezone(UTC)
    raise _never(cron)


def _hours(cron: str) -> list[int | str]:
    """What the hour's field comes to."""
    shown = cron.strip()[:40]
    if shown.startswith("@"):
        if shown not in ALIASES:
            raise BadInput(f"{shown!r} is not a schedule", do=f"use one of: {', '.join(ALIASES)}")
    elif len(cron.split()) != FIELDS or _DRAWN.search(cron):
        raise BadInput(
            f"{shown!r} is not a schedule", do='give minute, hour, day, month and weekday, such as "0 9 * * mon-fri"'
        )
    try:
        fields: list[list[int | str]] = croniter.expand(cron)[0]
    except ValueError:
        raise BadInput(
            f"{shown!r} is not a schedule", do='check minute, hour, day, month and weekday, such as "0 9 * * mon-fri"'
        ) from None
    return fields[1]


def _moments(cron: str, after: datetime) -> Iterator[datetime]:
    """What the library makes of it: skipped times filled in, those that come twice given twice."""
    every = croniter(cron, after)
    try:
        while True:
            at: datetime = every.get_next(datetime)
            yield at
    except CroniterBadDateError:
        raise _never(cron) from None


def _never(cron: str) -> BadInput:
    return BadInput(f"{cron.strip()[:40]!r} never occurs", do="choose a day that exists in some year")

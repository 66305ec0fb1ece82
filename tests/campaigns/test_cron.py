"""When a schedule is due next, across the clocks' changes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendeep_kit.campaigns.cron import next_due
from opendeep_kit.errors import BadInput

NEW_YORK, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"


def due(cron: str, zone: str, after: str, count: int) -> list[str]:
    """The next so many times, in UTC."""
    at, found = datetime.fromisoformat(after).replace(tzinfo=UTC), []
    for _ in range(count):
        at = next_due(cron, time_zone=zone, after=at)
        found.append(at.strftime("%m-%d %H:%M"))
    return found


@pytest.mark.parametrize(
    ("cron", "zone", "after", "times"),
    [
        ("0 9 * * mon-fri", "Asia/Kolkata", "2026-01-02 12:00", ["01-05 03:30", "01-06 03:30"]),
        ("*/15 * * * *", "UTC", "2026-01-01 00:00", ["01-01 00:15", "01-01 00:30"]),
        ("@daily", NEW_YORK, "2026-01-01 06:00", ["01-02 05:00", "01-03 05:00"]),
        ("0 0 l * *", "UTC", "2026-02-01 00:00", ["02-28 00:00", "03-31 00:00"]),
        ("0 9 * * *", BERLIN, "2026-03-28 07:59", ["03-28 08:00", "03-29 07:00"]),
    ],
)
def test_the_wall_clock_of_the_zone_counts(cron: str, zone: str, after: str, times: list[str]) -> None:
    """A time is one of the zone's wall clock, whatever its distance from UTC on that day."""
    assert due(cron, zone, after, len(times)) == times


@pytest.mark.parametrize(
    ("cron", "zone", "after", "times"),
    [
        ("30 2 * * *", NEW_YORK, "2026-03-07 12:00", ["03-08 07:00", "03-09 06:30"]),
        ("0 2,3 * * *", NEW_YORK, "2026-03-08 00:00", ["03-08 07:00", "03-09 06:00"]),
        ("15 2 * * *", LORD_HOWE, "2026-10-03 00:00", ["10-03 15:30", "10-04 15:15"]),
        ("0 9 * * *", "Pacific/Apia", "2011-12-29 20:00", ["12-30 10:00", "12-30 19:00"]),
    ],
)
def test_a_skipped_time_is_due_as_the_clocks_jump(cron: str, zone: str, after: str, times: list[str]) -> None:
    """A time that a day does not have is not left out: it is due at the jump, and once."""
    assert due(cron, zone, after, 2) == times


@pytest.mark.parametrize(
    ("cron", "zone", "after", "times"),
    [
        ("30 1 * * *", NEW_YORK, "2026-11-01 00:00", ["11-01 05:30", "11-02 06:30"]),
        ("30 1 * * *", NEW_YORK, "2026-11-01 05:45", ["11-02 06:30", "11-03 06:30"]),
        ("0 */2 * * *", BERLIN, "2026-10-24 23:00", ["10-25 00:00", "10-25 03:00"]),
    ],
)
def test_a_time_that_comes_twice_is_due_the_first_time(cron: str, zone: str, after: str, times: list[str]) -> None:
    """A schedule with an hour is due once on a day, although its clock shows the hour twice."""
    assert due(cron, zone, after, 2) == times


def test_a_schedule_of_every_hour_is_due_in_every_hour() -> None:
    """It is due in both of two equal hours, and does not catch up a skipped one."""
    assert due("15 * * * *", NEW_YORK, "2026-11-01 05:00", 3) == ["11-01 05:15", "11-01 06:15", "11-01 07:15"]
    assert due("15 * * * *", NEW_YORK, "2026-03-08 06:00", 3) == ["03-08 06:15", "03-08 07:15", "03-08 08:15"]
    assert due("15 * * * *", LORD_HOWE, "2026-10-03 14:30", 2) == ["10-03 14:45", "10-03 16:15"]


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("0 0 30 2 *", "'0 0 30 2 *' never occurs"),
        ("0 9 31 4,6,9,11 *", "never occurs"),
        ("60 * * * *", "is not a schedule: check minute"),
        ("0 9 * * * *", "is not a schedule: give minute"),
        ("", "is not a schedule: give minute"),
        ("h 9 * * *", "is not a schedule: give minute"),
        ("R(1-5) 9 * * *", "is not a schedule: give minute"),
        ("@reboot", "'@reboot' is not a schedule: use one of: @hourly, @daily"),
    ],
)
def test_what_is_no_schedule_is_refused(cron: str, told: str) -> None:
    """An expression that is malformed, drawn by lot or never comes is told."""
    with pytest.raises(BadInput) as refused:
        next_due(cron, time_zone="UTC", after=datetime(2026, 1, 1, tzinfo=UTC))

    assert told in str(refused.value)


@pytest.mark.parametrize("zone", ["Moon/Base", "", "localtime", "../etc/passwd"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    """A zone must be one that this calendar knows."""
    with pytest.raises(BadInput, match="is no time zone"):
        next_due("0 9 * * *", time_zone=zone, after=datetime(2026, 1, 1, tzinfo=UTC))


FIELD = st.text(alphabet="0123456789*/-,#?Llmonth", max_size=5).filter(lambda text: " " not in text)


@given(cron=st.lists(FIELD, min_size=5, max_size=5).map(" ".join) | st.text(max_size=24))
def test_any_text_is_a_schedule_or_refused(cron: str) -> None:
    """Whatever is written, there is a later time or a sentence, never another error."""
    after = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        at = next_due(cron, time_zone=NEW_YORK, after=after)
    except BadInput:
        return
    assert after < at < after + timedelta(days=366 * 51)

"""Calling windows on wall clocks: weeks, zones of half an hour, and days on which the clocks change."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendeep_kit.campaigns.windows import (
    SEARCH,
    Span,
    Weekly,
    Window,
    is_open,
    next_opening,
    next_span,
    openings,
    parse_weekly,
    parse_window,
    weekly_spec,
    zone,
)
from opendeep_kit.errors import BadInput, OurMistake

NINE_TO_EIGHT = parse_weekly({"daily": "09:00-20:00"})
ALWAYS = parse_weekly({"daily": "00:00-24:00"})
ZONES = [
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Phoenix",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Africa/Cairo",
    "Australia/Adelaide",
    "Australia/Eucla",
    "Australia/Lord_Howe",
    "Europe/London",
    "Europe/Moscow",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "UTC",
]


def utc(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spans(week: Weekly, place: str, start: str, end: str) -> list[tuple[str, str]]:
    """Open times as UTC text."""
    found = openings(week, [place], utc(start), utc(end))
    return [(f"{span.opens_at:%d %H:%M}", f"{span.closes_at:%d %H:%M}") for span in found]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("09:00", "is not a window"),
        ("9-20", "is not a window"),
        ("09:00-20:60", "is not a window"),
        ("09:00-24:01", "the window 09:00–24:01 is impossible"),
        ("09:00-25:00", "the window 09:00–25:00 is impossible"),
        ("24:00-24:00", "is impossible: give opening before closing"),
        ("09:00-09:00", "is impossible: give opening before closing"),
        ("22:00-02:00", "write 22:00-24:00 on this day and 00:00-02:00 on the next: no window crosses midnight"),
        ("22:00-00:00", "write 22:00-24:00 on this day: no window crosses midnight"),
    ],
)
def test_impossible_window(text: str, says: str) -> None:
    """Refused with what to write instead; a window across midnight is two windows."""
    with pytest.raises(BadInput, match=says):
        parse_window(text)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({}, "no window is open on any day"),
        ({"mon-fri": ""}, "no window is open on any day"),
        ({"someday": "09:00-10:00"}, "'someday' is not a day"),
        ({"mon-xyz": "09:00-10:00"}, "'mon-xyz' is not a day"),
        ({"daily": "09:00-12:00", "fri": "11:00-13:00"}, "on fri the windows 09:00–12:00 and 11:00–13:00 overlap"),
    ],
)
def test_impossible_week(spec: dict[str, str], says: str) -> None:
    """A week that is never open, an unknown day and windows that overlap are refused."""
    with pytest.raises(BadInput, match=says):
        parse_weekly(spec)


def test_days() -> None:
    """Ranges may wrap, lists and windows may be many."""
    week = parse_weekly({"sat-mon": ["10:00-12:00", "08:00-09:00"], "wed,thu": "13:00-24:00"})

    assert [len(day) for day in week.days] == [2, 0, 1, 1, 0, 2, 2]
    assert week.days[0] == (Window(opens=480, closes=540), Window(opens=600, closes=720))


@pytest.mark.parametrize(
    "name", ["", "America", "Mars/Base", "../../etc/passwd", "localtime", "Etc/Unknown", "Europe/Berlin\0"]
)
def test_unknown_zone(name: str) -> None:
    """Nothing but an IANA zone is one; this host's own clock is none."""
    with pytest.raises(BadInput, match="is no time zone: give an IANA name"):
        zone(name)


def test_time_without_zone() -> None:
    """A naive time is a mistake, never taken for this host's."""
    with pytest.raises(OurMistake, match="without a zone"):
        is_open(NINE_TO_EIGHT, ["UTC"], datetime(2026, 1, 1, 12))


@pytest.mark.parametrize(
    ("place", "opens", "closes"),
    [
        ("Asia/Kolkata", "03:30", "14:30"),
        ("Asia/Kathmandu", "03:15", "14:15"),
        ("Australia/Adelaide", "22:30", "09:30"),  # summer there
        ("Australia/Eucla", "00:15", "11:15"),
        ("America/St_Johns", "12:30", "23:30"),
    ],
)
def test_zones_of_half_and_quarter_hours(place: str, opens: str, closes: str) -> None:
    """09:00 is at the minute at which it is 09:00 there."""
    today = next_span(NINE_TO_EIGHT, [place], utc("2026-01-13 15:00"))
    assert today is not None
    span = next_span(NINE_TO_EIGHT, [place], today.closes_at)

    assert span is not None
    assert (f"{span.opens_at:%H:%M}", f"{span.closes_at:%H:%M}") == (opens, closes)
    assert not is_open(NINE_TO_EIGHT, [place], span.closes_at)
    assert is_open(NINE_TO_EIGHT, [place], span.closes_at - timedelta(microseconds=1))


@pytest.mark.parametrize(
    ("hours", "place", "start", "end", "found"),
    [
        # New York, 8 March 2026: 02:00 EST becomes 03:00 EDT at 07:00 UTC.
        (
            "09:00-20:00",
            "America/New_York",
            "2026-03-07 12:00",
            "2026-03-09",
            [("07 14:00", "08 01:00"), ("08 13:00", "09 00:00")],
        ),
        ("02:00-03:00", "America/New_York", "2026-03-08", "2026-03-09", []),
        ("02:30-04:00", "America/New_York", "2026-03-08", "2026-03-09", [("08 07:00", "08 08:00")]),
        ("01:00-02:30", "America/New_York", "2026-03-08", "2026-03-09", [("08 06:00", "08 07:00")]),
        # 1 November 2026: 02:00 EDT becomes 01:00 EST at 06:00 UTC; 01:00–02:00 comes twice.
        ("01:00-02:00", "America/New_York", "2026-11-01", "2026-11-02", [("01 05:00", "01 07:00")]),
        (
            "00:00-01:30",
            "America/New_York",
            "2026-11-01",
            "2026-11-02",
            [("01 04:00", "01 05:30"), ("01 06:00", "01 06:30")],
        ),
        (
            "01:30-03:00",
            "America/New_York",
            "2026-11-01",
            "2026-11-02",
            [("01 05:30", "01 06:00"), ("01 06:30", "01 08:00")],
        ),
        # Lord Howe moves by half an hour, at 15:30 UTC on 4 October 2026 back to summer.
        ("02:00-03:00", "Australia/Lord_Howe", "2026-10-03 12:00", "2026-10-04 12:00", [("03 15:30", "03 16:00")]),
        # Cairo skips midnight itself: 24 April 2026 begins at 01:00.
        ("00:00-02:00", "Africa/Cairo", "2026-04-23 12:00", "2026-04-24 12:00", [("23 22:00", "23 23:00")]),
        # Samoa had no 30 December 2011.
        (
            "09:00-10:00",
            "Pacific/Apia",
            "2011-12-29",
            "2012-01-01",
            [("29 19:00", "29 20:00"), ("30 19:00", "30 20:00"), ("31 19:00", "31 20:00")],
        ),
    ],
)
def test_change_of_clocks(hours: str, place: str, start: str, end: str, found: list[tuple[str, str]]) -> None:
    """An hour that is skipped does not exist, one that is repeated is open twice, and a day may be missing."""
    assert spans(parse_weekly({"daily": hours}), place, start, end) == found


def test_missing_day() -> None:
    """On the Friday that Samoa skipped nothing opens: the week goes from Thursday to Saturday."""
    friday = parse_weekly({"fri": "09:00-10:00"})

    assert next_opening(friday, ["Pacific/Apia"], utc("2011-12-29 12:00")) == utc("2012-01-05 19:00")


def test_day_until_midnight_joins_the_next() -> None:
    """24:00 is the day's end: with 00:00 on the next day it is one open time."""
    week = parse_weekly({"fri": "22:00-24:00", "sat": "00:00-02:00"})

    assert spans(week, "Europe/Paris", "2026-01-09", "2026-01-12") == [("09 21:00", "10 01:00")]


def test_always_open() -> None:
    """Windows that never close are open at once, and as far as anybody looks."""
    now = utc("2026-03-08 07:00")

    assert next_opening(ALWAYS, ["America/New_York"], now) == now
    assert next_span(ALWAYS, ["America/New_York"], now) == Span(now, now + SEARCH)


def test_several_zones() -> None:
    """Open only while every one of them is: Boise opens an hour before Los Angeles, and closes before it."""
    span = next_span(NINE_TO_EIGHT, ["America/Boise", "America/Los_Angeles"], utc("2026-06-01 06:00"))

    assert span is not None
    assert (span.opens_at, span.closes_at) == (utc("2026-06-01 16:00"), utc("2026-06-02 02:00"))


def test_zones_that_share_no_hour() -> None:
    """Between Auckland and Madrid there is no common 09:00–17:00; no zone at all is never open."""
    week = parse_weekly({"daily": "09:00-17:00"})

    assert next_opening(week, ["Pacific/Auckland", "Europe/Madrid"], utc("2026-06-01")) is None
    assert next_opening(week, [], utc("2026-06-01")) is None
    assert not is_open(ALWAYS, [], utc("2026-06-01"))


def test_closed_day_is_the_callees() -> None:
    """A closed date counts on the callee's calendar: it is Saturday in Tokyo while Friday goes on in London."""
    closed = frozenset([date(2026, 5, 2)])

    assert not is_open(ALWAYS, ["Asia/Tokyo"], utc("2026-05-01 16:00"), closed)
    assert is_open(ALWAYS, ["Europe/London"], utc("2026-05-01 16:00"), closed)
    assert next_opening(ALWAYS, ["Asia/Tokyo"], utc("2026-05-01 16:00"), closed) == utc("2026-05-02 15:00")


window_lists = st.lists(st.integers(0, 96), min_size=2, max_size=4, unique=True).map(
    lambda edges: tuple(
        Window(opens=first * 15, closes=last * 15)
        for first, last in zip(sorted(edges)[::2], sorted(edges)[1::2], strict=False)
    )
)
weeks = (
    st.lists(st.one_of(st.just(()), window_lists), min_size=7, max_size=7)
    .filter(any)
    .map(lambda days: Weekly(days=tuple(days)))
)
instants = st.datetimes(datetime(2011, 12, 25), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))
changes = st.sampled_from(
    [
        utc(text)
        for text in (
            "2026-03-08 07:00",
            "2026-11-01 06:00",
            "2026-03-29 01:00",
            "2026-10-25 01:00",
            "2026-04-04 15:30",
            "2026-04-23 22:00",
        )
    ]
)
near_changes = st.builds(lambda at, minutes: at + timedelta(minutes=minutes), changes, st.integers(-3000, 3000))


@settings(max_examples=150, deadline=None)
@given(
    week=weeks, places=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3), now=st.one_of(instants, near_changes)
)
def test_openings_agree_with_the_wall_clocks(week: Weekly, places: list[str], now: datetime) -> None:
    """Every quarter of an hour of two days is in an open time exactly when all wall clocks stand in a window."""
    found = openings(week, places, now, now + timedelta(days=2))
    for quarter in range(0, 2 * 96, 5):
        at = now + timedelta(minutes=15 * quarter)
        walls = [at.astimezone(ZoneInfo(name)) for name in places]
        inside = all(
            any(w.opens <= wall.hour * 60 + wall.minute < w.closes for w in week.days[wall.weekday()]) for wall in walls
        )
        assert any(span.opens_at <= at < span.closes_at for span in found) == inside
        assert is_open(week, places, at) == inside


@settings(max_examples=150, deadline=None)
@given(
    week=weeks, places=st.lists(st.sampled_from(ZONES), min_size=1, max_size=3), now=st.one_of(instants, near_changes)
)
def test_next_opening_is_open(week: Weekly, places: list[str], now: datetime) -> None:
    """It is never early, and nothing before it is open."""
    at = next_opening(week, places, now)
    if at is None:
        assert openings(week, places, now, now + timedelta(days=14)) == []
        return
    assert at >= now
    assert is_open(week, places, at)
    assert openings(week, places, now, at) == []


@given(st.lists(st.lists(st.tuples(st.integers(0, 47), st.integers(1, 48)), max_size=3), min_size=7, max_size=7))
def test_a_week_as_a_setting_there_and_back(days: list[list[tuple[int, int]]]) -> None:
    """Every week that is possible can be written down, and is read as the same."""
    halves = [[Window(opens=30 * a, closes=30 * b) for a, b in day if a < b] for day in days]
    try:
        week = Weekly(days=tuple(tuple(sorted(day, key=lambda window: window.opens)) for day in halves))
    except BadInput:
        return
    assert parse_weekly(weekly_spec(week)) == week

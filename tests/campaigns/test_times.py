"""The time at which a callee wants to be called, from their own words; what is not understood is nothing."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendeep_kit.campaigns.times import asked_time

NEW_YORK = "America/New_York"
NOW = datetime(2026, 3, 3, 15, tzinfo=UTC)
"""A Tuesday, 10:00 in New York."""


@pytest.mark.parametrize(
    ("words", "local"),
    [
        ("tomorrow afternoon at three", "Wed 04 Mar 15:00"),
        ("tomorrow at 3", "Wed 04 Mar 15:00"),
        ("Tomorrow, at 9 please.", "Wed 04 Mar 09:00"),
        ("half past three tomorrow", "Wed 04 Mar 15:30"),
        ("three thirty tomorrow", "Wed 04 Mar 15:30"),
        ("twenty-five past 9 tomorrow morning", "Wed 04 Mar 09:25"),
        ("quarter to four", "Tue 03 Mar 15:45"),
        ("the day after tomorrow at nine", "Thu 05 Mar 09:00"),
        ("in two hours", "Tue 03 Mar 12:00"),
        ("in half an hour", "Tue 03 Mar 10:30"),
        ("in an hour and a half", "Tue 03 Mar 11:30"),
        ("call me back in 20 minutes", "Tue 03 Mar 10:20"),
        ("friday morning", "Fri 06 Mar 10:00"),
        ("monday", "Mon 09 Mar 10:00"),
        ("tuesday at 2 pm", "Tue 10 Mar 14:00"),
        ("next week monday at eleven", "Mon 09 Mar 11:00"),
        ("on the 12th at noon", "Thu 12 Mar 12:00"),
        ("may 5th at 4", "Tue 05 May 16:00"),
        ("tonight", "Tue 03 Mar 19:00"),
        ("8 in the evening", "Tue 03 Mar 20:00"),
        ("at nine", "Wed 04 Mar 09:00"),
        ("15:30", "Tue 03 Mar 15:30"),
        ("3 p.m.", "Tue 03 Mar 15:00"),
        ("2026-03-05T15:00", "Thu 05 Mar 15:00"),
        ("2026-03-05T15:00:00+00:00", "Thu 05 Mar 10:00"),
        ("2026-03-05", "Thu 05 Mar 10:00"),
        ("in five days", "Sun 08 Mar 10:00"),  # the clocks change on that night: 10:00 said, 10:00 kept
    ],
)
def test_understood(words: str, local: str) -> None:
    """On the callee's wall clock; without am or pm by the part of the day, else by working hours."""
    at = asked_time(words, zones=[NEW_YORK], now=NOW)

    assert at is not None
    assert f"{at.astimezone(ZoneInfo(NEW_YORK)):%a %d %b %H:%M}" == local


@pytest.mark.parametrize(
    "words",
    [
        "",
        "never",
        "soon",
        "after lunch",
        "not tomorrow",
        "tomorrow at 3 or 4",
        "thursday between 3 and 4",
        "any time after 6",
        "tomorrow at 25:00",
        "tomorrow at 0 pm",
        "half to four",
        "february 30",
        "march 99999999999999999999999",
        "in 5 years",
        "in 999999999 weeks",
        "2020-01-01",
        "today at 9 in the morning",
        "may I ask who you are",
        "x" * 10_000,
    ],
)
def test_not_understood(words: str) -> None:
    """A word too many, a day that is none, a time that is past or far away: nothing, rather than a wrong time."""
    assert asked_time(words, zones=[NEW_YORK], now=NOW) is None


def test_several_zones() -> None:
    """A delay is one instant in every zone; three o'clock is not; and without a zone nothing is known."""
    zones = ["America/Boise", "America/Los_Angeles"]

    assert asked_time("in two hours", zones=zones, now=NOW) == NOW + timedelta(hours=2)
    assert asked_time("tomorrow at three", zones=zones, now=NOW) is None
    assert asked_time("tomorrow at three", zones=["Asia/Kolkata", "Asia/Calcutta"], now=NOW) is not None
    assert asked_time("in two hours", zones=[], now=NOW) is None


@given(
    words=st.one_of(
        st.text(max_size=60),
        st.lists(
            st.sampled_from(
                [
                    "at",
                    "in",
                    "the",
                    "tomorrow",
                    "monday",
                    "3",
                    "15:30",
                    "half",
                    "past",
                    "to",
                    "am",
                    "pm",
                    "an",
                    "hour",
                    "days",
                    "march",
                    "31",
                    "31st",
                    "noon",
                    "tonight",
                    "morning",
                    "-",
                    ":",
                    ".",
                    "0",
                    "1000000",
                ]
            ),
            max_size=8,
        ).map(" ".join),
    )
)
def test_anything_may_be_said(words: str) -> None:
    """Whatever the words, the answer is a time to come within a year, or none."""
    at = asked_time(words, zones=[NEW_YORK], now=NOW)

    assert at is None or NOW < at <= NOW + timedelta(days=366)

"""Who waits: found by campaign, clock and due time, without looking at those who are not due."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from heapq import heappop
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendeep_kit.campaigns import waiting
from opendeep_kit.campaigns.calendars import Calendar, ClosedDays, clock
from opendeep_kit.campaigns.waiting import WaitingRoom
from opendeep_kit.campaigns.windows import is_open, next_opening, parse_weekly
from opendeep_kit.errors import OurMistake

NOW = datetime(2026, 3, 10, 14, tzinfo=UTC)
"""A Tuesday: 10:00 in New York, 07:00 in Los Angeles, 19:30 in Kolkata."""
WEEK = parse_weekly({"daily": "09:00-20:00"})
NEW_YORK = clock(("America/New_York",), ClosedDays())
LOS_ANGELES = clock(("America/Los_Angeles",), ClosedDays())
KOLKATA = clock(("Asia/Kolkata",), ClosedDays())
NOWHERE = clock((), ClosedDays())
SECOND = timedelta(seconds=1)


@pytest.fixture
def room() -> WaitingRoom:
    """An empty room with one campaign."""
    made = WaitingRoom(NOW)
    made.open_campaign("c", WEEK)
    return made


def taken(room: WaitingRoom, now: datetime) -> list[Any]:
    """Everybody who is due at this time, in order."""
    room.advance(now, until=now + SECOND)
    found = []
    while (contact := room.take("c")) is not None:
        found.append(contact.contact_id)
    return found


def test_due_inside_the_window(room: WaitingRoom) -> None:
    """Given out when due and open, once."""
    room.add("c", "now", NEW_YORK, due_at=NOW)
    room.add("c", "later", NEW_YORK, due_at=NOW + timedelta(minutes=5))
    room.add("c", "closed", LOS_ANGELES, due_at=NOW)

    assert taken(room, NOW) == ["now"]
    assert taken(room, NOW + timedelta(minutes=5)) == ["later"]
    assert taken(room, NOW + timedelta(hours=1, minutes=59)) == []
    assert taken(room, NOW + timedelta(hours=2)) == ["closed"]
    assert len(room) == 0


def test_order(room: WaitingRoom) -> None:
    """Promised ones first, then whose window closes soonest, then who waited longest."""
    room.add("c", "second", NEW_YORK, due_at=NOW - 2 * SECOND)
    room.add("c", "first", NEW_YORK, due_at=NOW - 3 * SECOND)
    room.add("c", "soon", KOLKATA, due_at=NOW)
    room.add("c", "promised", NEW_YORK, due_at=NOW, is_promised=True)

    room.advance(NOW, until=NOW + SECOND)
    assert room.due("c") == (4, 1)
    assert taken(room, NOW) == ["promised", "soon", "first", "second"]
    assert room.due("c") == (0, 0)


def test_window_closes(room: WaitingRoom) -> None:
    """One who was not reached in time waits until the next morning; the last tick before closing gives nobody out."""
    room.add("c", "x", KOLKATA, due_at=NOW)
    closing = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)

    room.advance(closing - 2 * SECOND, until=closing - SECOND)
    assert room.due("c") == (1, 0)
    room.advance(closing - SECOND, until=closing)
    assert room.due("c") == (0, 0)
    assert taken(room, closing) == []
    assert taken(room, datetime(2026, 3, 11, 3, 30, tzinfo=UTC)) == ["x"]


def test_withdrawn(room: WaitingRoom) -> None:
    """Who opted out is not given out any more, whatever is added afterwards."""
    room.add("c", "x", NEW_YORK, due_at=NOW)
    room.add("c", "y", NEW_YORK, due_at=NOW)
    room.withdraw("x")
    room.add("c", "x", NEW_YORK, due_at=NOW)

    assert taken(room, NOW) == ["y"]


def test_clock_that_never_opens(room: WaitingRoom) -> None:
    """It waits for ever and costs nothing; the room tells how many there are."""
    room.add("c", "x", NOWHERE, due_at=NOW)

    assert taken(room, NOW + timedelta(days=30)) == []
    assert (room.never, len(room)) == (1, 1)


def test_holiday(room: WaitingRoom) -> None:
    """A closed day is passed over."""
    holiday = clock(("America/New_York",), ClosedDays(named=frozenset([date(2026, 3, 10)])))
    room.add("c", "x", holiday, due_at=NOW)

    assert taken(room, NOW) == []
    assert taken(room, NOW + timedelta(hours=23)) == ["x"]


def test_campaign_is_opened_once(room: WaitingRoom) -> None:
    """A second opening would lose the first one's contacts."""
    with pytest.raises(OurMistake, match="opened twice"):
        room.open_campaign("c", WEEK)


def test_cost_of_a_tick_is_what_it_gives_out(room: WaitingRoom, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 30 000 waiting, due or not, open or not, ten calls a tick touch a few dozen entries."""
    for number in range(10_000):
        room.add("c", f"a{number}", NEW_YORK, due_at=NOW)
        room.add("c", f"b{number}", NEW_YORK, due_at=NOW + timedelta(hours=3, seconds=number))
        room.add("c", f"d{number}", LOS_ANGELES, due_at=NOW)
    touched = Counter[str]()

    def counting(heap: list[Any]) -> Any:
        touched["pop"] += 1
        return heappop(heap)

    monkeypatch.setattr(waiting, "heappop", counting)
    for tick in range(20):
        room.advance(NOW + tick * SECOND, until=NOW + (tick + 1) * SECOND)
        for _ in range(10):
            room.take("c")

    assert touched["pop"] <= 20 * 10 * 2 + 10
    assert len(room) == 30_000 - 200


hours = st.integers(0, 60)
arrivals = st.lists(
    st.tuples(st.sampled_from([NEW_YORK, LOS_ANGELES, KOLKATA]), hours, st.booleans(), st.integers(0, 60)), max_size=25
)


@settings(max_examples=60, deadline=None)
@given(people=arrivals, step=st.integers(1, 7))
def test_everybody_is_given_out_once_and_inside(people: list[tuple[Any, int, bool, int]], step: int) -> None:
    """Whenever they come and whatever the ticks: never early, never outside, never twice, and in the end all."""
    room, given_out = WaitingRoom(NOW), Counter[int]()
    room.open_campaign("c", WEEK)
    now, coming = NOW, list(enumerate(people))
    while now < NOW + timedelta(hours=140):
        for index, (own, due, is_promised, comes) in [p for p in coming if NOW + timedelta(hours=p[1][3]) <= now]:
            room.add("c", index, own, due_at=NOW + timedelta(hours=due), is_promised=is_promised)
            coming.remove((index, (own, due, is_promised, comes)))
        room.advance(now, until=now + SECOND)
        expected = room.due("c")[0]
        while (found := room.take("c")) is not None:
            index = int(str(found.contact_id))
            given_out[index] += 1
            expected -= 1
            assert found.due_at <= now
            assert is_open(WEEK, people[index][0].zones, now)
        assert expected == 0
        now += timedelta(hours=step, minutes=17)

    assert given_out == dict.fromkeys(range(len(people)), 1)


@settings(max_examples=60, deadline=None)
@given(asked=st.lists(st.integers(-500, 5000), min_size=1, max_size=8))
def test_calendar_agrees_with_the_windows(asked: list[int]) -> None:
    """Asked in any order, it says what a sum from the beginning says."""
    calendar = Calendar(WEEK, NEW_YORK)
    for quarter_hours in asked:
        after = NOW + timedelta(minutes=15 * quarter_hours)
        assert calendar.opening(after) == next_opening(WEEK, NEW_YORK.zones, after)

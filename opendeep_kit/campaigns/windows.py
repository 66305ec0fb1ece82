"""Says when the wall clocks of a callee's time zones stand inside a week's calling windows.

Given windows per weekday, zones and an instant, answers open or closed and the next opening; the
law is the wall clock alone: an hour that daylight saving skips does not exist, one that it repeats counts twice. Never
reads a clock, never knows a telephone number.
"""

from __future__ import annotations

import itertools
import re
import zoneinfo
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from opendeep_kit.errors import BadInput, OurMistake

DAY_MINUTES = 24 * 60
DAY_S = 24 * 60 * 60
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SEARCH = timedelta(days=60)
"""An opening further away than so is none: longer than any row of holidays, shorter than a campaign's memory."""
_STEP_S = DAY_S
"""No zone changes its clocks twice in one day."""
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_EPOCH_WEEKDAY = 3
"""1 January 1970 was a Thursday."""
_SPAN_TEXT = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")
_NO_PLACE = frozenset(["localtime", "posixrules", "Factory", "Etc/Unknown"])
"""Names that load, but mean this host's own clock or nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A part of one day, on the callee's wall clock."""

    opens: int
    """Minutes since midnight."""
    closes: int
    """Minutes since midnight, not included; 1440 is the day's end."""

    def __post_init__(self) -> None:
        if not 0 <= self.opens < self.closes <= DAY_MINUTES:
            advice = "give opening before closing on one day"
            if 0 <= self.closes < self.opens < DAY_MINUTES:
                rest = f" and {_clock(0)}-{_clock(self.closes)} on the next" if self.closes else ""
                advice = f"write {_clock(self.opens)}-24:00 on this day{rest}: no window crosses midnight"
            raise BadInput(f"the window {self} is impossible", do=advice)

    def __str__(self) -> str:
        return f"{_clock(self.opens)}–{_clock(self.closes)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """The windows of every weekday."""

    days: tuple[tuple[Window, ...], ...]
    """Seven, Monday first; each day's windows in order."""

    def __post_init__(self) -> None:
        if len(self.days) != len(WEEKDAYS):
            raise OurMistake("a week of other than seven days", do="use parse_weekly")
        if not any(self.days):
            raise BadInput("no window is open on any day", do="give at least one, such as mon-fri = 09:00-20:00")
        for name, windows in zip(WEEKDAYS, self.days, strict=True):
            for earlier, later in itertools.pairwise(windows):
                if later.opens < earlier.closes:
                    raise BadInput(f"on {name} the windows {earlier} and {later} overlap", do="merge them into one")

    def at(self, local: datetime) -> Window | None:
        """The window in which this wall clock stands."""
        minute = local.hour * 60 + local.minute
        for window in self.days[local.weekday()]:
            if window.opens <= minute < window.closes:
                return window
        return None


@dataclass(frozen=True, slots=True)
class Span:
    """Open from one instant to another."""

    opens_at: datetime
    closes_at: datetime
    """Not included."""


def parse_weekly(spec: Mapping[str, str | Sequence[str]]) -> Weekly:
    """The week that a setting describes: days (`mon`, `mon-fri`, `sat,sun`, `daily`) and their windows.

    >>> week = parse_weekly({"mon-fri": "09:00-12:00, 13:00-20:00", "sat": "10:00-24:00"})
    >>> [str(window) for window in week.days[4]], str(week.days[5][0]), week.days[6]
    (['09:00–12:00', '13:00–20:00'], '10:00–24:00', ())

    Raises:
        BadInput: a day or a window is impossible, a window crosses midnight, or nothing is ever open.
    """
    days: list[list[Window]] = [[] for _ in WEEKDAYS]
    for name, texts in spec.items():
        pieces = texts.split(",") if isinstance(texts, str) else list(texts)
        windows = [parse_window(piece) for piece in pieces if piece.strip()]
        for day in _days(name):
            days[day] += windows
    return Weekly(days=tuple(tuple(sorted(windows, key=lambda window: window.opens)) for windows in days))


def weekly_spec(week: Weekly) -> dict[str, str]:
    """The setting that describes this week: days with the same windows that follow one another stand together.

    >>> weekly_spec(parse_weekly({"mon-wed": "09:00-12:00, 13:00-20:00", "fri": "10:00-24:00"}))
    {'mon-wed': '09:00-12:00, 13:00-20:00', 'fri': '10:00-24:00'}
    """
    spec: dict[str, str] = {}
    for windows, places in itertools.groupby(range(len(WEEKDAYS)), key=lambda place: week.days[place]):
        first, *others = (WEEKDAYS[place] for place in places)
        days = "daily" if len(others) == len(WEEKDAYS) - 1 else "-".join([first, *others[-1:]])
        if windows:
            spec[days] = ", ".join(f"{_clock(window.opens)}-{_clock(window.closes)}" for window in windows)
    return spec


def parse_window(text: str) -> Window:
    """The window that `09:00-20:30` means.

    Raises:
        BadInput: it is no window.
    """
    match = _SPAN_TEXT.fullmatch(text.strip())
    if match is None or int(match[2]) > 59 or int(match[4]) > 59:
        raise BadInput(f"{text.strip()[:40]!r} is not a window", do="write it as 09:00-20:00, in 24 hours")
    return Window(opens=int(match[1]) * 60 + int(match[2]), closes=int(match[3]) * 60 + int(match[4]))


@lru_cache(maxsize=1024)
def zone(name: str) -> zoneinfo.ZoneInfo:
    """The time zone of this IANA name. Kept: `zoneinfo` itself remembers eight, and reads the others again.

    Raises:
        BadInput: there is none.
    """
    try:
        if name in _NO_PLACE:
            raise zoneinfo.ZoneInfoNotFoundError(name)
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise BadInput(
            f"{name[:40]!r} is no time zone", do="give an IANA name such as America/New_York or Europe/Berlin"
        ) from None


def is_open(weekly: Weekly, zones: Sequence[str], now: datetime, closed: Container[date] = frozenset()) -> bool:
    """Every zone's wall clock stands inside a window, on a day that is not closed. No zones: never.

    Args:
        now: an instant; without a zone of its own it is refused.
        closed: local days without calls.
    """
    utc = _instant(now)
    for name in zones:
        local = utc.astimezone(zone(name))
        if weekly.at(local) is None or local.date() in closed:
            return False
    return bool(zones)


def openings(
    weekly: Weekly, zones: Sequence[str], start: datetime, end: datetime, closed: Container[date] = frozenset()
) -> list[Span]:
    """All times between two instants at which every zone is open, in order; touching ones are joined."""
    first, last = _instant(start).timestamp(), _instant(end).timestamp()
    common: list[tuple[float, float]] | None = None
    for name in zones:
        own = list(_joined(_pieces(weekly, name, first, last, closed)))
        common = own if common is None else _both(common, own)
    return [Span(_utc(opens), _utc(closes)) for opens, closes in common or []]


def next_span(
    weekly: Weekly, zones: Sequence[str], after: datetime, closed: Container[date] = frozenset()
) -> Span | None:
    """The open time that holds `after`, cut to begin there, or the next one; None: none within `SEARCH`.

    It ends at the latest `SEARCH` after `after`: windows that never close are seen so far and no further.
    """
    for days in (2, 9, SEARCH.days):
        spans = openings(weekly, zones, after, after + timedelta(days=days), closed)
        if spans and (spans[0].closes_at < after + timedelta(days=days) or days == SEARCH.days):
            return spans[0]
    return None


def next_opening(
    weekly: Weekly, zones: Sequence[str], after: datetime, closed: Container[date] = frozenset()
) -> datetime | None:
    """The first instant from `after` on at which every zone is open; None: none within `SEARCH`."""
    if is_open(weekly, zones, after, closed):
        return after
    span = next_span(weekly, zones, after, closed)
    return span.opens_at if span else None


# ---- inside -----------------------------------------------------------------------------------------


def _pieces(
    weekly: Weekly, name: str, first: float, last: float, closed: Container[date]
) -> Iterator[tuple[float, float]]:
    """Open times of one zone in Unix seconds: per stretch of one UTC offset, per local day, per window."""
    for starts, ends, offset in _stretches(name, first, last):
        for day in range(int((starts + offset) // DAY_S), int((ends + offset) // DAY_S) + 1):
            windows = weekly.days[(day + _EPOCH_WEEKDAY) % 7]
            if not windows or date.fromordinal(_EPOCH_ORDINAL + day) in closed:
                continue
            midnight = day * DAY_S - offset
            for window in windows:
                opens, closes = max(starts, midnight + window.opens * 60), min(ends, midnight + window.closes * 60)
                if opens < closes:
                    yield opens, closes


def _stretches(name: str, first: float, last: float) -> Iterator[tuple[float, float, int]]:
    for year in range(_utc(first).year, _utc(last).year + 1):
        for starts, ends, offset in _year(name, year):
            if starts < last and ends > first:
                yield max(starts, first), min(ends, last), offset


@lru_cache(maxsize=2048)
def _year(name: str, year: int) -> tuple[tuple[int, int, int], ...]:
    """The stretches of one UTC offset in a year: start, end, offset in seconds."""
    place = zone(name)

    def offset(at: int) -> int:
        return round((_utc(at).astimezone(place).utcoffset() or timedelta()).total_seconds())

    begin = starts = round(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    end = round(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    changes = []
    for at in range(begin, end, _STEP_S):
        low, high = at, min(at + _STEP_S, end)
        before = offset(low)
        if offset(high) == before:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == before else (low, middle)
        changes.append((starts, high, before))
        starts = high
    return (*changes, (starts, end, offset(end - 1))) if starts < end else tuple(changes)


def _joined(pieces: Iterator[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    held: tuple[float, float] | None = None
    for piece in pieces:
        if held is not None and piece[0] <= held[1]:
            held = (held[0], max(held[1], piece[1]))
            continue
        if held is not None:
            yield held
        held = piece
    if held is not None:
        yield held


def _both(left: list[tuple[float, float]], right: list[tuple[float, float]]) -> list[tuple[float, float]]:
    overlaps, i, j = [], 0, 0
    while i < len(left) and j < len(right):
        opens, closes = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if opens < closes:
            overlaps.append((opens, closes))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return overlaps


def _days(name: str) -> list[int]:
    days: list[int] = []
    for part in name.lower().split(","):
        first, dash, last = part.strip().partition("-")
        if part.strip() == "daily":
            days += range(7)
        elif first in WEEKDAYS and (last in WEEKDAYS if dash else True):
            start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
            days += [(start + step) % 7 for step in range((end - start) % 7 + 1)]
        else:
            raise BadInput(f"{part.strip()[:20]!r} is not a day", do="write mon, mon-fri, sat,sun or daily")
    return days


def _instant(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise OurMistake("a time without a zone was asked about", do="use datetime.now(UTC)")
    return at.astimezone(UTC)


def _utc(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"

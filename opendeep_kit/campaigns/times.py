"""Understands the time at which a callee wants to be called: "tomorrow afternoon at three", or ISO 8601.

Given the words, the callee's zones and the instant at which they were said, returns an instant, or None when any word
is not understood. English; a strict rule set, because the free parsers tried (dateparser 1.5, parsedatetime 2.6) read
some of these phrases as a wrong time without a sign of doubt, and a callee who named a time is rung at it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from opendeep_kit.campaigns.windows import zone

MAX_CHARS = 200
LATEST = timedelta(days=366)
"""A callback further away is a misunderstanding."""
PARTS = {"morning": time(10), "afternoon": time(14), "evening": time(18), "night": time(19), "tonight": time(19)}
"""When only a part of the day is named."""
SOME_TIME = time(10)
"""When only a day is named."""

_UNITS = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
_SMALL = {word: value for value, word in enumerate(f"{_UNITS} eighteen nineteen".split(), start=1)}
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_MONTHS = ["january", "february", "march", "april", "may", "june"]
_MONTHS += ["july", "august", "september", "october", "november", "december"]
_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8}
_ORDINALS |= {"ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "fifteenth": 15, "twentieth": 20}
_FILLER = re.compile(
    r"\b(please|call|ring|me|back|again|at|on|the|in|around|about|maybe|perhaps|o'?clock|sharp|of|this|coming|would|be"
    r"|good|better|try|then|for|and|just|um|uh|well|ok|okay|yes|sure)\b|[\s,.!]+"
)
_DELAY = re.compile(
    r"\b(?:in|after)? ?(\d+|an?|half an?|a couple of) (minute|hour|day|week)s?( and a half)?( from now)?\b"
)
_MONTH = "|".join(f"{name}|{name[:3]}" for name in _MONTHS)
_DATE = re.compile(rf"\b(?:({_MONTH}) (\d+)(?:st|nd|rd|th)?|(\d+)(?:st|nd|rd|th)? (?:of )?({_MONTH}))\b")
_DAY_OF_MONTH = re.compile(r"\bthe (\d+)(?:st|nd|rd|th)\b")
_WEEKDAY = re.compile(rf"\b(?:next |this )?({'|'.join(_WEEKDAYS)})\b")
_PAST_TO = re.compile(r"\b(half|quarter|\d+)(?: minutes?)? (past|to|after) (\d+)( ?[ap]m)?\b")
_CLOCK = re.compile(r"\b(\d{1,2})(?:[:. ](\d{2}))?( ?[ap]m)?\b(?! (?:minute|hour|day|week))")
_COMPOUND = re.compile(rf"\b({'|'.join(_TENS)})[ -]({'|'.join(list(_SMALL)[:9])})\b")
_PART = re.compile(rf"\b({'|'.join(PARTS)})\b")


@dataclass(slots=True)
class _Said:
    """What of the words is not yet understood, and what was."""

    rest: str
    today: date
    day: date | None = None
    clock: tuple[int, int] | None = None
    """Hour and minute as said."""
    half: str = ""
    """`am`, `pm`, `24` when the hour needs neither, or nothing."""
    part: str = ""

    def find(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take the pattern out of the rest."""
        match = pattern.search(self.rest)
        if match is not None:
            self.rest = f"{self.rest[: match.start()]} {self.rest[match.end() :]}"
        return match


def asked_time(words: str, *, zones: Sequence[str], now: datetime) -> datetime | None:
    """When the callee wants to be called; None: not understood, past, or different in their possible zones.

    >>> asked_time("tomorrow afternoon at three", zones=["Europe/Paris"], now=datetime(2026, 3, 3, 10, tzinfo=UTC))
    datetime.datetime(2026, 3, 4, 14, 0, tzinfo=datetime.timezone.utc)

    Args:
        now: when they said it.
    """
    text = words.strip()
    if len(text) > MAX_CHARS:
        return None
    instants = {_instant(text, name, now) for name in zones}
    if len(instants) != 1 or None in instants:
        return None
    at = instants.pop()
    return at if at is not None and now < at <= now + LATEST else None


def _instant(text: str, name: str, now: datetime) -> datetime | None:
    here = zone(name)
    local = now.astimezone(here)
    try:
        written = datetime.fromisoformat(text)
    except ValueError:
        pass
    else:
        if ":" not in text and "T" not in text:
            written = datetime.combine(written, SOME_TIME)
        return (written if written.tzinfo else written.replace(tzinfo=here)).astimezone(UTC)
    said = _Said(
        rest=_digits(text.lower().replace("’", "'").replace("a.m.", "am").replace("p.m.", "pm")), today=local.date()
    )
    delay = said.find(_DELAY)
    if delay is not None:
        return None if _FILLER.sub("", said.rest) else _later(delay, local)
    try:
        _take_day(said)
        _take_time(said)
        wall = _wall(said, local)
    except (ValueError, OverflowError):
        return None
    return None if wall is None or _FILLER.sub("", said.rest) else wall.replace(tzinfo=here).astimezone(UTC)


def _later(match: re.Match[str], local: datetime) -> datetime:
    count, unit, and_half = match[1], match[2], bool(match[3])
    amount = 0.5 if count.startswith("half") else 2.0 if "couple" in count else float(count) if count.isdigit() else 1.0
    step = {"minute": 1, "hour": 60, "day": 24 * 60, "week": 7 * 24 * 60}[unit]
    delta = timedelta(minutes=min((amount + and_half / 2) * step, 10**6))
    if unit in ("day", "week"):  # the same time of day, whatever the clocks do in between
        return (local.replace(tzinfo=None) + delta).replace(tzinfo=local.tzinfo).astimezone(UTC)
    return local.astimezone(UTC) + delta


def _take_day(said: _Said) -> None:
    """Raises ValueError: no calendar has this day."""
    today = said.today
    if said.find(re.compile(r"\bday after tomorrow\b")):
        said.day = today + timedelta(days=2)
    elif said.find(re.compile(r"\btomorrow\b")):
        said.day = today + timedelta(days=1)
    elif said.find(re.compile(r"\btoday\b")):
        said.day = today
    elif said.find(re.compile(r"\bnext week\b")):
        named = said.find(_WEEKDAY)
        monday = today + timedelta(days=7 - today.weekday())
        said.day = monday + timedelta(days=_WEEKDAYS.index(named[1]) if named else today.weekday())
    elif match := said.find(_WEEKDAY):
        ahead = (_WEEKDAYS.index(match[1]) - today.weekday() - 1) % 7 + 1
        said.day = today + timedelta(days=ahead)
    elif match := said.find(_DATE):
        month = next(place for place, name in enumerate(_MONTHS, 1) if name.startswith((match[1] or match[4])[:3]))
        day = date(today.year, month, int(match[2] or match[3]))
        said.day = day if day >= today else day.replace(year=today.year + 1)
    elif match := said.find(_DAY_OF_MONTH):
        day = today.replace(day=int(match[1]))
        said.day = day if day > today else (today.replace(day=1) + timedelta(days=32)).replace(day=int(match[1]))


def _take_time(said: _Said) -> None:
    """Raises ValueError: no clock shows it."""
    part = said.find(_PART)
    said.part = part[1] if part else ""
    if said.find(re.compile(r"\b(noon|midday)\b")):
        said.clock, said.half = (12, 0), "24"
    elif match := said.find(_PAST_TO):
        minutes = {"half": 30, "quarter": 15}.get(match[1]) or int(match[1])
        hour = int(match[3])
        if not 0 < minutes < 60 or not 1 <= hour <= 12 or (match[1] == "half" and match[2] == "to"):
            raise ValueError(match[0])
        said.clock = (hour, minutes) if match[2] != "to" else ((hour - 2) % 12 + 1, 60 - minutes)
        said.half = (match[4] or "").strip()
    elif match := said.find(_CLOCK):
        said.clock, said.half = (int(match[1]), int(match[2] or 0)), (match[3] or "").strip()
        if match[2] and (match[1].startswith("0") or int(match[1]) > 12):
            said.half = said.half or "24"


def _wall(said: _Said, local: datetime) -> datetime | None:
    """The wall clock that was meant. Raises ValueError: no clock shows it."""
    if said.day is None and said.clock is None and not said.part:
        return None
    if said.part == "tonight" and said.day is None:
        said.day = said.today
    at = PARTS[said.part] if said.clock is None and said.part else SOME_TIME
    if said.clock is not None:
        hour, minute = said.clock
        at = time(_hour(hour, said.half, said.part), minute)
    wall = datetime.combine(said.day or said.today, at)
    if said.day is None and wall <= local.replace(tzinfo=None):
        wall += timedelta(days=1)
    return wall


def _hour(hour: int, half: str, part: str) -> int:
    """The hour on a clock of 24. Without am or pm the part of the day tells; without one, working hours do."""
    if half == "24" or hour > 12:
        return hour
    if hour == 0:
        raise ValueError("no clock of twelve hours shows 0")
    if not half:
        half = {"morning": "am", "": "pm" if hour <= 7 or hour == 12 else "am"}.get(part, "pm")
        if part == "morning" and hour == 12:
            raise ValueError("twelve in the morning is midnight or noon")
    return hour % 12 + (12 if half == "pm" else 0)


def _digits(text: str) -> str:
    """The text with its number words as digits: "three thirty" becomes "3 30"."""
    text = _COMPOUND.sub(lambda match: str(_TENS[match[1]] + _SMALL[match[2]]), text)
    known = _SMALL | _TENS
    text = re.sub(rf"\b({'|'.join(known)})\b", lambda m: str(known[m[1]]), text)
    return re.sub(rf"\bthe ({'|'.join(_ORDINALS)})\b", lambda m: f"the {_ORDINALS[m[1]]}th", text)

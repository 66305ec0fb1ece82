"""How a supervisor's desk says things: instants for a browser, money, names that must be given. Pure.

Given plain values, returns words and figures. Knows neither the record nor a widget.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from opendeep_kit.errors import BadInput

NO_MINOR_UNIT = frozenset(["CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"])
"""Currencies without cents (ISO 4217)."""
THOUSANDTHS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


def epoch_ms(at: datetime) -> float:
    """The instant as a browser counts."""
    return at.timestamp() * 1000


def named(by: str) -> str:
    """Who acts.

    Raises:
        BadInput: nobody is named.
    """
    if not by.strip():
        raise BadInput("it is not said who does this", do="write your name at the top of the page")
    return by.strip()


def money(minor: int, currency: str) -> str:
    """12.50 USD."""
    if currency in NO_MINOR_UNIT:
        return f"{minor:,} {currency}"
    digits = 3 if currency in THOUSANDTHS else 2
    return f"{minor / 10**digits:,.{digits}f} {currency}"


def moment(at: datetime, now: datetime, time_zone: str) -> str:
    """When it is, on the tenant's wall clock, and in how long: `14:30 CET, in 12 min`."""
    there = at.astimezone(ZoneInfo(time_zone))
    is_today = there.date() == now.astimezone(ZoneInfo(time_zone)).date()
    clock = f"{there:%H:%M %Z}" if is_today else f"{there:%a %d %b %H:%M %Z}"
    return f"{clock}, in {_span(at - now)}" if at > now else clock


def _span(wait: timedelta) -> str:
    minutes = wait.total_seconds() / 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 36 * 60 else f"{minutes / 1440:.0f} days"

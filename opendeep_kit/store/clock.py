"""The time, as the record notes it.

Given nothing, says what time it is. Whatever decides something by the time is given this function, or the time itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Now, with its zone."""
    return datetime.now(UTC)

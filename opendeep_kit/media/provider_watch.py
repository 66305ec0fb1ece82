"""Remembers what the voice model's provider told this media worker about our limits, for the next heartbeat.

Given allowances and refusals with their time, keeps the newest of each. Never asks the provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from opendeep_kit.campaigns.capacity import Allowance, Sign, carried
from opendeep_kit.voice.wire import RateLimit


class ProviderWatch:
    """Of all calls of one worker."""

    def __init__(self) -> None:
        self._allowances: dict[str, Allowance] = {}
        self._blocked_until: datetime | None = None

    def note(self, limits: Sequence[RateLimit], wait_s: float, *, now: datetime) -> None:
        """Allowances, or for how many seconds we are turned away."""
        for limit in limits:
            resets_at = now + timedelta(seconds=max(0.0, limit.reset_seconds))
            self._allowances[limit.name] = Allowance(name=limit.name, remaining=limit.remaining, resets_at=resets_at)
        if wait_s > 0:
            self._blocked_until = now + timedelta(seconds=wait_s)

    def sign(self, now: datetime) -> Sign:
        """What of it still holds."""
        is_blocked = self._blocked_until is not None and self._blocked_until > now
        allowance = carried(list(self._allowances.values()), now=now)
        return replace(allowance, blocked_until=self._blocked_until if is_blocked else None)

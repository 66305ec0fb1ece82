"""How soon a voice model that broke off is tried again, and when it is given up. Pure.

Given how each connection ended, with times in seconds on any one clock, returns the pause before the next. Never
connects, never waits.
"""

from __future__ import annotations

from opendeep_kit.errors import Unavailable
from opendeep_kit.settings import VoiceSettings

STEADY_S = 2.0
"""A session that lasted this long, and answered, was a good one; any other counts as a failed attempt."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 1.5


class ReconnectPolicy:
    """One call's attempts, counted from the last good session."""

    def __init__(self, settings: VoiceSettings) -> None:
        self._settings = settings
        self._failures = 0
        self._sessions = 0
        self._give_up_at = 0.0

    def pause(self, began: float, now: float, error: Unavailable | None = None, *, has_answered: bool = True) -> float:
        """Seconds until the next attempt.

        Args:
            began: when the connection that is over now was begun.
            error: why there was no session; None when there was one.
            has_answered: whether that session gave a whole response, or was asked for none.

        Raises:
            Unavailable: too many attempts, too much time, or too many sessions that broke.
        """
        self._sessions += error is None
        if self._sessions > 2 * self._settings.reconnect_attempts:
            raise Unavailable("the voice model's connection breaks again and again", do="look at its log")
        if error is None and has_answered and now - began >= STEADY_S:
            self._failures = 0
            return 0.0
        self._failures += 1
        if self._failures == 1:
            self._give_up_at = now + self._settings.reconnect_within_s
        wait = min(FIRST_PAUSE_S * 2.0 ** (self._failures - 1), LONGEST_PAUSE_S)
        if self._failures > self._settings.reconnect_attempts or now + wait > self._give_up_at:
            do = error.do if error is not None else "look at its log"
            raise Unavailable("the voice model stayed away", do=do) from error
        return wait

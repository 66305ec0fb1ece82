"""Decides when the agent opens the talk, when it asks into a silence, and when the call is over. Pure.

Given the call's events and the time on its clock, answers `check` with at most one thing to do. Never touches the
line or the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from opendeep_kit import events
from opendeep_kit.outcomes import EndedBy
from opendeep_kit.settings import CallSettings
from opendeep_kit.voice.tools import FollowUp

FILL_AFTER_MS = 2000
"""When the model is missing for this long, the callee is asked to wait."""
QUIET_BEFORE_HANG_UP_MS = 500
"""A line that closes on the last syllable of a goodbye sounds rude."""
STAYED_SILENT = "the callee stayed silent"


class CallAction(StrEnum):
    """What the call needs now."""

    OPEN = "open"
    """The callee waits: let the agent speak first."""
    FILL = "fill"
    """The model is away: play a prepared sentence, so that the callee does not hang up."""
    NUDGE = "nudge"
    """Nobody speaks: emit `Nudged` and let the agent ask."""
    HANG_UP = "hang_up"
    """Everything is said, or a limit is reached: close the line."""
    TRANSFER = "transfer"
    """Everything is said: connect the callee with a human."""


@dataclass(frozen=True, slots=True)
class DueAction:
    """One thing to do; `by` and `detail` say why, for hang-ups."""

    action: CallAction
    by: EndedBy = EndedBy.AGENT
    detail: str = ""


class CallTimers:
    """One call's length and silences."""

    def __init__(self, settings: CallSettings) -> None:
        self._settings = settings
        self._answered_ms: float | None = None
        self._has_opened = False
        self._last_activity_ms = 0.0
        self._quiet_since_ms: float | None = None
        self._nudges = 0
        self._planned = FollowUp.NOTHING
        self._detail = ""
        self._end_by_ms = 0.0
        self._lost_ms: float | None = None
        self._is_taken_over = False
        self.is_handing_over = False
        """The callee is being connected with a person: nobody nudges them, only the longest duration ends the call."""

    @property
    def is_answered(self) -> bool:
        """The callee picked up."""
        return self._answered_ms is not None

    def note(self, event: events.Event, now_ms: float) -> None:
        """Something happened."""
        match event:
            case events.Answered():
                self._answered_ms = now_ms
            case events.ModelLost():
                self._lost_ms = now_ms
                return
            case events.ModelConnected() | events.ModelGivenUp():
                self._lost_ms = None
            case events.SpeechStarted():
                self._nudges = 0
                self._has_opened = True
            case events.DigitReceived():
                self._nudges = 0
            case events.Nudged():
                # Ours comes after `CallAction.NUDGE`; the model's own detector may be quicker.
                self._nudges += 1
            case events.ReplyBegan():
                self._has_opened = True
            case events.AgentInterrupted():
                # "Wait, one more thing": a goodbye that was not heard does not count.
                self._planned = FollowUp.NOTHING
            case events.EndAsked(reason=reason) | events.TransferAsked(reason=reason):
                self._detail = reason
            case events.SpeechStopped() | events.AgentSaid():
                pass
            case _:
                return
        self._last_activity_ms = now_ms

    def plan_end(self, follow_up: FollowUp, now_ms: float) -> None:
        """A tool asked for the end of the call; it comes once everything is said."""
        if follow_up in (FollowUp.HANG_UP, FollowUp.TRANSFER):
            self._planned = follow_up
            self._end_by_ms = now_ms + self._settings.goodbye_limit_s * 1000

    def take_over(self) -> None:
        """A person leads the talk: from now on only the maximum duration ends it."""
        self._is_taken_over = True
        self._planned = FollowUp.NOTHING

    def check(self, now_ms: float, *, is_quiet: bool) -> DueAction | None:
        """What to do now, if anything; call it several times a second."""
        if not is_quiet:
            self._quiet_since_ms = None
        elif self._quiet_since_ms is None:
            self._quiet_since_ms = now_ms
        if self._answered_ms is None:
            return None
        if now_ms - self._answered_ms > self._settings.max_duration_s * 1000:
            return DueAction(CallAction.HANG_UP, EndedBy.LIMIT, "maximum duration reached")
        if self._is_taken_over or self.is_handing_over:
            return None
        if self._lost_ms is not None and now_ms - self._lost_ms >= FILL_AFTER_MS:
            self._lost_ms = None
            return DueAction(CallAction.FILL)
        if self._planned is not FollowUp.NOTHING:
            return self._check_end(now_ms)
        if self._nudges > self._settings.max_nudges:
            return DueAction(CallAction.HANG_UP, EndedBy.LIMIT, STAYED_SILENT)
        return self._check_silence(now_ms)

    def _quiet_ms(self, now_ms: float) -> float:
        return 0.0 if self._quiet_since_ms is None else now_ms - self._quiet_since_ms

    def _check_end(self, now_ms: float) -> DueAction | None:
        if self._quiet_ms(now_ms) < QUIET_BEFORE_HANG_UP_MS and now_ms < self._end_by_ms:
            return None
        action = CallAction.TRANSFER if self._planned is FollowUp.TRANSFER else CallAction.HANG_UP
        self._planned = FollowUp.NOTHING
        return DueAction(action, EndedBy.AGENT, self._detail)

    def _check_silence(self, now_ms: float) -> DueAction | None:
        if self._quiet_since_ms is None or self._answered_ms is None:
            return None
        if not self._has_opened:
            waited_ms = now_ms - self._answered_ms
            if waited_ms < self._settings.greeting_wait_s * 1000:
                return None
            self._has_opened = True
            self._last_activity_ms = now_ms
            return DueAction(CallAction.OPEN)
        silent_ms = now_ms - max(self._last_activity_ms, self._quiet_since_ms)
        if silent_ms < self._settings.silence_nudge_s * 1000:
            return None
        self._last_activity_ms = now_ms
        if self._nudges >= self._settings.max_nudges:
            return DueAction(CallAction.HANG_UP, EndedBy.LIMIT, STAYED_SILENT)
        return DueAction(CallAction.NUDGE)

"""When the model is asked for a response, and with which words. Pure.

Given what is wanted and what the model answers, with times on the call's clock, hands out at most one
`response.create` at a time. Never knows who speaks: whoever calls `due` has made sure that the agent may.

A `response.create` may cross a response that the model's detector made, be refused, fail, or be overtaken by
somebody who wants silence; what is still wanted is then asked again, with the same words.
"""

from __future__ import annotations

from opendeep_kit.voice import wire

MAX_FAILURES = 2
"""Responses that may fail in a row; one more, and the model is given up."""
RETRY_AFTER_MS, LONGEST_RETRY_MS = 1000.0, 6000.0
"""Wait after the first failure, doubled after each more; the longest that an allowance's reset is waited for."""
CROSSED_MS = 1000.0
"""Another response is active but we hear nothing of it: ask again so much later."""
DETECTOR_MS = 5000.0
"""The detector that should have replied by then will not."""
SPENT = 0.05
"""An allowance of which so little is left may have been too small for the response that failed."""


class Asking:
    """One call's wishes for a turn of the agent's."""

    def __init__(self) -> None:
        self._failures = 0
        self._asked = 0
        self._is_away = self._is_owed = False
        self._reset()

    def _reset(self) -> None:
        self._is_wanted = self._is_must = False
        self._words = ""
        """Instructions of the response that is wanted."""
        self._last = ("", "", False)
        """Event id, instructions and `must` of what was asked last, while somebody wants it."""
        self._last_id = ""
        """Event id of what was asked last, wanted or not, until it is had."""
        self.is_sent = False
        """A response was asked for and has not begun: the model owes it."""
        self._is_ours = False
        """The response that began last is the one we asked for."""
        self._is_unwanted = False
        self._detector_by_ms: float | None = None
        self._not_before_ms: float | None = None

    @property
    def is_pending(self) -> bool:
        """A response is wanted or on its way."""
        return self._is_wanted or self.is_sent

    # ---- wishes -------------------------------------------------------------------------------------

    def want(self, words: str = "", *, must: bool = False) -> None:
        """A turn with these instructions, now. One that `must` be had is replaced by nothing but another."""
        if self._is_must and not must:
            return
        self._is_wanted, self._words, self._is_must = True, words, must
        self._detector_by_ms = None

    def want_reply(self) -> None:
        """A turn; any that comes will do."""
        self._is_wanted = True

    def interrupt(self) -> None:
        """What is on its way is not wanted any more."""
        self._is_unwanted = self.is_sent
        self._last = ("", "", False)

    def drop(self) -> None:
        """Nothing is wanted."""
        self._is_wanted, self._words, self._is_must, self._is_owed = False, "", False, False
        self.interrupt()

    def due(self) -> str:
        """The client event that must be sent now; empty for none."""
        is_held = self._detector_by_ms is not None or self._not_before_ms is not None
        if not self._is_wanted or self.is_sent or self._is_away or is_held:
            return ""
        self._asked += 1
        self._last_id = f"create:{self._asked}"
        self._last = (self._last_id, self._words, self._is_must)
        self._is_wanted, self._words, self._is_must, self.is_sent = False, "", False, True
        return wire.create_response(self._last[1], self._last[0])

    # ---- what happens -------------------------------------------------------------------------------

    def callee_began(self) -> None:
        """The detector's reply to what was said before, if it comes at all, will be cut."""
        self._detector_by_ms = None

    def detector_replies(self, now_ms: float) -> None:
        """The callee's turn is over, and the model will answer it by itself: that covers what is wanted."""
        if self._is_wanted:
            self._detector_by_ms = now_ms + DETECTOR_MS

    def began(self, *, is_spoken_over: bool = False) -> bool:
        """A response began, whoever asked for it; the callee may speak already. Returns whether it must be cut."""
        is_unwanted = self._is_unwanted or (self._is_must and not self.is_sent)
        if self._detector_by_ms is not None and not self._is_must:
            self._is_wanted, self._words = False, ""
        self._is_ours, self.is_sent, self._is_unwanted = self.is_sent, False, False
        self._detector_by_ms = None
        if is_spoken_over and self._is_ours and self._last[2]:
            self._again()
        return is_unwanted or is_spoken_over

    def ended(self, status: str, *, has_begun: bool) -> None:
        """A response is over; one that we never saw begin was ours, if we wait for one."""
        if not has_begun:
            self._is_ours, self.is_sent, self._is_unwanted = self.is_sent, False, False
        if status == "completed":
            self._failures = 0
        if status == "completed" and self._is_ours:
            self._last, self._last_id = ("", "", False), ""
        self._not_before_ms = None

    def failed(self, now_ms: float, *, may_speak: bool) -> bool:
        """The response just over came to nothing. Returns whether there is still hope."""
        self._failures += 1
        if self._is_ours:
            self._again()
        else:
            self._is_wanted |= may_speak
        self._not_before_ms = now_ms + RETRY_AFTER_MS * 2 ** (self._failures - 1)
        return self._failures <= MAX_FAILURES

    def limited(self, event: wire.LimitsUpdated, now_ms: float) -> None:
        """What is left of the allowances: after a failure, wait until those that are spent are whole again."""
        waits = [one.reset_seconds for one in event.rate_limits if one.remaining <= one.limit * SPENT]
        if self._failures and self._not_before_ms is not None and waits:
            self._not_before_ms = max(self._not_before_ms, now_ms + min(max(waits) * 1000, LONGEST_RETRY_MS))

    def is_about(self, event_id: str) -> bool:
        """Whether an error with this id, empty if the model names none, can be about what we asked for last."""
        return bool(self._last_id) and event_id in ("", self._last_id)

    def refused(self, event_id: str, now_ms: float) -> bool:
        """Another response is active. Returns whether it must give way to what we asked for."""
        self.is_sent = self._is_unwanted = False
        if not self.is_about(event_id):
            return False
        self._again()
        self._not_before_ms = now_ms + CROSSED_MS
        return self._is_must

    def _again(self) -> None:
        event_id, words, must = self._last
        if event_id:
            self._is_wanted, self._words, self._is_must = True, self._words or words, self._is_must or must

    # ---- time and connections -----------------------------------------------------------------------

    def tick(self, now_ms: float) -> None:
        """Time passes."""
        if self._detector_by_ms is not None and now_ms >= self._detector_by_ms:
            self._detector_by_ms = None
        if self._not_before_ms is not None and now_ms >= self._not_before_ms:
            self._not_before_ms = None

    def lost(self, *, is_owed: bool) -> None:
        """No session: what is wanted from now on, must be had, or was owed when it broke, waits for the next one."""
        words, must = (self._words, True) if self._is_must else self._last[1:] if self.is_sent else ("", False)
        self._reset()
        self._is_away, self._is_owed = True, is_owed
        if must:
            self.want(words, must=True)

    def restored(self) -> None:
        """A fresh session."""
        self._is_wanted |= self._is_owed
        self._is_away = self._is_owed = False

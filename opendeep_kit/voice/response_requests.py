"""Which response the call wants, when it is asked for, and with which instructions. Pure.

Given wishes and what the model reports, with times on the call's clock, moves the state of `response_state` and hands
out the next request when the model is free for it. Never knows who may speak: whoever calls `next_request` has made
sure of that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opendeep_kit.voice import wire
from opendeep_kit.voice.response_state import UNDER_WAY, ResponseEvent, ResponseState, advance

MAX_FAILURES = 2
"""Responses that may fail in a row; one more, and the model is given up."""
RETRY_AFTER_MS, LONGEST_RETRY_MS = 1000.0, 6000.0
"""Wait after the first failure, doubled after each more; the longest wait for an allowance to be reset."""
CROSSED_MS = 1000.0
"""Another response is active but silent: ask again after this long."""
DETECTOR_MS = 5000.0
"""A detector that has not replied by then will not."""
SPENT = 0.05
"""With so little of an allowance left, it may have been too small for the response that failed."""
REQUEST_ID = "create:"
"""How the ids of our requests begin."""


@dataclass(frozen=True, slots=True)
class TurnRequest:
    """A turn of the agent's that somebody wants."""

    instructions: str = ""
    """For this turn only; empty leaves it to the session's."""
    must: bool = False
    """Nothing but another such request replaces it: a supervisor's sentence."""
    event_id: str = ""
    """The id of its `response.create`; empty while none was sent."""


REPLY = TurnRequest()
"""A turn; whatever the agent says in it."""


class Responses:
    """One call's responses: the wanted one, the one under way, and those that failed."""

    def __init__(self) -> None:
        self.state = ResponseState.IDLE
        self.active_id = ""
        """Of the response that has begun and is not over."""
        self.dead: set[str] = set()
        """Responses of this session of which nothing more is wanted: they were cut, or they are over."""
        self.is_silenced = False
        """A person leads the talk: the agent speaks only when asked to."""
        self._wanted: TurnRequest | None = None
        self._pursued: TurnRequest | None = None
        """What the response under way is for; None when nobody wants it any more."""
        self._open_id = ""
        """Event id of our last request, until it is answered."""
        self.has_answered = False
        """This session gave a whole response, or was lost when it owed none."""
        self._requests = self._failures = 0
        self._retry_at_ms = 0.0
        """When waiting ends."""
        self._detector_by_ms: float | None = None
        """Until then the detector's own reply is expected, and nothing is asked for."""

    def _advance(self, event: ResponseEvent) -> None:
        self.state = advance(self.state, event)
        if self.state is ResponseState.CUT:
            self.dead.add(self.active_id)
        elif self.state is not ResponseState.ACTIVE:
            self.active_id = ""

    @property
    def is_owed(self) -> bool:
        """The model was asked for a response, or has begun one, and is not through with it."""
        return self.state in UNDER_WAY

    @property
    def is_away(self) -> bool:
        """There is no session."""
        return self.state in (ResponseState.AWAY, ResponseState.OWING)

    @property
    def is_pending(self) -> bool:
        """A response is wanted or under way."""
        return self._wanted is not None or self.is_owed

    @property
    def is_hopeless(self) -> bool:
        """Too many responses in a row have failed."""
        return self._failures > MAX_FAILURES

    # ---- wishes -------------------------------------------------------------------------------------

    def want(self, instructions: str = "", *, must: bool = False) -> None:
        """A turn with these instructions, now."""
        if must or self._wanted is None or not self._wanted.must:
            self._wanted = TurnRequest(instructions, must)
            self._detector_by_ms = None

    def want_reply(self) -> None:
        """A turn, unless one is wanted already."""
        self._wanted = self._wanted or REPLY

    def withdraw(self) -> None:
        """The response under way is not wanted any more."""
        self._advance(ResponseEvent.WITHDRAW)
        self._pursued = None

    def silence(self) -> None:
        """A person takes over: nothing is wanted but what `want` asks for from now on."""
        self.is_silenced = True
        self._wanted = None
        self.withdraw()

    def next_request(self) -> TurnRequest | None:
        """What to ask the model for now; it counts as sent."""
        if self._wanted is None or self.state is not ResponseState.IDLE or self._detector_by_ms is not None:
            return None
        self._requests += 1
        self._open_id = f"{REQUEST_ID}{self._requests}"
        self._pursued = TurnRequest(self._wanted.instructions, self._wanted.must, self._open_id)
        self._wanted = None
        self._advance(ResponseEvent.ASK)
        return self._pursued

    # ---- the callee ---------------------------------------------------------------------------------

    def callee_began(self) -> None:
        """The detector's reply to what was said before, if it comes at all, will be cut."""
        self._detector_by_ms = None

    def cut(self) -> None:
        """The active response may not be heard any further."""
        self._advance(ResponseEvent.CUT)

    def detector_replies(self, now_ms: float) -> None:
        """The callee's turn is over, and the model will answer it by itself: that covers what is wanted."""
        if self._wanted is not None:
            self._detector_by_ms = now_ms + DETECTOR_MS

    # ---- the model ----------------------------------------------------------------------------------

    def began(self, response_id: str, *, is_spoken_over: bool = False) -> bool:
        """A response began, whoever asked for it; the callee may speak already. Returns whether it may be heard."""
        is_ours = self.state in (ResponseState.ASKED, ResponseState.WITHDRAWN)
        must_give_way = self._wanted is not None and self._wanted.must
        is_stray = self.is_silenced and not is_ours
        if self._detector_by_ms is not None and not must_give_way:
            self._wanted = None
        self._detector_by_ms = None
        if not is_ours:
            self._pursued, self._open_id = REPLY, ""
        elif is_spoken_over and self._pursued is not None and self._pursued.must:
            self._want_again(self._pursued)
        is_cut = is_spoken_over or must_give_way or is_stray
        self.active_id = response_id
        self._advance(ResponseEvent.BEGIN_CUT if is_cut else ResponseEvent.BEGIN)
        return self.state is ResponseState.ACTIVE

    def ended(self, response_id: str, status: str, now_ms: float) -> None:
        """A response is over; one that nobody saw begin was ours, if we wait for one."""
        self.has_answered |= status == "completed"
        is_over_already = response_id in self.dead and response_id != self.active_id
        self.dead.add(response_id)
        if is_over_already:
            return
        if status == "completed":
            self._failures = 0
        if status == "failed":
            self._failures += 1
        if self.active_id not in ("", response_id):
            return  # the active response had replaced it
        if status == "failed":
            self._fail(now_ms)
            return
        if status == "completed":
            self._pursued, self._open_id = None, ""
        self._advance(ResponseEvent.END)

    def request_failed(self, event_id: str, now_ms: float) -> bool:
        """An error names one of our requests. Returns whether it was the one that we wait for."""
        is_open = self.state in (ResponseState.ASKED, ResponseState.WITHDRAWN) and event_id == self._open_id
        if is_open:
            self._failures += 1
            self._fail(now_ms)
        return is_open

    def refused(self, event_id: str, now_ms: float) -> bool:
        """Another response is active. Returns whether it must give way to what we asked for.

        Args:
            event_id: of the request that was refused; anything but an id of ours when the model does not tell.
        """
        if not self._open_id or (event_id.startswith(REQUEST_ID) and event_id != self._open_id):
            return False
        self._want_again(self._pursued)
        self._pursued, self._open_id = REPLY, ""
        self._retry_at_ms = now_ms + CROSSED_MS
        self._advance(ResponseEvent.REFUSE)
        return self._wanted is not None and self._wanted.must

    def limited(self, limits: Sequence[wire.RateLimit], now_ms: float) -> None:
        """What is left of the allowances: after a failure, wait until those that are spent are whole again."""
        waits_s = [limit.reset_seconds for limit in limits if limit.remaining <= limit.limit * SPENT]
        if self._failures and self.state is ResponseState.WAITING and waits_s:
            self._retry_at_ms = max(self._retry_at_ms, now_ms + min(max(waits_s) * 1000, LONGEST_RETRY_MS))

    def _fail(self, now_ms: float) -> None:
        request = self._pursued if self.is_owed else REPLY
        if request is not None and (request.event_id or not (self.is_silenced or self.is_away)):
            self._want_again(request)
        self._retry_at_ms = now_ms + RETRY_AFTER_MS * 2.0 ** (min(self._failures, MAX_FAILURES + 1) - 1)
        self._advance(ResponseEvent.FAIL)

    def _want_again(self, request: TurnRequest | None) -> None:
        wanted = self._wanted or REPLY
        if request is None or wanted.must > request.must:
            return
        is_newer = bool(wanted.instructions) and wanted.must is request.must
        self._wanted = TurnRequest(wanted.instructions if is_newer else request.instructions, request.must)

    # ---- time and connections -----------------------------------------------------------------------

    def tick(self, now_ms: float) -> None:
        """Time passes."""
        if self._detector_by_ms is not None and now_ms >= self._detector_by_ms:
            self._detector_by_ms = None
        if self.state is ResponseState.WAITING and now_ms >= self._retry_at_ms:
            self._advance(ResponseEvent.WAITED)

    def lost(self, *, was_heard: bool) -> None:
        """No session: what is wanted from now on, must be had, or was owed when it broke, waits for the next one.

        Args:
            was_heard: sound of the active response came.
        """
        self.has_answered |= not self.is_owed
        request = self._pursued if self.is_owed and not was_heard else None
        wanted = self._wanted if self._wanted is not None and self._wanted.must else request
        self._wanted = TurnRequest(wanted.instructions, must=True) if wanted is not None and wanted.must else None
        self._pursued, self._open_id, self._detector_by_ms = None, "", None
        self.dead = set()
        is_owing = not (was_heard or self.is_silenced)
        self._advance(ResponseEvent.LOST_OWING if is_owing else ResponseEvent.LOST)

    def restored(self) -> None:
        """A fresh session."""
        self.has_answered = False
        if self.state is ResponseState.OWING:
            self.want_reply()
        self._advance(ResponseEvent.RESTORED)

"""Turns, barge-in and tool rounds of one call with a Realtime model. Pure.

Given the model's events and the frames that left for the callee, with times on the call's clock, collects what to
send, what happened and which tools to run; the shell fetches them with `take`. Never does I/O or reads a clock.

The races it settles are those of a phone line: a response may be generated long before it is heard, so an
interruption must cut what is *playing*, not what is *active*; events of a dead response still arrive. Those of our
own `response.create` are settled by `asking`.
"""

from __future__ import annotations

import re

from opendeep_kit import events
from opendeep_kit.audio.playout import Frame, Playout
from opendeep_kit.events import NOT_UNDERSTOOD
from opendeep_kit.voice import wire
from opendeep_kit.voice.agent_speech import AgentSpeech, Effects
from opendeep_kit.voice.asking import Asking
from opendeep_kit.voice.history import History

BENIGN = (
    "already shorter than",
    "only model output audio messages can be truncated",
    "cancellation failed",
    "response_cancel_not_active",
    "does not exist",
    "item_not_found",
    "active response",
    "active_response",
)
"""Errors that a correct client cannot avoid: they tell of a race, not of a fault."""
FATAL_CODES = frozenset(
    [
        "insufficient_quota",
        "invalid_api_key",
        "account_deactivated",
        "billing_hard_limit_reached",
        "model_not_found",
    ]
)
"""Errors after which the session is of no use and another one would not help."""


class Conversation:
    """One call's talk.

    Args:
        in_flight_ms: sound sent but not yet at the callee's ear: the pacer's lead plus the way down.
        interrupts: the callee's speech cuts the agent (`interrupt_response`).
        model_replies: the model answers by itself when the callee's turn is over (`create_response`).
        disclosure: the sentence that tells the callee about the AI.
    """

    def __init__(
        self,
        call_id: str,
        playout: Playout,
        *,
        in_flight_ms: float,
        interrupts: bool = True,
        model_replies: bool = True,
        disclosure: str = "",
    ) -> None:
        self._call_id = call_id
        self._playout = playout
        self._interrupts = interrupts
        self._model_replies = model_replies
        self._effects = Effects()
        self.history = History()
        self._speech = AgentSpeech(
            call_id, playout, self._effects, self.history, in_flight_ms=in_flight_ms, disclosure=disclosure
        )
        self._asking = Asking()
        self._open_tools: set[str] = set()
        self._is_silenced = False
        self.fatal = ""
        """Set when the model refuses to go on; a clause for the log."""
        self._reset_session()

    def _reset_session(self) -> None:
        self.callee_speaks = False
        self._active = ""
        self._dead: set[str] = set()  # Responses of which nothing more is wanted: they were cut, or they are over.
        self._sounded: set[str] = set()  # Responses and items of which sound was queued.
        self._unsaid: set[str] = set()  # Items of cut responses of which no sound was queued.

    # ---- what the shell asks ------------------------------------------------------------------------

    def take(self) -> Effects:
        """Everything collected since the last call."""
        return self._effects.take()

    @property
    def is_owed(self) -> bool:
        """The model has begun a response, or was asked for one, and owes us a word of it."""
        return bool(self._active or self._asking.is_sent)

    @property
    def is_quiet(self) -> bool:
        """Nobody speaks and nobody is about to."""
        is_talking = bool(self._active) or self.callee_speaks or bool(self._playout.items)
        return not (is_talking or self._asking.is_pending or self._open_tools)

    def tick(self, now_ms: float) -> None:
        """Time passes: ask for what had to wait."""
        self._asking.tick(now_ms)
        self._maybe_create()

    def speak_now(self, instructions: str = "") -> None:
        """Let the agent take a turn as soon as it may; `instructions` hold for that turn only."""
        self._asking.want(instructions)
        self._maybe_create()

    def say(self, instructions: str, now_ms: float) -> None:
        """Cut the agent, and let nothing but the callee come before a turn with these instructions."""
        self.interrupt(now_ms)
        self._asking.want(instructions, must=True)
        self._maybe_create()

    def interrupt(self, now_ms: float) -> None:
        """Cut the agent on our own account: a supervisor speaks, or the model may not cut itself."""
        self._cancel()
        self._asking.interrupt()
        self._cut(now_ms)

    def fall_silent(self, now_ms: float) -> None:
        """A person takes over: no turn of the agent but those that `speak_now` asks for."""
        self._is_silenced = True
        self._asking.drop()
        self.interrupt(now_ms)

    def coach(self, text: str) -> None:
        """A word to the agent that the callee does not hear."""
        self.history.noted(text)
        self._effects.sends.append(wire.system_text(text))

    def tool_finished(self, tool_call_id: str, output: str, *, wants_reply: bool) -> None:
        """A tool returned; the model answers once all tools of the response have."""
        self.history.returned(tool_call_id, output)
        self._effects.sends.append(wire.tool_output(tool_call_id, output))
        self._open_tools.discard(tool_call_id)
        if wants_reply and not self._is_silenced:
            self._asking.want_reply()
        self._maybe_create()

    def connection_lost(self, now_ms: float) -> None:
        """The model is gone. What was received is played on; nothing more of it will come."""
        self._speech.model_lost(now_ms)
        for item_id in self.history.untold:
            self._callee_said(item_id, NOT_UNDERSTOOD, now_ms)
        self._asking.lost(is_owed=self.is_owed and not (self._is_silenced or self._active in self._sounded))
        self._reset_session()

    def connection_restored(self) -> int:
        """A fresh session is configured: tell it everything. Returns how many items were replayed."""
        replay = self.history.replay()
        self._effects.sends[:] = replay
        self._asking.restored()
        if self.history.waits_for_agent and not self._is_silenced:
            self._asking.want_reply()
        self._maybe_create()
        return len(replay)

    def frame_sent(self, frame: Frame, now_ms: float) -> None:
        """A frame with agent sound was written to the line."""
        self._speech.frame_sent(frame, now_ms)

    # ---- what the model says ------------------------------------------------------------------------

    def wants_audio(self, response_id: str) -> bool:
        """Whether sound of this response is still to be played; late sound of a dead one is not."""
        return response_id not in self._dead

    def receive_audio(self, delta: wire.AudioDelta, pcm: bytes, now_ms: float) -> None:
        """Queue sound of the model's, given at the line's rate."""
        reply, item_id = delta.response_id, delta.item_id
        if reply not in self._dead and reply != self._active:
            self._response_created(reply, now_ms)
        if reply in self._dead:
            return
        if reply not in self._sounded:
            self._sounded.add(reply)
            arrived = events.ReplyAudioArrived(call_id=self._call_id, at_ms=now_ms, response_id=reply, item_id=item_id)
            self._happened(arrived)
        self._sounded.add(item_id)
        self._speech.add_sound(delta, pcm)

    def receive(self, event: wire.ServerEvent, now_ms: float) -> None:
        """Take one event of the model's; sound goes through `receive_audio`."""
        match event:
            case wire.AudioDone(response_id=response_id, item_id=item_id, content_index=index):
                if response_id in self._dead and item_id not in self._sounded:
                    self._unsaid.add(item_id)
                self._speech.sound_done(item_id, index, now_ms)
            case wire.TranscriptDelta(item_id=item_id, content_index=index, delta=text):
                self._speech.add_words(item_id, index, text)
            case wire.TranscriptDone(item_id=item_id, content_index=index, transcript=text):
                self._speech.words_done(item_id, index, text, now_ms)
            case wire.SpeechStarted(item_id=item_id):
                self._callee_began(item_id, now_ms)
            case wire.SpeechStopped(item_id=item_id):
                self._callee_ended(item_id, now_ms)
            case wire.TimeoutTriggered(item_id=item_id):
                self.history.said(item_id, "callee", "")
                self._happened(events.Nudged(call_id=self._call_id, at_ms=now_ms))
            case wire.TranscriptionCompleted(item_id=item_id, transcript=text):
                self._callee_said(item_id, text.strip(), now_ms)
            case wire.TranscriptionFailed(item_id=item_id, error=error):
                self._erred(error, now_ms)
                self._callee_said(item_id, NOT_UNDERSTOOD, now_ms)
            case wire.ItemAdded(item=item):
                self._item_added(item)
            case wire.ResponseCreated(response=response):
                if (response_id := str(response.get("id", ""))) != self._active:
                    self._response_created(response_id, now_ms)
            case wire.ResponseDone(response=response):
                self._response_done(response, now_ms)
            case wire.FunctionCallDone():
                self._tool_called(event, now_ms)
            case wire.LimitsUpdated():
                self._asking.limited(event, now_ms)
            case wire.ErrorReported(error=error):
                self._error(error, now_ms)
            case wire.Other(type=kind, is_known=False, raw=raw):
                text = raw[:500].decode(errors="replace")
                self._happened(events.Unknown(call_id=self._call_id, at_ms=now_ms, type=kind, raw=text))

    # ---- the callee ---------------------------------------------------------------------------------

    def _callee_began(self, item_id: str, now_ms: float) -> None:
        self.callee_speaks = True
        self._happened(events.SpeechStarted(call_id=self._call_id, at_ms=now_ms, item_id=item_id))
        self._asking.callee_began()
        if self._interrupts:
            self._cut(now_ms)

    def _callee_ended(self, item_id: str, now_ms: float) -> None:
        self.callee_speaks = False
        self._happened(events.SpeechStopped(call_id=self._call_id, at_ms=now_ms, item_id=item_id))
        if self._model_replies and not self._is_silenced:
            self._asking.detector_replies(now_ms)
        elif not self._is_silenced:
            self._asking.want_reply()
        self._maybe_create()

    def _callee_said(self, item_id: str, text: str, now_ms: float) -> None:
        self.history.said(item_id, "callee", text)
        self._happened(events.CalleeSaid(call_id=self._call_id, at_ms=now_ms, item_id=item_id, text=text))

    def _cut(self, now_ms: float) -> None:
        if self._active:
            self._dead.add(self._active)
        self._speech.cut(now_ms)

    # ---- responses and tools ------------------------------------------------------------------------

    def _item_added(self, item: dict[str, object]) -> None:
        if item.get("type") == "message" and item.get("role") in ("user", "assistant") and not _is_replayed(item):
            self.history.place(str(item.get("id")), "callee" if item["role"] == "user" else "agent")

    def _response_created(self, response_id: str, now_ms: float) -> None:
        is_stray = self._is_silenced and not self._asking.is_sent
        self._active = response_id
        if self._asking.began(is_spoken_over=self.callee_speaks and self._interrupts) or is_stray:
            self._dead.add(response_id)
            self._cancel()
        self._happened(events.ReplyBegan(call_id=self._call_id, at_ms=now_ms, response_id=response_id))

    def _response_done(self, response: dict[str, object], now_ms: float) -> None:
        response_id, status = str(response.get("id", "")), str(response.get("status", ""))
        tokens = _tokens(response.get("usage"))
        ended = events.ReplyEnded(call_id=self._call_id, at_ms=now_ms, response_id=response_id, status=status, **tokens)
        self._happened(ended)
        self._asking.ended(status, has_begun=bool(self._active))
        if self._active == response_id:
            self._active = ""
        self._dead.add(response_id)
        self._speech.response_done(response_id, now_ms)
        self._effects.sends += [wire.delete_item(item_id, f"delete:{item_id}") for item_id in sorted(self._unsaid)]
        self._unsaid.clear()
        if status == "failed":
            self._error(_why_failed(response.get("status_details")), now_ms)
            self._failed(now_ms)
        self._maybe_create()

    def _failed(self, now_ms: float) -> None:
        if not self._asking.failed(now_ms, may_speak=not self._is_silenced):
            self.fatal = self.fatal or "the voice model failed several times in a row"

    def _tool_called(self, call: wire.FunctionCallDone, now_ms: float) -> None:
        if call.response_id in self._dead:
            return
        tool, name, given = call.call_id, call.name, call.arguments
        self._open_tools.add(tool)
        self.history.called(tool, name, given)
        told = events.ToolCalled(call_id=self._call_id, at_ms=now_ms, tool_call_id=tool, name=name, arguments=given)
        self._happened(told)
        self._effects.tool_calls.append(call)

    def _error(self, error: dict[str, object], now_ms: float) -> None:
        code, message = self._erred(error, now_ms)
        if code in FATAL_CODES:
            self.fatal = message or code
        event_id = str(error.get("event_id") or "")
        if "has_active_response" in code or "already has an active response" in message:
            if self._asking.refused(event_id, now_ms):
                self._cancel()
                self._cut(now_ms)
        elif event_id and self._asking.is_sent and self._asking.is_about(event_id):
            self._asking.ended("failed", has_begun=False)
            self._failed(now_ms)
        if again := _truncate_again(event_id, message):
            self._effects.sends.append(again)

    def _erred(self, error: dict[str, object], now_ms: float) -> tuple[str, str]:
        code, message = str(error.get("code") or ""), str(error.get("message") or "")
        benign = any(phrase in f"{code} {message}".lower() for phrase in BENIGN)
        told = events.ModelErred(call_id=self._call_id, at_ms=now_ms, code=code, message=message, benign=benign)
        self._happened(told)
        return code, message

    def _maybe_create(self) -> None:
        """Ask for a response when one is wanted and nothing stands in its way."""
        is_free = not (self._active or self._open_tools or self.callee_speaks)
        if is_free and (create := self._asking.due()):
            self._effects.sends.append(create)

    def _cancel(self) -> None:
        if self._active:
            self._effects.sends.append(wire.cancel_response(self._active, f"cancel:{self._active}"))

    def _happened(self, event: events.Event) -> None:
        self._effects.happened.append(event)


def _is_replayed(item: dict[str, object]) -> bool:
    """Whether the item is one that we told the model: those of the talk itself hold sound."""
    content = item.get("content")
    return isinstance(content, list) and any("text" in str(part.get("type")) for part in content)


def _tokens(usage: object) -> dict[str, int]:
    counts = usage if isinstance(usage, dict) else {}
    return {key: int(counts.get(key) or 0) for key in ("input_tokens", "output_tokens")}


def _why_failed(details: object) -> dict[str, object]:
    error = details.get("error") if isinstance(details, dict) else None
    return {"code": "response_failed", **(error if isinstance(error, dict) else {})}


def _truncate_again(event_id: str, message: str) -> str:
    """The truncation that the model refused as too long, with the length that it knows; empty for other errors."""
    shorter = re.search(r"content of (\d+)ms is already shorter", message)
    if shorter is None or not event_id.startswith("truncate:"):
        return ""
    _, item_id, index = event_id.split(":")
    return wire.truncate_item(item_id, int(index), int(shorter[1]), f"again:{item_id}:{index}")

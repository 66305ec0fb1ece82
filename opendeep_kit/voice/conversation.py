"""Turns, barge-in and tool rounds of one call with a Realtime model. Pure.

Given the model's events and the frames that left for the callee, with times on the call's clock, collects what to
send, what happened and which tools to run; the shell fetches them with `take`. Never does I/O or reads a clock.

The races it settles are those of a phone line: a response may be generated long before it is heard, so an
interruption must cut what is *playing*, not what is *active*; events of a dead response still arrive. The races of
our own `response.create` are settled by `response_requests`.
"""

from __future__ import annotations

from collections.abc import Mapping

from opendeep_kit import events
from opendeep_kit.audio.playout import Frame, Playout
from opendeep_kit.events import NOT_UNDERSTOOD
from opendeep_kit.voice import wire
from opendeep_kit.voice.agent_speech import AgentSpeech, Effects
from opendeep_kit.voice.history import History
from opendeep_kit.voice.model_errors import ReportedError
from opendeep_kit.voice.response_requests import Responses


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
        self._responses = Responses()
        self._open_tools: set[str] = set()
        self.fatal = ""
        """Set when the model refuses to go on; a clause for the log."""
        self._reset_session()

    def _reset_session(self) -> None:
        self.callee_speaks = False
        self._sounded: set[str] = set()  # Responses and items of which sound was queued.
        self._unsaid: set[str] = set()  # Items of cut responses of which no sound was queued.

    # ---- what the shell asks ------------------------------------------------------------------------

    def take(self) -> Effects | None:
        """Everything collected since the last call; None when there is nothing."""
        return self._effects.take()

    @property
    def is_owed(self) -> bool:
        """The model has begun a response, or was asked for one, and owes us a word of it."""
        return self._responses.is_owed

    @property
    def has_answered(self) -> bool:
        """This session gave a whole response, or was lost when it owed none."""
        return self._responses.has_answered

    @property
    def is_quiet(self) -> bool:
        """Nobody speaks and nobody is about to."""
        is_about_to = self._responses.is_pending or bool(self._open_tools)
        return not (is_about_to or self.callee_speaks or self._playout.items)

    def tick(self, now_ms: float) -> None:
        """Time passes: ask for what had to wait."""
        self._responses.tick(now_ms)
        self._maybe_create()

    def speak_now(self, instructions: str = "") -> None:
        """Let the agent take a turn as soon as it may; `instructions` hold for that turn only."""
        self._responses.want(instructions)
        self._maybe_create()

    def say(self, instructions: str, now_ms: float) -> None:
        """Cut the agent, and let nothing but the callee come before a turn with these instructions."""
        self.interrupt(now_ms)
        self._responses.want(instructions, must=True)
        self._maybe_create()

    def interrupt(self, now_ms: float) -> None:
        """Cut the agent on our own account: a supervisor speaks, or the model may not cut itself."""
        self._cancel()
        self._responses.withdraw()
        self._speech.cut(now_ms)

    def fall_silent(self, now_ms: float) -> None:
        """A person takes over: no turn of the agent but those that `speak_now` and `say` ask for."""
        self._responses.silence()
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
        if wants_reply and not self._responses.is_silenced:
            self._responses.want_reply()
        self._maybe_create()

    def connection_lost(self, now_ms: float) -> None:
        """The model is gone. What was received is played on; nothing more of it will come."""
        self._speech.model_lost(now_ms)
        for item_id in self.history.untold:
            self._callee_said(item_id, NOT_UNDERSTOOD, now_ms)
        self._responses.lost(was_heard=self._responses.active_id in self._sounded)
        self._reset_session()

    def connection_restored(self) -> int:
        """A fresh session is configured: tell it everything. Returns how many items were replayed."""
        replay = self.history.replay()
        self._effects.sends[:] = replay
        self._responses.restored()
        if self.history.waits_for_agent and not self._responses.is_silenced:
            self._responses.want_reply()
        self._maybe_create()
        return len(replay)

    def frame_sent(self, frame: Frame, now_ms: float) -> None:
        """A frame with agent sound was written to the line."""
        self._speech.frame_sent(frame, now_ms)

    # ---- what the model says ------------------------------------------------------------------------

    def wants_audio(self, response_id: str) -> bool:
        """Whether sound of this response is still to be played; late sound of a dead one is not."""
        return response_id not in self._responses.dead

    def receive_audio(self, delta: wire.AudioDelta, pcm: bytes, now_ms: float) -> None:
        """Queue sound of the model's, given at the line's rate."""
        response_id, item_id = delta.response_id, delta.item_id
        responses = self._responses
        if response_id not in responses.dead and response_id != responses.active_id:
            self._response_began(response_id, now_ms)
        if response_id in responses.dead:
            return
        if response_id not in self._sounded:
            self._sounded.add(response_id)
            self._happened(
                events.ReplyAudioArrived(call_id=self._call_id, at_ms=now_ms, response_id=response_id, item_id=item_id)
            )
        self._sounded.add(item_id)
        self._speech.add_sound(delta, pcm)

    def receive(self, event: wire.ServerEvent, now_ms: float) -> None:
        """Take one event of the model's; sound goes through `receive_audio`."""
        match event:
            case wire.AudioDone(response_id=response_id, item_id=item_id, content_index=index):
                if response_id in self._responses.dead and item_id not in self._sounded:
                    self._unsaid.add(item_id)
                self._speech.sound_done(item_id, index, now_ms)
            case wire.TranscriptDelta(item_id=item_id, content_index=index, delta=text):
                self._speech.add_words(item_id, index, text)
            case wire.TranscriptDone(item_id=item_id, content_index=index, transcript=text):
                self._speech.words_done(item_id, index, text, now_ms)
            case wire.InputSpeechStarted(item_id=item_id):
                self._callee_began(item_id, now_ms)
            case wire.InputSpeechStopped(item_id=item_id):
                self._callee_ended(item_id, now_ms)
            case wire.TimeoutTriggered(item_id=item_id):
                self.history.said(item_id, "callee", "")
                self._happened(events.Nudged(call_id=self._call_id, at_ms=now_ms))
            case wire.TranscriptionCompleted(item_id=item_id, transcript=text):
                self._callee_said(item_id, text.strip(), now_ms)
            case wire.TranscriptionFailed(item_id=item_id, error=error):
                self._note_error(ReportedError.read(error), now_ms)
                self._callee_said(item_id, NOT_UNDERSTOOD, now_ms)
            case wire.ItemAdded(item=item):
                self._item_added(item)
            case wire.ResponseCreated(response=response):
                response_id = wire.id_of(response)
                if response_id != self._responses.active_id and response_id not in self._responses.dead:
                    self._response_began(response_id, now_ms)
            case wire.ResponseDone(response=response):
                self._response_done(response, now_ms)
            case wire.FunctionCallDone():
                self._tool_called(event, now_ms)
            case wire.LimitsUpdated(rate_limits=limits):
                self._responses.limited(limits, now_ms)
            case wire.ServerError(error=error):
                self._take_error(ReportedError.read(error), now_ms)
            case wire.Other(type=kind, is_known=False, raw=raw):
                text = raw[:500].decode(errors="replace")
                self._happened(events.Unknown(call_id=self._call_id, at_ms=now_ms, type=kind, raw=text))

    # ---- the callee ---------------------------------------------------------------------------------

    def _callee_began(self, item_id: str, now_ms: float) -> None:
        self.callee_speaks = True
        self._happened(events.SpeechStarted(call_id=self._call_id, at_ms=now_ms, item_id=item_id))
        self._responses.callee_began()
        if self._interrupts:
            self._cut(now_ms)

    def _callee_ended(self, item_id: str, now_ms: float) -> None:
        self.callee_speaks = False
        self._happened(events.SpeechStopped(call_id=self._call_id, at_ms=now_ms, item_id=item_id))
        if not self._responses.is_silenced:
            if self._model_replies:
                self._responses.detector_replies(now_ms)
            else:
                self._responses.want_reply()
        self._maybe_create()

    def _callee_said(self, item_id: str, text: str, now_ms: float) -> None:
        self.history.said(item_id, "callee", text)
        self._happened(events.CalleeSaid(call_id=self._call_id, at_ms=now_ms, item_id=item_id, text=text))

    # ---- responses and tools ------------------------------------------------------------------------

    def _item_added(self, item: Mapping[str, object]) -> None:
        item_id, role = wire.id_of(item), item.get("role")
        if item_id and item.get("type") == "message" and role in ("user", "assistant") and not wire.is_text(item):
            self.history.place(item_id, "callee" if role == "user" else "agent")

    def _response_began(self, response_id: str, now_ms: float) -> None:
        if not self._responses.began(response_id, is_spoken_over=self.callee_speaks and self._interrupts):
            self._cancel()
        self._happened(events.ReplyBegan(call_id=self._call_id, at_ms=now_ms, response_id=response_id))

    def _response_done(self, response: Mapping[str, object], now_ms: float) -> None:
        response_id, status = wire.id_of(response) or self._responses.active_id, str(response.get("status") or "")
        tokens = wire.tokens_of(response)
        ended = events.ReplyEnded(call_id=self._call_id, at_ms=now_ms, response_id=response_id, status=status, **tokens)
        self._happened(ended)
        self._responses.ended(response_id, status, now_ms)
        self._speech.response_done(response_id, now_ms)
        self._effects.sends += [wire.delete_item(item_id, f"delete:{item_id}") for item_id in sorted(self._unsaid)]
        self._unsaid.clear()
        if status == "failed":
            self._take_error(ReportedError.of_response(response.get("status_details")), now_ms)
        self._give_up_if_hopeless()
        self._maybe_create()

    def _tool_called(self, call: wire.FunctionCallDone, now_ms: float) -> None:
        if call.response_id in self._responses.dead:
            return
        tool, name, arguments = call.call_id, call.name, call.arguments
        self._open_tools.add(tool)
        self.history.called(tool, name, arguments)
        self._happened(
            events.ToolCalled(call_id=self._call_id, at_ms=now_ms, tool_call_id=tool, name=name, arguments=arguments)
        )
        self._effects.tool_calls.append(call)

    def _take_error(self, error: ReportedError, now_ms: float) -> None:
        self._note_error(error, now_ms)
        if error.is_fatal:
            self.fatal = error.message or error.code
        if error.is_crossing:
            if self._responses.refused(error.event_id, now_ms):
                self._cancel()
                self._cut(now_ms)
        elif self._responses.request_failed(error.event_id, now_ms):
            self._give_up_if_hopeless()
        if error.shorter is not None:
            item_id, index, known_ms = error.shorter
            self._effects.sends.append(wire.truncate_item(item_id, index, known_ms, f"again:{item_id}:{index}"))

    def _note_error(self, error: ReportedError, now_ms: float) -> None:
        self._happened(
            events.ModelErred(
                call_id=self._call_id, at_ms=now_ms, code=error.code, message=error.message, benign=error.is_benign
            )
        )

    def _give_up_if_hopeless(self) -> None:
        if self._responses.is_hopeless:
            self.fatal = self.fatal or "the voice model failed several times in a row"

    def _maybe_create(self) -> None:
        """Ask for a response when one is wanted and nothing stands in its way."""
        if self._open_tools or self.callee_speaks:
            return
        if request := self._responses.next_request():
            self._effects.sends.append(wire.create_response(request.instructions, request.event_id))

    def _cut(self, now_ms: float) -> None:
        """The callee, or a response that must come first, speaks over what is active or playing."""
        self._responses.cut()
        self._speech.cut(now_ms)

    def _cancel(self) -> None:
        if response_id := self._responses.active_id:
            self._effects.sends.append(wire.cancel_response(response_id, f"cancel:{response_id}"))

    def _happened(self, event: events.Event) -> None:
        self._effects.happened.append(event)

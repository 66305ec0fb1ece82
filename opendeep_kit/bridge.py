"""The SEAM of one live call: phone on one side, voice model on the other. Emits events, keeps nothing.

Given an admitted AudioSocket connection and a voice engine, moves sound both ways on one absolute 20 ms clock,
runs tools, and ends the call when it is time. Whoever wants to know about the call folds its events; whoever
wants to steer it calls `answer`, `hang_up`, `say`, `coach`, `take_over`, `hand_over`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from opendeep_kit import events
from opendeep_kit.audio.pacing import Pacer, SlotCounts
from opendeep_kit.audio.pcm import FRAME_MS, level_dbfs, silence
from opendeep_kit.audio.playout import Playout
from opendeep_kit.audio.prepared import is_english
from opendeep_kit.audio.recording import Recording
from opendeep_kit.audio.resample import Resampler
from opendeep_kit.audio.tones import dtmf
from opendeep_kit.audio.vad import Edge, LevelDetector
from opendeep_kit.errors import OpenDeepError, Refused
from opendeep_kit.events import NOT_UNDERSTOOD
from opendeep_kit.logs import log
from opendeep_kit.outcomes import EndedBy
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection
from opendeep_kit.settings import CallSettings
from opendeep_kit.voice.call_timers import CallAction, CallTimers
from opendeep_kit.voice.dtmf_input import DtmfInput, describe_keys
from opendeep_kit.voice.engine import VoiceEngine
from opendeep_kit.voice.prepared_speech import NO_SPEECH, PreparedSpeech, PreparedSpeechPlayer
from opendeep_kit.voice.tools import FollowUp, Toolbox, ToolResult, ToolRuns

TICK_S = 0.1
QUIET_BEFORE_HANG_UP_S = 0.5
GAP_MS = 200.0
"""No frame for so long: the callee's telephone sends none while nobody speaks, or holds the line."""
TRANSFER_FAILED = "I am sorry, I cannot connect you now. When may a colleague call you?"
NUDGE = "Hello, are you still there?"
Transfer = Callable[[str], Awaitable[None]]


@dataclass(slots=True, kw_only=True)
class CallParts:
    """What a call is made of; built by `app`."""

    call_id: str
    settings: CallSettings
    line_rate_hz: int
    playout: Playout
    toolbox: Toolbox
    emit: Callable[[events.Event], None]
    recording: Recording | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    language: str = "en"
    """BCP 47, what the agent speaks."""
    goodbye: PreparedSpeech = NO_SPEECH
    """Spoken when the model is lost for good."""
    one_moment: PreparedSpeech = NO_SPEECH
    """Spoken while the model is away."""
    transfer: Transfer | None = None
    """Hands the callee's leg to the human at this number; the line does it, if it can."""
    transfer_to: str | None = None
    """Number of the human whom the agent may offer."""


class Bridge:
    """One call. `run` holds it from the admitted socket to the hang-up."""

    def __init__(self, parts: CallParts, connection: AudioSocketConnection) -> None:
        self._parts = parts
        self._settings = parts.settings
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._pacer = Pacer(connection.clock_started_at, lead_ms=parts.settings.lead_ms)
        self._playout = parts.playout
        self._detector = LevelDetector()
        self._resamplers: dict[int, Resampler] = {}
        self._heard_to_ms = 0.0
        """The callee's stream is complete up to here: with what came, and with silence where nothing came."""
        self._engine: VoiceEngine | None = None
        self._tools = ToolRuns(
            parts.toolbox,
            call_id=parts.call_id,
            facts=parts.facts,
            timeout_s=parts.settings.tool_timeout_s,
            now_ms=lambda: self.now_ms,
            emit=self.emit,
            on_result=self._tool_returned,
        )
        self._prepared = PreparedSpeechPlayer(
            parts.playout, call_id=parts.call_id, now_ms=lambda: self.now_ms, emit=self.emit
        )
        self._timers = CallTimers(parts.settings)
        self._keys = DtmfInput()
        self._wants_end = self._is_taken_over = False
        self._handing_over: asyncio.Task[None] | None = None
        self.ended_by, self.detail = EndedBy.CALLEE, ""

    @property
    def now_ms(self) -> float:
        """Milliseconds on the call's clock."""
        return self._pacer.at_ms(self._loop.time())

    @property
    def slots(self) -> SlotCounts:
        """The line's slots so far."""
        return SlotCounts(max(self._pacer.next_slot, self._connection.slots_sent), self._pacer.skipped)

    # ---- steering -----------------------------------------------------------------------------------

    def answer(self) -> None:
        """The callee picked up: from now on sound is speech."""
        if not self._timers.is_answered:
            self._heard_to_ms = self.now_ms
            self.emit(events.Answered(call_id=self._parts.call_id, at_ms=self.now_ms))

    def hang_up(self, by: EndedBy, detail: str) -> None:
        """End the call now."""
        if self._connection.hang_up():
            self.ended_by, self.detail = by, detail

    def say(self, text: str) -> None:
        """A supervisor lets the agent say exactly this, at once."""
        if self._engine is not None:
            self._engine.say(text)

    def coach(self, text: str) -> None:
        """A supervisor's word to the agent; the callee does not hear it."""
        if self._engine is not None:
            self._engine.coach(text)

    def take_over(self) -> None:
        """A supervisor leads the talk: the agent falls silent, and says only what `say` gives it."""
        self._timers.take_over()
        self._is_taken_over = True
        if self._engine is not None:
            self._engine.fall_silent()

    async def hand_over(self, target: str) -> None:
        """A supervisor connects the callee with the human at this number.

        Raises:
            Refused, Unavailable, BadInput: they cannot be connected; the call goes on.
        """
        if self._parts.transfer is None:
            raise Refused("this line cannot hand a callee over", do="take the call over instead")
        self._timers.is_handing_over = True
        try:
            await self._parts.transfer(target)
        finally:
            self._timers.is_handing_over = False

    def emit(self, event: events.Event) -> None:
        """Pass an event on."""
        if isinstance(event, events.CalleeSaid):
            self._tools.last_words = event.text if event.text != NOT_UNDERSTOOD else ""
        self._timers.note(event, self.now_ms)
        self._parts.emit(event)

    # ---- the call -----------------------------------------------------------------------------------

    async def run(self, engine: VoiceEngine) -> None:
        """Hold the call until its socket is closed."""
        self._engine = engine
        connection = self._connection
        self.emit(events.AudioConnected(call_id=self._parts.call_id, at_ms=0.0, rate_hz=self._parts.line_rate_hz))
        connection.on_sound = self._on_sound
        connection.on_digit = self._on_digit
        line = asyncio.create_task(self._line_clock(), name="line-out")
        voice = asyncio.create_task(self._hold_voice(engine), name="voice")
        watch = asyncio.create_task(self._watch(engine), name="watch")
        for task in (line, voice, watch):
            task.add_done_callback(self._part_ended)
        try:
            reason = await asyncio.shield(connection.closed)
            self.emit(events.AudioClosed(call_id=self._parts.call_id, at_ms=self.now_ms, reason=reason))
        finally:
            engine.close()
            parts = [part for part in (line, watch, self._handing_over) if part is not None]
            for part in parts:
                part.cancel()
            connection.hang_up()
            await self._tools.stop()
            await asyncio.wait({voice}, timeout=2.0)
            voice.cancel()
            await asyncio.gather(voice, *parts, return_exceptions=True)
            await self._tools.stop()
            call_id, at_ms, pacer = self._parts.call_id, self.now_ms, self._pacer
            self._parts.emit(_measured(call_id, at_ms, connection, pacer, self._playout, engine))

    def _part_ended(self, part: asyncio.Task[None]) -> None:
        """A part that fails ends the call: a line that nobody serves would be silent for ever."""
        if not part.cancelled() and (error := part.exception()) is not None:
            log().error("! a part of a call failed", part=part.get_name(), error=type(error).__name__)
            self.hang_up(EndedBy.FAILURE, f"{part.get_name()} failed ({type(error).__name__})")

    async def _line_clock(self) -> None:
        """The one clock: every slot gets exactly one frame and one write."""
        send, rate = self._connection.send_frame, self._parts.line_rate_hz
        recording, engine = self._parts.recording, self._engine
        self._pacer.next_slot = self._connection.slots_sent
        while not self._connection.closed.done():
            for slot in self._pacer.due(self._loop.time()):
                frame = self._playout.next_frame(slot)
                send(frame.pcm, rate)
                if frame.item is None:
                    continue
                if recording is not None:
                    recording.say(slot, frame.pcm)
                if not self._prepared.frame_sent(frame) and engine is not None:
                    engine.frame_sent(frame)
            now = self._loop.time()
            if recording is not None:
                recording.tick(self._pacer.at_ms(now))
            await asyncio.sleep(max(0.0, self._pacer.wake_at() - now))

    def _on_sound(self, rate_hz: int, pcm: bytes) -> None:
        """Callee's sound, straight from the socket's reader: nothing here may wait."""
        if not self._timers.is_answered or self._engine is None:
            return
        if rate_hz != self._parts.line_rate_hz:
            resampler = self._resamplers.get(rate_hz)
            if resampler is None:
                resampler = self._resamplers[rate_hz] = Resampler(rate_hz, self._parts.line_rate_hz)
            pcm = resampler.feed(pcm)
        now_ms = self.now_ms
        if self._parts.recording is not None:
            self._parts.recording.hear(now_ms, pcm)
        self._hear(self._engine, pcm, now_ms)

    def _hear(self, engine: VoiceEngine, pcm: bytes, now_ms: float) -> None:
        """More of the callee's stream, which now reaches up to `now_ms`."""
        self._heard_to_ms = now_ms
        engine.hear(pcm)
        length_ms = len(pcm) / 2 / self._parts.line_rate_hz * 1000
        change = self._detector.hear(level_dbfs(pcm), now_ms - length_ms, length_ms)
        if change is not None:
            kind = events.CalleeSoundStarted if change.edge is Edge.STARTED else events.CalleeSoundStopped
            self._parts.emit(kind(call_id=self._parts.call_id, at_ms=change.at_ms))

    def _fill_gap(self, engine: VoiceEngine) -> None:
        """Silence where Asterisk passed nothing on: without it no detector would see the end of the callee's turn."""
        until_ms = self.now_ms - GAP_MS
        if not (self._timers.is_answered and engine.is_connected):
            self._heard_to_ms = max(self._heard_to_ms, until_ms)
        while self._heard_to_ms + FRAME_MS <= until_ms:
            self._hear(engine, silence(self._parts.line_rate_hz), self._heard_to_ms + FRAME_MS)

    def _on_digit(self, digit: str) -> None:
        self.emit(events.DigitReceived(call_id=self._parts.call_id, at_ms=self.now_ms, digit=digit))
        self._keys.press(digit, self.now_ms)
        self._pass_keys_on()

    def _pass_keys_on(self) -> None:
        """Keys are an answer: the model is told all of them at once, and speaks. While it is away they are kept."""
        engine = self._engine
        if engine is None or not (self._timers.is_answered and engine.is_connected):
            return
        if keys := self._keys.take(self.now_ms):
            engine.coach(describe_keys(keys))
            if not self._is_taken_over:
                engine.speak_now()

    async def _hold_voice(self, engine: VoiceEngine) -> None:
        try:
            await engine.run()
        except OpenDeepError as error:
            log().warning("! the voice model is lost for good", error=type(error).__name__)
            self.ended_by, self.detail = EndedBy.FAILURE, error.what
            self.emit(events.ModelGivenUp(call_id=self._parts.call_id, at_ms=self.now_ms, reason=error.what))
            await self._part_politely()
            self.hang_up(EndedBy.FAILURE, error.what)

    async def _part_politely(self) -> None:
        """Say a prepared goodbye, so that the callee is never left in silence."""
        if self._parts.goodbye.pcm and self._timers.is_answered:
            self._prepared.say(self._parts.goodbye)
            await asyncio.sleep(min(self._playout.queued_ms / 1000, self._settings.goodbye_limit_s))
            await asyncio.sleep(QUIET_BEFORE_HANG_UP_S)

    # ---- tools --------------------------------------------------------------------------------------

    def run_tool(self, tool_call_id: str, name: str, arguments: str) -> None:
        """Start a tool; the talk goes on meanwhile."""
        self._tools.start(tool_call_id, name, arguments)

    def _tool_returned(self, tool_call_id: str, result: ToolResult, is_failure: bool) -> None:
        if result.press:
            self._prepared.say(PreparedSpeech(dtmf(result.press, self._parts.line_rate_hz)))
        self._timers.plan_end(result.follow_up, self.now_ms)
        self._wants_end |= result.follow_up in (FollowUp.HANG_UP, FollowUp.TRANSFER)
        if self._engine is not None:
            wants_reply = is_failure or result.follow_up is FollowUp.REPLY
            self._engine.tool_finished(tool_call_id, result.output, wants_reply=wants_reply)

    # ---- watching over it ---------------------------------------------------------------------------

    async def _watch(self, engine: VoiceEngine) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            self._fill_gap(engine)
            self._pass_keys_on()
            # While there is no model an opening or a nudge must wait: one that is asked for now would be lost.
            is_quiet = engine.is_quiet and (engine.is_connected or self._wants_end)
            decision = self._timers.check(self.now_ms, is_quiet=is_quiet)
            if decision is None or (decision.action in (CallAction.OPEN, CallAction.NUDGE) and not engine.is_connected):
                continue
            match decision.action:
                case CallAction.OPEN:
                    engine.speak_now()
                case CallAction.FILL:
                    self._prepared.say(self._parts.one_moment)
                case CallAction.NUDGE:
                    self.emit(events.Nudged(call_id=self._parts.call_id, at_ms=self.now_ms))
                    engine.speak_now(_ordered(NUDGE, self._parts.language))
                case CallAction.TRANSFER if self._parts.transfer is not None and self._parts.transfer_to is not None:
                    self._begin_hand_over(self._parts.transfer_to, engine)
                case _:
                    self.hang_up(decision.by, decision.detail)

    def _begin_hand_over(self, target: str, engine: VoiceEngine) -> None:
        """It takes seconds, in which the call is watched over as ever."""
        self._handing_over = asyncio.create_task(self._hand_over(target, engine), name="hand-over")
        self._handing_over.add_done_callback(self._part_ended)

    async def _hand_over(self, target: str, engine: VoiceEngine) -> None:
        try:
            await self.hand_over(target)
        except OpenDeepError as error:
            log().error("! a callee could not be handed over", error=type(error).__name__)
            self._wants_end = False
            if not self._is_taken_over:
                engine.speak_now(_ordered(TRANSFER_FAILED, self._parts.language))


def _ordered(words: str, language: str) -> str:
    """Tells the model to say this, in the language of the call."""
    if is_english(language):
        return f'Say exactly: "{words}"'
    return f'Speak {language}, no English. Say in your own words: "{words}"'


def _measured(
    call_id: str, at_ms: float, connection: AudioSocketConnection, pacer: Pacer, playout: Playout, engine: VoiceEngine
) -> events.MediaMeasured:
    return events.MediaMeasured(
        call_id=call_id,
        at_ms=at_ms,
        frames_sent=connection.frames_out,
        frames_received=connection.frames_in,
        slots_skipped=pacer.skipped,
        max_late_ms=pacer.max_late_ms,
        underruns=playout.underruns,
        heard_dropped_ms=engine.dropped_ms,
        said_dropped_ms=playout.dropped_ms,
    )

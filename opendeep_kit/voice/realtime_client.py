"""The shell around `conversation`: one call's connection to an OpenAI Realtime (or compatible) server.

Given the SDK's client, connects, configures, moves sound and events, and reconnects with the talk so far replayed. What
to say to the model is decided in `conversation`. Never uses the SDK's typed events, which cost ten times as much as
`send_raw` and `recv_bytes`, nor its reconnection, which resumes into a blank session and flushes stale sound into it.

Drop policy: the callee's sound waits at most `QUEUE_MS` for the socket; then the oldest is dropped and counted. While
there is no session all of it is dropped: a fresh session would take it for the present.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import FIRST_COMPLETED
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import openai
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosed

from opendeep_kit import events
from opendeep_kit.audio.playout import Frame
from opendeep_kit.errors import BadInput, OpenDeepError, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.settings import VoiceSettings
from opendeep_kit.voice import wire
from opendeep_kit.voice.conversation import Conversation
from opendeep_kit.voice.handshake_client import CLOSE_S, TurnedAway, connect, refusal
from opendeep_kit.voice.model_audio import ModelAudio
from opendeep_kit.voice.model_errors import ReportedError
from opendeep_kit.voice.reconnect_policy import ReconnectPolicy
from opendeep_kit.voice.session_setup import SessionSetup, detection_update, session_update

QUEUE_MS = 2000
TICK_S = 0.1
"""How often the conversation learns that time passes."""
STALL_S = 8.0
"""A model that owes a reply and is silent for this long counts as lost."""
OnLimits = Callable[[Sequence[wire.RateLimit], float], None]
"""Takes the allowances, and for how many seconds we are turned away (0: not at all)."""


def _ignore(limits: Sequence[wire.RateLimit], wait_s: float) -> None:
    del limits, wait_s


class RealtimeVoice:
    """A `VoiceEngine` on the Realtime GA protocol.

    Args:
        client: shared by all calls of the process.
        line_rate_hz: rate of the sound given to `hear` and wanted in the playout.
        now_ms: the call's clock.
        emit: takes every event.
        run_tool: starts a tool; its result comes back through `tool_finished`.
        on_limits: called with what is left of the account's allowances, and when we are turned away for lack of them.
    """

    def __init__(
        self,
        client: openai.AsyncOpenAI,
        settings: VoiceSettings,
        setup: SessionSetup,
        conversation: Conversation,
        *,
        call_id: str,
        line_rate_hz: int,
        chunk_ms: int,
        now_ms: Callable[[], float],
        emit: Callable[[events.Event], None],
        run_tool: Callable[[str, str, str], None],
        on_limits: OnLimits = _ignore,
    ) -> None:
        self._client = client
        self._settings = settings
        self._setup = setup
        self._talk = conversation
        self._call_id = call_id
        self._now_ms = now_ms
        self._emit = emit
        self._run_tool = run_tool
        self._on_limits = on_limits
        self._audio = ModelAudio(settings.audio_format, line_rate_hz=line_rate_hz, chunk_ms=chunk_ms)
        self._chunk_ms = chunk_ms
        self._sound: deque[bytes] = deque()
        self._control: deque[str] = deque()
        self._has_work = asyncio.Event()
        self._connection: AsyncRealtimeConnection | None = None
        self._is_closing = False
        self._sessions = 0
        self._last_word_ms = 0.0
        """When one of the two sides last said something to the other, sound apart."""
        self.dropped_ms = 0.0

    # ---- the bridge's side --------------------------------------------------------------------------

    def hear(self, pcm: bytes) -> None:
        """Callee's sound at the line's rate."""
        for piece in self._audio.to_model(pcm):
            if self._connection is None:
                self.dropped_ms += self._chunk_ms
                continue
            if len(self._sound) * self._chunk_ms >= QUEUE_MS:
                self._sound.popleft()
                self.dropped_ms += self._chunk_ms
            self._sound.append(piece)
            self._has_work.set()

    def frame_sent(self, frame: Frame) -> None:
        """A frame with agent sound was written to the line."""
        if frame.is_first_sound or frame.over:
            self._talk.frame_sent(frame, self._now_ms())
            self._flush()

    def speak_now(self, instructions: str = "") -> None:
        """Let the agent take a turn."""
        self._talk.speak_now(instructions)
        self._flush()

    def say(self, text: str) -> None:
        """Cut the agent and let it say exactly this."""
        self._talk.say(f'Say exactly: "{text}"', self._now_ms())
        self._flush()

    def coach(self, text: str) -> None:
        """A word to the agent that the callee does not hear."""
        self._talk.coach(text)
        self._flush()

    def fall_silent(self) -> None:
        """Cut the agent; from now on only `say` makes it speak."""
        turn = self._settings.turn_detection.model_copy(update={"create_response": False})
        self._settings = self._settings.model_copy(update={"turn_detection": turn})
        self._talk.fall_silent(self._now_ms())
        if self._connection is not None:
            self._send(detection_update(self._settings))
        self._flush()

    def tool_finished(self, tool_call_id: str, output: str, *, wants_reply: bool) -> None:
        """Hand a tool's result to the model."""
        self._talk.tool_finished(tool_call_id, output, wants_reply=wants_reply)
        self._flush()

    @property
    def is_quiet(self) -> bool:
        """Nobody speaks and nobody is about to."""
        return self._talk.is_quiet

    @property
    def is_connected(self) -> bool:
        """A configured session stands."""
        return self._connection is not None

    def close(self) -> None:
        """End the session; `run` returns."""
        self._is_closing = True
        self._has_work.set()

    # ---- the connection -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Hold the session until `close`, through reconnections."""
        policy, clock = ReconnectPolicy(self._settings), asyncio.get_running_loop().time
        while not self._is_closing:
            began, failure = clock(), None
            try:
                await self._one_connection()
            except Unavailable as error:
                if self._sessions == 0:
                    raise
                failure = error
            if not self._is_closing:
                await asyncio.sleep(policy.pause(began, clock(), failure, has_answered=self._talk.has_answered))

    async def _one_connection(self) -> None:
        """Connect, talk until the connection ends.

        Raises:
            Unavailable: it ended before it was configured.
            BadInput: key or settings are refused; after the first session only what no retry would fix.
        """
        try:
            connection = await connect(self._client, self._settings)
        except TurnedAway as error:
            self._on_limits((), error.wait_s)
            raise
        try:
            try:
                await self._configure(connection)
            except (ConnectionClosed, TimeoutError) as error:
                raise Unavailable("the voice model hung up before it was configured", do="look at its log") from error
            await self._talk_over(connection)
        except ConnectionClosed as closed:
            self._lost(closed.rcvd.code if closed.rcvd else 0, closed.rcvd.reason if closed.rcvd else "connection lost")
        finally:
            self._connection = None
            with contextlib.suppress(ConnectionClosed, OSError, TimeoutError):
                async with asyncio.timeout(2 * CLOSE_S):  # its own limit does not hold while it cannot write
                    await connection.close()

    async def _configure(self, connection: AsyncRealtimeConnection) -> None:
        """Wait for the session, configure it, replay the past."""
        async with asyncio.timeout(self._settings.connect_timeout_s):
            created = wire.parse(await connection.recv_bytes())
            if isinstance(created, wire.ServerError):
                raise self._refusal(created.error)
            await connection.send_raw(session_update(self._setup, self._settings))
            while not isinstance(updated := wire.parse(await connection.recv_bytes()), wire.SessionUpdated):
                if isinstance(updated, wire.ServerError):
                    raise self._refusal(updated.error)
        self._sessions += 1
        replayed = 0
        if self._sessions > 1:
            replayed = self._talk.connection_restored()
            self._control.clear()
        self._sound.clear()
        self._connection, self._last_word_ms = connection, self._now_ms()
        session_id = wire.id_of(created.session) if isinstance(created, wire.SessionCreated) else ""
        self._emit(
            events.ModelConnected(
                call_id=self._call_id,
                at_ms=self._now_ms(),
                model=self._settings.model,
                session_id=session_id,
                attempt=self._sessions,
                replayed_items=replayed,
            )
        )
        self._flush()

    def _refusal(self, error: Mapping[str, object]) -> OpenDeepError:
        """Settings that a session of this call was given before are not at fault: that may pass."""
        if self._sessions == 0 or ReportedError.read(error).is_fatal:
            return refusal(error)
        return Unavailable("the voice model did not take the call up again", do="look at its log")

    async def _talk_over(self, connection: AsyncRealtimeConnection) -> None:
        """Read and write until somebody ends it."""
        reader = asyncio.create_task(self._read(connection), name="model-in")
        writer = asyncio.create_task(self._write(connection), name="model-out")
        try:
            while not (await asyncio.wait((reader, writer), timeout=TICK_S, return_when=FIRST_COMPLETED))[0]:
                now_ms = self._now_ms()
                self._talk.tick(now_ms)
                self._flush()
                if self._talk.is_owed and now_ms - self._last_word_ms > STALL_S * 1000:
                    self._lost(0, "stalled")
                    return
            for task in (reader, writer):
                if task.done():
                    task.result()
        finally:
            for task in (reader, writer):
                task.cancel()
            await asyncio.gather(reader, writer, return_exceptions=True)

    async def _read(self, connection: AsyncRealtimeConnection) -> None:
        while True:
            event = wire.parse(await connection.recv_bytes())
            now_ms = self._last_word_ms = self._now_ms()
            if isinstance(event, wire.AudioDelta):
                if self._talk.wants_audio(event.response_id):
                    self._talk.receive_audio(event, self._audio.to_line(event), now_ms)
            else:
                if isinstance(event, wire.LimitsUpdated):
                    self._on_limits(event.rate_limits, 0.0)
                self._talk.receive(event, now_ms)
            self._flush()
            if self._talk.fatal:
                self._lost(0, self._talk.fatal)
                raise BadInput(
                    f"the voice model refuses to continue ({self._talk.fatal})",
                    do="check the account and the model's name",
                )

    async def _write(self, connection: AsyncRealtimeConnection) -> None:
        while not self._is_closing:
            while self._control:
                await connection.send_raw(self._control.popleft())
            while self._sound:
                await connection.send_raw(wire.append_audio(self._sound.popleft()))
                if self._control:
                    break
            if self._control or self._sound:
                continue
            self._has_work.clear()
            await self._has_work.wait()

    def _lost(self, code: int, reason: str) -> None:
        if self._connection is None:
            return
        self._connection = None
        self._sound.clear()
        self._control.clear()
        if not self._is_closing:
            log().warning("! the voice model's connection broke", code=code)
            now_ms = self._now_ms()
            self._emit(events.ModelLost(call_id=self._call_id, at_ms=now_ms, code=code, reason=reason))
            self._talk.connection_lost(now_ms)
            self._flush()

    def _flush(self) -> None:
        """Carry out what the conversation collected."""
        effects = self._talk.take()
        if effects is None:
            return
        for event in effects.happened:
            self._emit(event)
        if effects.sends:
            self._send(*effects.sends)
        for call in effects.tool_calls:
            self._run_tool(call.call_id, call.name, call.arguments)

    def _send(self, *client_events: str) -> None:
        self._control.extend(client_events)
        self._last_word_ms = self._now_ms()
        self._has_work.set()

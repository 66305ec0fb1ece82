"""The callees of a rehearsal: simulated people behind an AudioSocket server.

Given a connection whose UUID encodes a number (`public.callee_uuid`), lets the persona at that number hold the call: a
real detector and recogniser listen, a real voice speaks, one frame per 20 ms. The line simulator connects here, and so
does the callee-side Asterisk. Never knows what the agent's side does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Self
from uuid import UUID

import numpy as np

from opendeep_kit.audio.pacing import Pacer
from opendeep_kit.audio.pcm import FRAME_MS, frame_bytes, silence, to_bytes, to_samples
from opendeep_kit.audio.resample import Resampler
from opendeep_kit.audio.tones import tone
from opendeep_kit.errors import BadInput
from opendeep_kit.logs import log
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.rehearsal.engines import SPEECH_RATE_HZ, VAD_RATE_HZ, Ears, Mouth, VoiceProbability
from opendeep_kit.rehearsal.personas import Mind, Persona, persona
from opendeep_kit.rehearsal.public import Behaviour, number_called, subscriber
from opendeep_kit.rehearsal.turns import Started, Stopped, TurnDetector
from opendeep_kit.settings import PhoneSettings

BEEP_HZ, BEEP_MS, BEFORE_BEEP_MS = 1000.0, 400.0, 300
AFTER_PICKING_UP_MS = 400
KEEP_HEARD_MS = 30_000
"""Of a longer turn of the agent only the last part is understood."""


class SimulatedCallee:
    """The far end of one call.

    Args:
        rate_hz: the frames' sample rate, both ways.
        ears, mouth, detector: the engines.
        rng: draws the background noise.
    """

    def __init__(
        self,
        persona: Persona,
        *,
        rate_hz: int,
        ears: Ears,
        mouth: Mouth,
        detector: VoiceProbability,
        rng: np.random.Generator,
    ) -> None:
        self._persona = persona
        self._mind = Mind(persona)
        self._ears, self._mouth = ears, mouth
        self._rate_hz = rate_hz
        self._to_vad = Resampler(rate_hz, VAD_RATE_HZ)
        self._to_ears = Resampler(rate_hz, SPEECH_RATE_HZ)
        self._to_line = Resampler(SPEECH_RATE_HZ, rate_hz)
        self._turns = TurnDetector(detector, silence_ms=persona.patience_ms)
        self._heard = bytearray()
        self._heard_from_ms = 0.0
        self._agent_since_ms: float | None = None
        self._turn_began_ms = 0.0
        self._out = bytearray()
        self._clock_ms = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._thinking: asyncio.Task[None] | None = None
        self._hang_up_when_said = False
        self._noise = self._make_noise(rng)
        self.on_said: Callable[[str], None] = lambda _: None
        self.wants_hang_up = False

    # ---- the line's side ----------------------------------------------------------------------------

    def pick_up(self) -> None:
        """The call is answered."""
        self._out += silence(self._rate_hz, AFTER_PICKING_UP_MS)
        if self._persona.greeting:
            self._start(self._greet())

    def hear(self, pcm: bytes) -> None:
        """The agent's sound, as it arrives."""
        self._heard += self._to_ears.feed(pcm)
        extra = len(self._heard) - KEEP_HEARD_MS * SPEECH_RATE_HZ // 1000 * 2
        if extra > 0:
            del self._heard[:extra]
            self._heard_from_ms += extra / 2 / SPEECH_RATE_HZ * 1000
        for change in self._turns.hear(self._to_vad.feed(pcm)):
            match change:
                case Started(at_ms=at):
                    self._agent_began(at)
                case Stopped(at_ms=at):
                    self._agent_ended(at)

    def next_frame(self) -> bytes:
        """The callee's next 20 ms."""
        self._clock_ms += FRAME_MS
        self._watch_the_clock()
        length = frame_bytes(self._rate_hz)
        frame = bytes(self._out[:length]).ljust(length, b"\0")
        del self._out[:length]
        if not self._out and self._hang_up_when_said:
            self.wants_hang_up = True
        return frame if self._noise is None else self._with_noise(frame)

    async def close(self) -> None:
        """The call is over."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ---- turns --------------------------------------------------------------------------------------

    def _agent_began(self, at_ms: float) -> None:
        self._agent_since_ms = self._clock_ms
        if self._thinking is not None and not self._thinking.done():
            # The agent goes on: what was heard so far and what follows are one turn.
            self._thinking.cancel()
        else:
            self._turn_began_ms = at_ms

    def _agent_ended(self, at_ms: float) -> None:
        self._agent_since_ms = None
        if not self._mind.listens:
            return
        begin = int(max(0.0, self._turn_began_ms - self._heard_from_ms) * SPEECH_RATE_HZ / 1000) * 2
        end = int(max(0.0, at_ms - self._heard_from_ms) * SPEECH_RATE_HZ / 1000) * 2
        self._thinking = self._start(self._reply(bytes(self._heard[begin:end])))

    def _watch_the_clock(self) -> None:
        persona = self._persona
        if persona.hangs_up_after_ms is not None and self._clock_ms >= persona.hangs_up_after_ms:
            self.wants_hang_up = True
        if persona.interrupts_after_ms is None or self._agent_since_ms is None or self._out:
            return
        if self._clock_ms - self._agent_since_ms >= persona.interrupts_after_ms:
            self._agent_since_ms = None
            words = self._mind.interruption()
            if words:
                self._start(self._say(words))

    async def _greet(self) -> None:
        await self._say(self._persona.greeting)
        if self._persona.greets_with_beep:
            self._out += silence(self._rate_hz, BEFORE_BEEP_MS)
            self._out += tone(BEEP_HZ, self._rate_hz, BEEP_MS)

    async def _reply(self, sound: bytes) -> None:
        words, _ = await asyncio.gather(self._ears.transcribe(sound), asyncio.sleep(self._persona.pause_ms / 1000))
        answer = self._mind.answer(words)
        if answer is not None:
            await self._say(answer.say)
            self._hang_up_when_said = answer.hang_up

    async def _say(self, text: str) -> None:
        pcm = await self._mouth.speak(text, voice=self._persona.voice, speed=self._persona.speed)
        self._out += self._to_line.feed(pcm)
        self.on_said(text)

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine, name="callee")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log().error("! a simulated callee failed", error=type(error).__name__)
            self.wants_hang_up = True

    # ---- noise --------------------------------------------------------------------------------------

    def _make_noise(self, rng: np.random.Generator) -> bytes | None:
        """Ten seconds of street noise (low-passed), to be looped."""
        if self._persona.noise_dbfs is None:
            return None
        white = rng.standard_normal(self._rate_hz * 10)
        soft = np.convolve(white, np.ones(16) / 16, mode="same")
        level = 32768 * 10 ** (self._persona.noise_dbfs / 20)
        return to_bytes(soft / soft.std() * level)

    def _with_noise(self, frame: bytes) -> bytes:
        assert self._noise is not None
        at = int(self._clock_ms / FRAME_MS) * len(frame) % (len(self._noise) - len(frame))
        at -= at % 2
        mixed = to_samples(frame).astype(np.int32) + to_samples(self._noise[at : at + len(frame)])
        return to_bytes(mixed)


FIRST_SOUND_S = 0.5
"""How long to wait for the line's own rate before speaking at the setting's."""


class CalleesServer:
    """All personas, at one address.

    Args:
        new_detector: makes a voice detector for one call.
        seed: for the background noise.
    """

    def __init__(
        self,
        *,
        ears: Ears,
        mouth: Mouth,
        new_detector: Callable[[], VoiceProbability],
        settings: PhoneSettings,
        seed: int = 0,
    ) -> None:
        self._ears, self._mouth, self._new_detector = ears, mouth, new_detector
        self._seed = seed
        self._server = AudioSocketServer(admit=self._is_somebody, handle=self._talk, settings=settings)

    async def start(self) -> int:
        """Listen. Returns the port.

        Raises:
            BadInput: the port is taken.
        """
        try:
            return await self._server.start()
        except BadInput as error:
            raise BadInput(
                f"the simulated callees cannot listen: {error.what}",
                do="stop the program that uses that port, or set rehearsal.callees_port (0 picks a free one)",
            ) from None

    async def close(self) -> None:
        """Everybody hangs up."""
        await self._server.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    async def _is_somebody(self, uuid: UUID) -> bool:
        return subscriber(number_called(uuid)).behaviour is Behaviour.TALKS

    async def _talk(self, connection: AudioSocketConnection) -> None:
        who = persona(subscriber(number_called(connection.call_id)).persona)
        rate_hz = await self._line_rate(connection)
        callee = SimulatedCallee(
            who,
            rate_hz=rate_hz,
            ears=self._ears,
            mouth=self._mouth,
            detector=self._new_detector(),
            rng=np.random.default_rng(self._seed),
        )
        connection.on_sound = lambda rate, pcm: callee.hear(pcm) if rate == rate_hz else None
        loop = asyncio.get_running_loop()
        pacer = Pacer(connection.clock_started_at, lead_ms=0, next_slot=connection.slots_sent)
        callee.pick_up()
        try:
            while not connection.closed.done() and not callee.wants_hang_up:
                for _ in pacer.due(loop.time()):
                    connection.send_frame(callee.next_frame(), rate_hz)
                await asyncio.sleep(max(0.0, pacer.wake_at() - loop.time()))
        finally:
            await callee.close()

    async def _line_rate(self, connection: AudioSocketConnection) -> int:
        """The line's sample rate: we answer at the same rate."""
        loop = asyncio.get_running_loop()
        until = loop.time() + FIRST_SOUND_S
        while connection.peer_rate_hz is None and loop.time() < until and not connection.closed.done():
            connection.send_frame(self._server.silence, self._server.line_rate_hz)
            await asyncio.sleep(0.02)
        return connection.peer_rate_hz or self._server.line_rate_hz

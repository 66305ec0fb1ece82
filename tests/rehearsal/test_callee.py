"""Simulated callees, frame by frame, with a detector, a recogniser and a voice of the test's own."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from opendeep_kit.audio.pcm import level_dbfs, silence, to_samples
from opendeep_kit.audio.tones import tone
from opendeep_kit.phone.audiosocket import encode_call_id, encode_sound
from opendeep_kit.rehearsal.callees_server import CalleesServer, SimulatedCallee
from opendeep_kit.rehearsal.engines import FixedEars, LoudnessVoice, ToneMouth
from opendeep_kit.rehearsal.personas import persona
from opendeep_kit.rehearsal.public import callee_uuid, number_of
from opendeep_kit.settings import PhoneSettings

RATE = 24000
OPENING = "Am I speaking with Maria Alvarez?"


class Call:
    """A callee and what they said, with time in the test's hand."""

    def __init__(self, name: str, heard: str = OPENING) -> None:
        self.callee = SimulatedCallee(
            persona(name),
            rate_hz=RATE,
            ears=FixedEars([heard] * 20),
            mouth=ToneMouth(),
            detector=LoudnessVoice(),
            rng=np.random.default_rng(1),
        )
        self.said: list[str] = []
        self.callee.on_said = self.said.append
        self.sound = b""

    async def pass_ms(self, ms: int, agent: bytes = b"") -> None:
        """Let time pass; the agent says `agent`, then nothing."""
        for at in range(ms // 20):
            piece = agent[at * 960 : at * 960 + 960]
            self.callee.hear(piece.ljust(960, b"\0"))
            self.sound += self.callee.next_frame()
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def no_thinking_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses of a callee pass within a frame."""
    real = asyncio.sleep
    monkeypatch.setattr("opendeep_kit.rehearsal.callees_server.asyncio.sleep", lambda s: real(min(s, 0.02)))


async def test_answers_the_agent() -> None:
    """Greets, hears the agent out, and answers what was asked."""
    call = Call("agrees")
    call.callee.pick_up()
    await call.pass_ms(3000, silence(RATE, 500) + tone(300, RATE, 1500))

    assert call.said == ["Hello?", "Yes, speaking."]
    assert level_dbfs(call.sound) > -40
    await call.callee.close()


async def test_interrupts() -> None:
    """The impatient one speaks while the agent still does."""
    call = Call("interrupts")
    call.callee.pick_up()
    await call.pass_ms(6000, silence(RATE, 1500) + tone(300, RATE, 6000))

    assert call.said == ["Hello?", "Wait, wait, who is this?"]
    await call.callee.close()


async def test_machine_beeps_and_falls_silent() -> None:
    """Voicemail: the greeting, a beep of a thousand hertz, then nothing, whatever is said."""
    call = Call("voicemail")
    call.callee.pick_up()
    await call.pass_ms(12000)
    said_before = list(call.said)
    await call.pass_ms(3000, tone(300, RATE, 1500))
    samples = to_samples(call.sound).astype(float)
    loud = np.flatnonzero(np.abs(samples) > 1000)
    beep = samples[loud[-1] - RATE // 5 : loud[-1] - RATE // 50]
    peak_hz = np.argmax(np.abs(np.fft.rfft(beep * np.hanning(len(beep))))) * RATE / len(beep)

    assert call.said == said_before
    assert len(said_before) == 1
    assert abs(peak_hz - 1000) < 20
    await call.callee.close()


async def test_silent_one_sends_silence() -> None:
    """Not a sample, and not a word."""
    call = Call("silent")
    call.callee.pick_up()
    await call.pass_ms(4000, tone(300, RATE, 1000))

    assert call.said == []
    assert not any(call.sound)
    await call.callee.close()


async def test_noise_never_stops() -> None:
    """The noisy place is heard in every frame, at its level."""
    call = Call("noisy")
    await call.pass_ms(1000)

    assert -45 < level_dbfs(call.sound) < -39
    await call.callee.close()


async def test_hangs_up_early() -> None:
    """After five seconds, in the middle of anything."""
    call = Call("hangs_up_early")
    call.callee.pick_up()
    await call.pass_ms(4900)
    early = call.callee.wants_hang_up
    await call.pass_ms(200)

    assert (early, call.callee.wants_hang_up) == (False, True)
    await call.callee.close()


@pytest.fixture
async def telephones() -> AsyncIterator[CalleesServer]:
    """The personas' server, without speech models."""
    server = CalleesServer(
        ears=FixedEars([OPENING] * 20),
        mouth=ToneMouth(),
        new_detector=LoudnessVoice,
        settings=PhoneSettings(port=0, line_format="slin16"),
    )
    async with server:
        yield server


async def test_number_reaches_its_persona(telephones: CalleesServer) -> None:
    """A connection with a persona's number is answered, in the rate in which it speaks."""
    reader, writer = await asyncio.open_connection("127.0.0.1", telephones.port)
    writer.write(encode_call_id(callee_uuid(number_of("agrees"))))
    writer.write(encode_sound(silence(8000), 8000))
    kinds, loud = set(), False
    while not loud:
        head = await reader.readexactly(3)
        pcm = await reader.readexactly(head[1] << 8 | head[2])
        kinds.add(head[0])
        loud = level_dbfs(pcm) > -40
    writer.close()

    assert 0x10 in kinds


async def test_number_without_a_persona_is_refused(telephones: CalleesServer) -> None:
    """Nobody lives there: the connection ends with a hang-up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", telephones.port)
    writer.write(encode_call_id(callee_uuid("+12125550199")))
    data = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert data.endswith(b"\0\0\0")

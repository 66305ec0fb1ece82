"""The voice AI's place, and a persona's, at the two ends of a real call: a tone out, ears open."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from uuid import UUID, uuid4

import numpy as np

from opendeep_kit.audio.pcm import to_samples
from opendeep_kit.commands.media import tone
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.settings import PhoneSettings
from tests.phone.raw_ami import RawAmi


class Agent:
    """Says a tone, keeps what it hears and which keys were pressed, by call."""

    def __init__(self, hz: float = 1000.0, rate_hz: int = 24000) -> None:
        self._hz, self._rate_hz = hz, rate_hz
        self.heard: dict[UUID, bytearray] = {}
        self.digits: dict[UUID, str] = {}
        self.rates: set[int] = set()

    async def __call__(self, connection: AudioSocketConnection) -> None:
        sound = self.heard.setdefault(connection.call_id, bytearray())

        def hear(rate_hz: int, pcm: bytes) -> None:
            self.rates.add(rate_hz)
            sound.extend(pcm)

        def press(digit: str) -> None:
            self.digits[connection.call_id] = self.digits.get(connection.call_id, "") + digit

        connection.on_sound, connection.on_digit = hear, press
        await tone(connection, hz=self._hz, rate_hz=self._rate_hz)

    @contextlib.asynccontextmanager
    async def listening(self, port: int = 0) -> AsyncIterator[AudioSocketServer]:
        """Takes whatever call comes."""

        async def anybody(_: UUID) -> bool:
            return True

        async with AudioSocketServer(admit=anybody, handle=self, settings=PhoneSettings(port=port)) as server:
            yield server

    async def hears(self, call_id: UUID, seconds: float, limit_s: float = 20.0) -> np.ndarray:
        """The last seconds of sound, once there are so many that are not silence."""
        async with asyncio.timeout(limit_s):
            while True:
                samples = to_samples(bytes(self.heard.get(call_id, b"")))
                loud = np.flatnonzero(np.abs(samples) > 300)
                wanted = int(seconds * max(self.rates, default=8000))
                if loud.size and loud[-1] - loud[0] >= wanted:
                    return samples[loud[-1] - wanted : loud[-1]]
                await asyncio.sleep(0.05)


async def until(holds: Callable[[], bool], limit_s: float = 15.0) -> None:
    """Wait for a fact."""
    async with asyncio.timeout(limit_s):
        while not holds():  # noqa: ASYNC110 (facts of files and other processes send no event)
            await asyncio.sleep(0.05)


def number(last: str) -> str:
    """A number of the public."""
    return f"+121255501{last}"


def strongest_hz(samples: np.ndarray, rate_hz: int) -> int:
    """The loudest frequency, to 10 Hz."""
    window = samples[: len(samples) // (rate_hz // 10) * (rate_hz // 10)].reshape(-1, rate_hz // 10)
    spectrum = np.abs(np.fft.rfft(window * np.hanning(window.shape[1]), axis=1)).sum(axis=0)
    return int(np.argmax(spectrum)) * 10


async def place(ami: RawAmi, media_port: int, callee: str, ring_s: int = 20, line_format: str = "slin24") -> UUID:
    """One call through the channel driver."""
    call_id = uuid4()
    channel = f"AudioSocket/127.0.0.1:{media_port}/{call_id}/c({line_format})"
    await ami.originate(channel, call_id, OPENDEEP_NUMBER=callee, OPENDEEP_RING_S=str(ring_s))
    return call_id


async def hang_up(ami: RawAmi, call_id: UUID) -> None:
    """End a call by our id, and wait until the callee's leg is gone."""
    await ami.act(f"Channel: od-{call_id}", action="Hangup")
    await ami.human_leg_ended(call_id)

"""The echo and the tone, over a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import uuid4

import numpy as np

from opendeep_kit.audio.pcm import to_samples
from opendeep_kit.commands.media import echo, tone
from opendeep_kit.phone.audiosocket import encode_sound
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.settings import PhoneSettings
from tests.phone.asterisk_end import AsteriskEnd, asterisk_end, next_sound, until


async def on_a_line(
    handle: Callable[[AudioSocketConnection], Awaitable[None]], talk: Callable[[AsteriskEnd], Awaitable[None]]
) -> None:
    """Connect to this handler, talk, hang up; the handler must then end by itself."""

    async def admit(call_id: object) -> bool:
        return True

    settings = PhoneSettings(line_format="slin")
    async with (
        AudioSocketServer(admit=admit, handle=handle, settings=settings) as server,
        asterisk_end(server.port, uuid4()) as peer,
    ):
        await until(lambda: server.counts.admitted)
        await talk(peer)
        peer.hang_up()
        await peer.until_closed()


async def test_echo_sends_back_what_it_hears() -> None:
    """Every frame comes back whole, in order, in the peer's own rate and length."""

    async def talk(peer: AsteriskEnd) -> None:
        pieces = [bytes([n, 1]) * samples for n, samples in [(1, 160), (2, 160), (3, 480)]]
        peer.send(b"".join(encode_sound(piece, 16000) for piece in pieces))

        assert [await next_sound(peer) for _ in pieces] == [(0x12, piece) for piece in pieces]

    await on_a_line(echo, talk)


async def test_echo_fills_the_peers_silence() -> None:
    """When the peer stops, silence comes in its rate, so that Asterisk does not drop the call."""

    async def talk(peer: AsteriskEnd) -> None:
        peer.send(encode_sound(b"\x01\x00" * 320, 16000))
        await next_sound(peer)

        assert [await peer.message() for _ in range(3)] == [(0x12, bytes(640))] * 3

    await on_a_line(echo, talk)


async def test_tone_is_a_clean_kilohertz() -> None:
    """What arrives is one sine of 1000 Hz without a click, its energy in one place of the spectrum."""
    heard = bytearray()

    async def talk(peer: AsteriskEnd) -> None:
        heard.extend((await next_sound(peer))[1])
        while len(heard) < 16000:
            kind, payload = await peer.message()
            assert (kind, len(payload)) == (0x10, 320)
            heard.extend(payload)

    await on_a_line(tone, talk)

    spectrum = np.abs(np.fft.rfft(to_samples(bytes(heard)) * np.hanning(8000))) ** 2
    assert int(np.argmax(spectrum)) == 1000
    assert spectrum[995:1006].sum() / spectrum.sum() > 0.9999


async def test_tone_is_never_faster_than_its_clock() -> None:
    """Frames come at 50 a second with the lead's frame and no more ahead."""
    loop = asyncio.get_running_loop()

    async def talk(peer: AsteriskEnd) -> None:
        began = loop.time()
        for _ in range(20):
            await peer.message()
        assert loop.time() - began >= (20 - 3) * 0.02

    await on_a_line(tone, talk)

"""Strangers that speak nonsense to a live server, with a healthy call beside them."""

from __future__ import annotations

import asyncio
import contextlib
import random
from uuid import UUID, uuid4

import pytest

from opendeep_kit.commands.media import echo
from opendeep_kit.phone.audiosocket import encode_call_id, encode_digit, encode_sound
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.settings import PhoneSettings
from tests.phone.asterisk_end import AsteriskEnd, asterisk_end, next_sound, open_files, until

HEALTHY = UUID(int=1)
STRANGERS_AT_ONCE = 20


def malformed(rng: random.Random) -> bytes:
    """A stream of one of the kinds that break parsers: noise, or valid messages bent somewhere."""
    valid = encode_call_id(UUID(int=rng.getrandbits(128))) + b"".join(
        encode_sound(bytes(rng.choice((2, 320, 960))), rng.choice((8000, 24000))) for _ in range(rng.randrange(4))
    )
    match rng.randrange(7):
        case 0:
            return rng.randbytes(rng.randrange(600))
        case 1:
            return valid[: rng.randrange(len(valid) + 1)]
        case 2:
            bent = bytearray(valid)
            bent[rng.randrange(len(bent))] ^= 1 << rng.randrange(8)
            return bytes(bent)
        case 3:
            return valid + rng.randbytes(rng.randrange(1, 40))
        case 4:
            return valid + bytes((rng.randrange(256), rng.randrange(256), rng.randrange(256)))
        case 5:
            return valid + valid + encode_digit("1")
        case _:
            return valid + b"\0\0\0" + rng.randbytes(rng.randrange(20))


async def stranger(port: int, rng: random.Random) -> None:
    """One malformed stream in random pieces; ends by FIN, RST, or by waiting for the server to close."""
    data = malformed(rng)
    async with asterisk_end(port) as peer:
        with contextlib.suppress(ConnectionError):
            while data:
                length = rng.choice((1, 2, 3, 19, 100, len(data)))
                peer.send(data[:length])
                data = data[length:]
                if rng.random() < 0.3:
                    await asyncio.sleep(0)
            match rng.randrange(4):
                case 0:
                    peer.reset()
                    return
                case 1:
                    peer.hang_up()
            async with asyncio.timeout(10):
                await peer.until_closed()


async def healthy_call(peer: AsteriskEnd, is_over: asyncio.Event) -> int:
    """Numbered frames that must come back, each unharmed and in order. Returns how many did."""
    sent = 0
    while not is_over.is_set():
        sent += 1
        peer.send(encode_sound(sent.to_bytes(4, "little") * 80, 8000))
        async with asyncio.timeout(10):
            kind, payload = await next_sound(peer)
        assert (kind, len(payload)) == (0x10, 320)
        assert payload == sent.to_bytes(4, "little") * 80
        await asyncio.sleep(0.02)
    return sent


async def fuzz(count: int, seed: int) -> None:
    """So many strangers, some at once."""
    rng = random.Random(seed)

    async def admit(call_id: UUID) -> bool:
        return call_id == HEALTHY or call_id.int % 2 == 0

    async def handle(connection: AudioSocketConnection) -> None:
        if connection.call_id == HEALTHY:
            await echo(connection)
        else:
            await asyncio.wait({connection.closed}, timeout=0.05)

    tasks, files = asyncio.all_tasks(), open_files()
    settings = PhoneSettings(line_format="slin", handshake_timeout_s=0.2)
    async with AudioSocketServer(admit=admit, handle=handle, settings=settings) as server:
        async with asterisk_end(server.port, HEALTHY) as peer:
            is_over = asyncio.Event()
            await until(lambda: server.counts.admitted)
            call = asyncio.create_task(healthy_call(peer, is_over))
            for begin in range(0, count, STRANGERS_AT_ONCE):
                crowd = min(STRANGERS_AT_ONCE, count - begin)
                await asyncio.gather(*(stranger(server.port, random.Random(rng.random())) for _ in range(crowd)))
            is_over.set()
            assert await call > count // STRANGERS_AT_ONCE / 4
            await until(lambda: server.counts.live == 1)
        assert server.counts.accepted == count + 1
        assert server.counts.handler_failures == 0
        assert server.counts.protocol_errors > count / 20
        async with asterisk_end(server.port, UUID(int=uuid4().int & ~1)) as peer:
            assert await peer.message() == (0x10, bytes(320))
    assert asyncio.all_tasks() == tasks
    await until(lambda: open_files() == files)


async def test_three_hundred_malformed_streams() -> None:
    """None crashes the server or leaves anything behind, and the call beside them is whole."""
    await fuzz(300, seed=20)


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_ten_thousand_malformed_streams() -> None:
    """The same for long."""
    await fuzz(10_000, seed=21)

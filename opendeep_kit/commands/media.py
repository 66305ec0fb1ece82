"""`opendeep media`: a bare AudioSocket server that echoes or plays a tone, to check or load a line.

Given a handler's name, serves until interrupted and prints connection counts. Knows neither calls nor models.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from rich.console import Console

from opendeep_kit.audio.pacing import Pacer
from opendeep_kit.audio.pcm import silence
from opendeep_kit.audio.tones import frames
from opendeep_kit.child_process import listen_for_stop
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.settings import PhoneSettings

QUIET_S = 0.06
"""The echo sends silence of its own when the peer has sent nothing for this long."""


async def echo(connection: AudioSocketConnection) -> None:
    """Send everything back at once; the peer's packets are the clock.

    Until the peer's first sound the connection itself sends silence.
    """
    loop = asyncio.get_running_loop()
    heard_at = loop.time()

    def send_back(rate_hz: int, pcm: bytes) -> None:
        nonlocal heard_at
        heard_at = loop.time()
        connection.send_frame(pcm, rate_hz)

    connection.on_sound = send_back
    while not connection.closed.done():
        await asyncio.wait({connection.closed}, timeout=0.02)
        rate_hz = connection.peer_rate_hz
        if rate_hz is not None and loop.time() - heard_at > QUIET_S:
            connection.send_frame(silence(rate_hz), rate_hz)


async def tone(connection: AudioSocketConnection, *, hz: float = 1000.0, rate_hz: int = 8000) -> None:
    """Send a tone on an absolute clock."""
    loop = asyncio.get_running_loop()
    pacer = Pacer(connection.clock_started_at, next_slot=connection.slots_sent)
    sound = frames(hz, rate_hz)
    while not connection.closed.done():
        for _ in pacer.due(loop.time()):
            connection.send_frame(next(sound), rate_hz)
        await asyncio.wait({connection.closed}, timeout=max(0.0, pacer.wake_at() - loop.time()))


HANDLERS: dict[str, Callable[[AudioSocketConnection], Awaitable[None]]] = {"echo": echo, "tone": tone}


async def serve_line_test(settings: PhoneSettings, handler: str) -> None:
    """Serve until told to stop.

    Raises:
        BadInput: the port is taken.
    """
    console = Console(highlight=False)
    stopped = asyncio.Event()
    await listen_for_stop(stopped, is_child=False)
    server = AudioSocketServer(admit=_anybody, handle=HANDLERS[handler], settings=settings)
    async with server:
        console.print(f"{handler} on {settings.host}:{server.port}, admitting any UUID; Ctrl+C stops it")
        await stopped.wait()
    counts = server.counts
    console.print(
        f"{counts.accepted} connections, {counts.admitted} admitted, {counts.protocol_errors} protocol errors"
    )


async def _anybody(call_id: UUID) -> bool:
    del call_id
    return True

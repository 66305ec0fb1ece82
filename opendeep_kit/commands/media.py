"""`opendeep media`: a bare AudioSocket server for checking a line by ear or under load.

Given a handler's name, serves until interrupted and prints what came to the door. Never knows a call or a model.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from uuid import UUID

from rich.console import Console

from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.phone.line_tests import echo, tone
from opendeep_kit.settings import PhoneSettings

HANDLERS: dict[str, Callable[[AudioSocketConnection], Awaitable[None]]] = {"echo": echo, "tone": tone}


async def serve_line_test(settings: PhoneSettings, handler: str) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        BadInput: the port is taken.
    """
    console = Console(highlight=False)
    stopped = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(name, stopped.set)
    server = AudioSocketServer(admit=_anybody, handle=HANDLERS[handler], settings=settings)
    async with server:
        console.print(f"{handler} on {settings.host}:{server.port}, admitting any UUID; interrupt to stop")
        await stopped.wait()
    counts = server.counts
    console.print(
        f"{counts.accepted} connections, {counts.admitted} admitted, {counts.protocol_errors} broke the protocol"
    )


async def _anybody(call_id: UUID) -> bool:
    del call_id
    return True

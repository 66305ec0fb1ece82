"""Asterisk's end of one AudioSocket connection, behaving as Asterisk does.

Given a server's address and a UUID, connects, passes each sound message on as soon as it is complete, and ends the
call whenever Asterisk would. Never buffers or paces: Asterisk does neither.
Source: Asterisk 22.10 res/res_audiosocket.c and apps/app_audiosocket.c; lines are named below.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from enum import StrEnum
from typing import cast
from uuid import UUID

from opendeep_kit.errors import Unavailable
from opendeep_kit.phone.audiosocket import HEADER_BYTES, RATE_OF_KIND, Kind, encode_call_id

CONNECT_TIMEOUT_S = 2.0
"""res_audiosocket.c:45."""
PAYLOAD_GAP_S = 0.005
"""After a header, the payload must follow without a longer pause (res_audiosocket.c:391)."""
QUIET_LIMIT_S = 2.0
"""Silence in both directions for this long ends the call (app_audiosocket.c:48)."""
UNSENT_LIMIT_BYTES = 64 * 1024
"""When the server does not read, Asterisk's write fails and the call ends (res_audiosocket.c:273)."""
CLOSE_WAIT_S = 1.0
"""How long the server may take to close its side after ours."""


class LegEnd(StrEnum):
    """Why the connection ended, unless we closed it."""

    HUNG_UP = "hung_up"
    """The server sent a hangup (0x00)."""
    CLOSED = "closed"
    """The server closed without a hangup (FIN)."""
    RESET = "reset"
    """The connection was reset."""
    BROKEN = "broken"
    """The server did something that makes Asterisk end the call; `detail` says what."""
    QUIET = "quiet"
    """Neither side sent anything for `QUIET_LIMIT_S`."""


class AsteriskLeg(asyncio.Protocol):
    """One connection. Set `on_sound`, `send` whole messages, await `ended`, and `close` on every path."""

    def __init__(self, call_id: UUID, *, quiet_limit_s: float = QUIET_LIMIT_S) -> None:
        self._call_id = call_id
        self._quiet_limit_s = quiet_limit_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._payload_timer: asyncio.TimerHandle | None = None
        self._quiet_timer: asyncio.TimerHandle | None = None
        self._active_at = self._loop.time()
        self._has_peer_closed = False
        self._gone = asyncio.Event()
        self.on_sound: Callable[[bytes], None] = self._ignore
        """Takes each sound message as it came, header included."""
        self.ended: asyncio.Future[LegEnd] = self._loop.create_future()
        self.detail = ""

    def send(self, message: bytes) -> None:
        """Send a message at once, or drop it when the connection is over."""
        transport = self._transport
        if transport is None or self.ended.done() or transport.is_closing():
            return
        if transport.get_write_buffer_size() > UNSENT_LIMIT_BYTES:
            self._break("the media server does not read")
            return
        self._active_at = self._loop.time()
        transport.write(message)

    async def close(self) -> None:
        """Hang up as Asterisk does, with a plain FIN. Returns when the connection is gone."""
        self._end(LegEnd.CLOSED)
        transport = self._transport
        if transport is None or self._gone.is_set():
            return
        with contextlib.suppress(OSError):  # already reset
            transport.write_eof()
        if self._has_peer_closed:
            transport.close()
        try:
            async with asyncio.timeout(CLOSE_WAIT_S):
                await self._gone.wait()
        except TimeoutError:
            pass
        finally:
            transport.abort()
        await self._gone.wait()

    # ---- asyncio.Protocol ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface without the class.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(encode_call_id(self._call_id))
        self._watch_quiet()

    def data_received(self, data: bytes) -> None:
        if self.ended.done():
            return
        self._active_at = self._loop.time()
        self._stop(self._payload_timer)
        self._buffer += data
        while not self.ended.done() and self._take_message():
            pass

    def eof_received(self) -> bool:
        self._has_peer_closed = True
        is_ours = self.ended.done()
        self._end(LegEnd.CLOSED)
        # When we have closed too, the transport closes; otherwise `close` closes it.
        return not is_ours

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(LegEnd.CLOSED if exc is None else LegEnd.RESET)
        self._gone.set()

    # ---- inside -------------------------------------------------------------------------------------

    def _take_message(self) -> bool:
        """Handle the buffer's first message. False when it is incomplete."""
        buffer = self._buffer
        if len(buffer) < HEADER_BYTES:
            return False  # Asterisk waits for a header without a limit (asterisk#2089)
        kind, length = buffer[0], buffer[1] << 8 | buffer[2]
        if kind == Kind.HANGUP:
            self._end(LegEnd.HUNG_UP)
            return False
        if kind not in RATE_OF_KIND:
            self._break(f"the media server sent a message of kind 0x{kind:02x}")
            return False
        if length == 0:
            self._break("the media server sent an empty sound message")
            return False
        after = HEADER_BYTES + length
        if len(buffer) < after:
            self._payload_timer = self._loop.call_later(
                PAYLOAD_GAP_S, self._break, "the media server sent a message in pieces"
            )
            return False
        message = bytes(buffer[:after])
        del buffer[:after]
        self.on_sound(message)
        return True

    def _watch_quiet(self) -> None:
        due = self._active_at + self._quiet_limit_s
        if self._loop.time() >= due:
            self.detail = "neither side sent anything for two seconds"
            self._end(LegEnd.QUIET)
        else:
            self._quiet_timer = self._loop.call_at(due, self._watch_quiet)

    def _break(self, detail: str) -> None:
        self.detail = self.detail or detail
        self._end(LegEnd.BROKEN)

    def _end(self, how: LegEnd) -> None:
        self._stop(self._payload_timer)
        self._stop(self._quiet_timer)
        if not self.ended.done():
            self.ended.set_result(how)

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()

    @staticmethod
    def _ignore(message: bytes) -> None:
        del message


async def connect(host: str, port: int, call_id: UUID, *, quiet_limit_s: float = QUIET_LIMIT_S) -> AsteriskLeg:
    """Connect and send the UUID.

    Raises:
        Unavailable: nobody listens there.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, leg = await loop.create_connection(lambda: AsteriskLeg(call_id, quiet_limit_s=quiet_limit_s), host, port)
    except (OSError, TimeoutError):
        raise Unavailable(f"no AudioSocket server listens on {host}:{port}", do="start it") from None
    return leg

"""Takes AudioSocket connections, admits those that the store expects, and hands each to a call's handler.

Given an `admit` question and a `handle` coroutine, does the socket work only: parses as bytes arrive (the reader
never waits for anybody), writes one frame per `write`, keeps the line alive with silence from the UUID on, and
closes promptly on every path. Never decides what is said.

Drop policy: when the peer does not read, frames beyond `MAX_UNSENT_FRAMES` in the socket's buffer are dropped, the
newest first, and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from opendeep_kit.audio.pacing import SLOT_S
from opendeep_kit.audio.pcm import LINE_RATES_HZ, silence
from opendeep_kit.config import PhoneSettings
from opendeep_kit.errors import BadInput, OpenDeepError
from opendeep_kit.logs import log
from opendeep_kit.phone.audiosocket import (
    HANGUP,
    AudioSocketError,
    CallId,
    Decoder,
    Digit,
    ErrorReported,
    Hangup,
    Sound,
    encode_sound,
)

MAX_UNSENT_FRAMES = 8
CLOSE_WAIT_S = 1.0
"""After our hang-up Asterisk closes within a millisecond; a peer that does not is cut off."""


@dataclass(slots=True)
class ServerCounts:
    """What came to the door, since the start."""

    accepted: int = 0
    admitted: int = 0
    refused: int = 0
    """UUID unknown, used before, expired, or not answered for in time."""
    handshake_timeouts: int = 0
    over_capacity: int = 0
    protocol_errors: int = 0
    handler_failures: int = 0
    live: int = 0


class AudioSocketConnection(asyncio.Protocol):
    """One connection. Set `on_sound` and `on_digit`, call `send_frame` once per slot, await `closed`."""

    def __init__(self, server: AudioSocketServer) -> None:
        self._server = server
        self._decoder = Decoder()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[str] = self._loop.create_future()
        """`peer_closed`, `we_hung_up`, `peer_reset`, `protocol_error`."""
        self.call_id = UUID(int=0)
        self.clock_started_at = 0.0
        """Loop time of the UUID message: slot 0 of the call's clock."""
        self.slots_sent = 0
        self.peer_rate_hz: int | None = None
        self.on_sound: Callable[[int, bytes], None] = self._ignore_sound
        self.on_digit: Callable[[str], None] = self._ignore_digit
        self.frames_in = self.frames_out = self.frames_dropped = self.frames_early = 0
        self._has_hung_up = False
        self._is_admitted = False
        self.task: asyncio.Task[None] | None = None

    # ---- for the handler ----------------------------------------------------------------------------

    def send_frame(self, pcm: bytes, rate_hz: int) -> bool:
        """Write one frame, header and payload together. False when it was not sent."""
        transport = self._transport
        if transport is None or self._has_hung_up or transport.is_closing():
            return False
        self.slots_sent += 1
        if transport.get_write_buffer_size() > MAX_UNSENT_FRAMES * (len(pcm) + 3):
            self.frames_dropped += 1
            return False
        transport.write(encode_sound(pcm, rate_hz))
        self.frames_out += 1
        return True

    def hang_up(self) -> None:
        """End the call: three zero bytes, half-close, and wait a moment for the peer to close."""
        transport = self._transport
        if transport is None or self._has_hung_up or transport.is_closing():
            return
        self._has_hung_up = True
        transport.write(HANGUP)
        if transport.can_write_eof():
            transport.write_eof()
        self._set_timer(CLOSE_WAIT_S, self.abort)

    def abort(self) -> None:
        """Cut the connection now."""
        if self._transport is not None:
            self._transport.abort()

    # ---- asyncio.Protocol ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._server.take_in(self):
            self._set_timer(self._server.settings.handshake_timeout_s, self._handshake_late)

    def data_received(self, data: bytes) -> None:
        if self._has_hung_up:
            return
        try:
            for message in self._decoder.receive_data(data):
                self._take(message)
        except AudioSocketError as error:
            self._protocol_error(error)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._server.let_go(self)
        if not self.closed.done():
            self.closed.set_result(
                "we_hung_up" if self._has_hung_up else "peer_reset" if exc is not None else "peer_closed"
            )

    # ---- inside -------------------------------------------------------------------------------------

    def _take(self, message: CallId | Sound | Digit | Hangup | ErrorReported) -> None:
        match message:
            case Sound(rate_hz=rate, pcm=pcm) if self.clock_started_at:
                self.frames_in += 1
                self.peer_rate_hz = rate
                self.on_sound(rate, pcm)
            case Digit(digit=digit) if self.clock_started_at:
                self.on_digit(digit)
            case CallId(uuid=uuid) if not self.clock_started_at:
                self._begin(uuid)
            case Hangup():
                if self._transport is not None:
                    self._transport.close()
            case _:
                raise AudioSocketError(f"{type(message).__name__} where it does not belong")

    def _begin(self, uuid: UUID) -> None:
        self.call_id = uuid
        self.clock_started_at = self._loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._keep_alive()
        self.task = self._loop.create_task(self._server.serve(self), name=f"call-{uuid}")

    def _keep_alive(self) -> None:
        """Silence on the call's clock until the handler takes over: without it Asterisk may drop the call."""
        if self._is_admitted or self.closed.done():
            return
        self.send_frame(self._server.silence, self._server.line_rate_hz)
        due = self.clock_started_at + self.slots_sent * SLOT_S
        self._timer = self._loop.call_at(due, self._keep_alive)

    def admitted(self) -> None:
        """The handler takes the clock over."""
        self._is_admitted = True
        if self._timer is not None:
            self._timer.cancel()

    def _handshake_late(self) -> None:
        self._server.counts.handshake_timeouts += 1
        self.abort()

    def _protocol_error(self, error: AudioSocketError) -> None:
        self._server.counts.protocol_errors += 1
        log().warning("! an AudioSocket peer broke the protocol", what=error.what)
        if not self.closed.done():
            self.closed.set_result("protocol_error")
        self.hang_up()

    def _ignore_sound(self, rate_hz: int, pcm: bytes) -> None:
        del rate_hz, pcm
        self.frames_early += 1

    def _ignore_digit(self, digit: str) -> None:
        del digit
        self.frames_early += 1

    def _set_timer(self, delay_s: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay_s, then)


class AudioSocketServer:
    """Listens; `async with` it, or `start` and `close`.

    Args:
        admit: whether this UUID is expected, now, for the first time. May take time; silence is sent meanwhile.
        handle: one admitted call; when it returns the call is hung up.
    """

    def __init__(
        self,
        *,
        admit: Callable[[UUID], Awaitable[bool]],
        handle: Callable[[AudioSocketConnection], Awaitable[None]],
        settings: PhoneSettings,
    ) -> None:
        self._admit = admit
        self._handle = handle
        self.settings = settings
        self.counts = ServerCounts()
        self.line_rate_hz = LINE_RATES_HZ[settings.line_format]
        self.silence = silence(self.line_rate_hz)
        self._server: asyncio.Server | None = None
        self._connections: set[AudioSocketConnection] = set()
        self.port = 0

    async def start(self) -> int:
        """Listen. Returns the port.

        Raises:
            BadInput: the port is taken, or the address is not ours.
        """
        loop = asyncio.get_running_loop()
        host, port = self.settings.host, self.settings.port
        try:
            self._server = await loop.create_server(lambda: AudioSocketConnection(self), host, port, backlog=256)
        except OSError as error:
            raise BadInput(
                f"cannot listen for calls on {host}:{port} ({error.strerror or error})",
                do="stop the program that uses that port, or set phone.port to another one (0 takes any free one)",
            ) from None
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def close(self) -> None:
        """Stop listening, hang up, and wait until every connection and handler is gone."""
        if self._server is not None:
            self._server.close()
        connections = list(self._connections)
        for connection in connections:
            connection.hang_up()
        tasks = [connection.task for connection in connections if connection.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=2 * CLOSE_WAIT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for connection in list(self._connections):
            connection.abort()
        while self._connections:
            await asyncio.sleep(0)
        if self._server is not None:
            await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # ---- for connections ----------------------------------------------------------------------------

    def take_in(self, connection: AudioSocketConnection) -> bool:
        """A peer connected. Beyond capacity it is closed at once: a refused connect hurts Asterisk (FACTS)."""
        self.counts.accepted += 1
        self._connections.add(connection)
        self.counts.live = len(self._connections)
        if len(self._connections) > self.settings.max_connections:
            self.counts.over_capacity += 1
            connection.hang_up()
            return False
        return True

    def let_go(self, connection: AudioSocketConnection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        self.counts.live = len(self._connections)

    async def serve(self, connection: AudioSocketConnection) -> None:
        """Ask whether the call is expected, then run its handler."""
        try:
            if await self._is_expected(connection.call_id):
                self.counts.admitted += 1
                connection.admitted()
                await self._handle(connection)
            else:
                self.counts.refused += 1
        except OpenDeepError as error:
            self.counts.handler_failures += 1
            log().error("! a call's handler failed", error=type(error).__name__, what=error.what)
        finally:
            connection.hang_up()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(asyncio.wait({connection.closed}, timeout=2 * CLOSE_WAIT_S))

    async def _is_expected(self, call_id: UUID) -> bool:
        try:
            async with asyncio.timeout(self.settings.handshake_timeout_s):
                return await self._admit(call_id)
        except TimeoutError:
            log().error("! admission took too long; the call is refused")
            return False

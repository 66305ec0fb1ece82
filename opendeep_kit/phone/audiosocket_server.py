"""Accepts AudioSocket connections, admits those that are expected, and hands each to a call's handler.

Given an `admit` question and a `handle` coroutine, does the socket work only: parses as bytes arrive (the reader
never waits for anybody), writes one frame per `write`, keeps the line alive with silence from the UUID on, and
closes promptly on every path. Never decides what is said.

Drop policy: when the peer does not read, the kernel keeps at most `KERNEL_BUFFER_BYTES`, we keep
`MAX_UNSENT_FRAMES`; anything beyond is dropped, the newest first, and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self, cast
from uuid import UUID

from opendeep_kit.audio.pacing import Pacer
from opendeep_kit.audio.pcm import LINE_RATES_HZ, silence
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
from opendeep_kit.settings import PhoneSettings

MAX_UNSENT_FRAMES = 8
KERNEL_BUFFER_BYTES = 16 * 1024
"""Left to itself the kernel would take megabytes: a minute of stale sound that nobody can take back."""
CLOSE_WAIT_S = 1.0
"""After our hang-up Asterisk closes within a millisecond; a peer that does not is cut off."""


@dataclass(slots=True)
class ServerCounts:
    """What the server has seen since the start."""

    accepted: int = 0
    admitted: int = 0
    refused: int = 0
    """UUID unknown, used before, expired, or not answered for in time."""
    left_early: int = 0
    """The peer went away before we knew whether it was expected."""
    handshake_timeouts: int = 0
    over_capacity: int = 0
    protocol_errors: int = 0
    handler_failures: int = 0
    """Of `admit` too: whatever it was, that call is hung up."""
    live: int = 0


class AudioSocketConnection(asyncio.Protocol):
    """One connection. Set `on_sound` and `on_digit`, call `send_frame` once per slot, await `closed`.

    Silence is sent on the call's clock from the UUID message until the handler's own first frame.
    """

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
        """Where the handler's clock goes on: give it to its `Pacer` just before the first frame."""
        self._keep_alive_pacer: Pacer | None = None
        self.peer_rate_hz: int | None = None
        self.on_sound: Callable[[int, bytes], None] = self._ignore_sound
        self.on_digit: Callable[[str], None] = self._ignore_digit
        self.frames_in = self.frames_out = self.frames_dropped = self.frames_early = 0
        self._has_hung_up = self._is_over = False
        self.task: asyncio.Task[None] | None = None

    # ---- for the handler ----------------------------------------------------------------------------

    def send_frame(self, pcm: bytes, rate_hz: int) -> bool:
        """Write one frame, header and payload together. False when it was not sent."""
        if self._keep_alive_pacer is not None:
            self._keep_alive_pacer = None
            self._cancel_timer()
        self.slots_sent += 1
        return self._send(pcm, rate_hz)

    def _send(self, pcm: bytes, rate_hz: int) -> bool:
        transport = self._transport
        if transport is None or self._has_hung_up or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > MAX_UNSENT_FRAMES * (len(pcm) + 3):
            self.frames_dropped += 1
            return False
        transport.write(encode_sound(pcm, rate_hz))
        self.frames_out += 1
        return True

    def hang_up(self) -> bool:
        """End the call: three zero bytes, half-close, and a moment for the peer to close. False when it is over."""
        transport = self._transport
        if transport is None or self._has_hung_up or transport.is_closing():
            return False
        self._has_hung_up = self._is_over = True
        self._keep_alive_pacer = None
        transport.write(HANGUP)
        with contextlib.suppress(OSError):  # the peer has reset; connection_lost is on its way
            transport.write_eof()
        self._set_timer(CLOSE_WAIT_S, self.abort)
        return True

    def abort(self) -> None:
        """Cut the connection now."""
        if self._transport is not None:
            self._transport.abort()

    # ---- asyncio.Protocol ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface without the class.
        self._transport = transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
        if self._server.take_in(self):
            self._set_timer(self._server.settings.handshake_timeout_s, self._handshake_late)

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return
        try:
            for message in self._decoder.receive_data(data):
                self._take(message)
                if self._is_over:
                    break
        except AudioSocketError as error:
            self._protocol_error(error)

    def eof_received(self) -> bool:
        if not self._is_over:
            try:
                self._decoder.receive_eof()
            except AudioSocketError as error:
                self._protocol_error(error)
        self._close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._keep_alive_pacer = None
        self._cancel_timer()
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
                self._close()
            case _:
                raise AudioSocketError(f"{type(message).__name__} where it does not belong")

    def _begin(self, uuid: UUID) -> None:
        self.call_id = uuid
        self.clock_started_at = self._loop.time()
        self._keep_alive_pacer = Pacer(self.clock_started_at, lead_ms=0)
        self._keep_alive()
        self.task = self._server.begin(self)

    def _keep_alive(self) -> None:
        """Silence on the call's clock until the handler's first frame: without it Asterisk may drop the call."""
        pacer = self._keep_alive_pacer
        if pacer is None:
            return
        for _ in pacer.due(self._loop.time()):
            self._send(self._server.silence, self._server.line_rate_hz)
        self.slots_sent = pacer.next_slot
        self._cancel_timer()
        self._timer = self._loop.call_at(pacer.wake_at(), self._keep_alive)

    def _handshake_late(self) -> None:
        self._server.counts.handshake_timeouts += 1
        self.abort()

    def _protocol_error(self, error: AudioSocketError) -> None:
        self._server.counts.protocol_errors += 1
        log().warning("! an AudioSocket peer broke the protocol", what=error.what)
        if not self.closed.done():
            self.closed.set_result("protocol_error")
        self.hang_up()

    def _close(self) -> None:
        """The peer is done with us: close, and do not wait for ever until it has read what we wrote."""
        self._is_over = True
        self._keep_alive_pacer = None
        if self._transport is not None:
            self._transport.close()
            self._set_timer(CLOSE_WAIT_S, self.abort)

    def _ignore_sound(self, rate_hz: int, pcm: bytes) -> None:
        del rate_hz, pcm
        self.frames_early += 1

    def _ignore_digit(self, digit: str) -> None:
        del digit
        self.frames_early += 1

    def _set_timer(self, delay_s: float, then: Callable[[], None]) -> None:
        self._cancel_timer()
        self._timer = self._loop.call_later(delay_s, then)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class AudioSocketServer:
    """Listens; `async with` it, or `start` and `close`.

    Args:
        admit: whether this UUID is expected, now, for the first time. May take time; silence is sent meanwhile. It
            is cancelled when the peer leaves before the answer.
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
        self._turned_away: set[AudioSocketConnection] = set()
        """Over capacity, about to close; they do not count as live."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False
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
                f"cannot listen for calls on {host}:{port} ({os.strerror(error.errno) if error.errno else error})",
                do="stop the program that uses that port, or set phone.port to another one (0 picks a free one)",
            ) from None
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def close(self) -> None:
        """Stop listening, hang up, and wait until every connection and handler is gone."""
        self._is_closing = True
        if self._server is not None:
            self._server.close()
        for connection in self._connections | self._turned_away:
            connection.hang_up()
        if tasks := set(self._tasks):
            _, late = await asyncio.wait(tasks, timeout=2 * CLOSE_WAIT_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        while rest := self._connections | self._turned_away:
            for connection in rest:
                connection.abort()
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
        """A peer connected. Beyond capacity it is closed at once: a refused connect hurts Asterisk.

        `docs/measured.md` has the reason: its socket is then closed twice.
        """
        self.counts.accepted += 1
        if self._is_closing or len(self._connections) >= self.settings.max_connections:
            self.counts.over_capacity += not self._is_closing
            self._turned_away.add(connection)
            connection.hang_up()
            return False
        self._connections.add(connection)
        self.counts.live = len(self._connections)
        return True

    def let_go(self, connection: AudioSocketConnection) -> None:
        """A connection is gone."""
        self._turned_away.discard(connection)
        self._connections.discard(connection)
        self.counts.live = len(self._connections)

    def begin(self, connection: AudioSocketConnection) -> asyncio.Task[None]:
        """A peer has said which call it is."""
        task = asyncio.create_task(self._serve(connection), name=f"call-{connection.call_id}")
        self._tasks.add(task)
        task.add_done_callback(self._served)
        return task

    async def _serve(self, connection: AudioSocketConnection) -> None:
        """Ask whether the call is expected, then run its handler."""
        try:
            if await self._is_expected(connection):
                self.counts.admitted += 1
                await self._handle(connection)
        finally:
            connection.hang_up()
            await asyncio.wait({connection.closed}, timeout=2 * CLOSE_WAIT_S)

    def _served(self, task: asyncio.Task[None]) -> None:
        """Whatever a handler fails with is counted; what an error that is not ours says may hold a person's words."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.counts.handler_failures += 1
            what = error.what if isinstance(error, OpenDeepError) else ""
            log().error("! a call's handler failed", error=type(error).__name__, what=what)

    async def _is_expected(self, connection: AudioSocketConnection) -> bool:
        """The answer of `admit`, unless it takes too long or the peer leaves first."""
        admission = asyncio.ensure_future(self._admit(connection.call_id))
        either: tuple[asyncio.Future[Any], ...] = (admission, connection.closed)
        limit_s = self.settings.handshake_timeout_s
        try:
            await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if admission.done():
                is_expected = admission.result()
                self.counts.refused += not is_expected
                return is_expected
        finally:
            admission.cancel()
            await asyncio.wait({admission}, timeout=CLOSE_WAIT_S)
        if connection.closed.done():
            self.counts.left_early += 1
        else:
            self.counts.refused += 1
            log().error("! admission took too long; the call is refused")
        return False

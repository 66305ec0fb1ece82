"""The local Realtime server: the OpenAI Realtime GA protocol on loopback, so that only the client's address changes.

Given engines, listens on `/v1/realtime` and `/realtime`, checks the key, and runs one session per connection; `fault`
parameters in the address (see `faults`) make that session go wrong. Never speaks, hears or thinks itself.

Drop policy: nothing is dropped. A client that lets `MAX_WAITING_BYTES` pile up is not reading and is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import os
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from opendeep_kit.errors import BadInput
from opendeep_kit.logs import log
from opendeep_kit.rehearsal.engines import Dialogue, Ears, Mouth, VoiceProbability
from opendeep_kit.rehearsal.realtime.faults import EXPIRED, CloseNow, Mischief, Outgoing, SessionFault, parse_faults
from opendeep_kit.rehearsal.realtime.session import Engines, RealtimeSession
from opendeep_kit.rehearsal.realtime.session_settings import new_id
from opendeep_kit.settings import RehearsalSettings

PATHS = ("/v1/realtime", "/realtime")
MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""An append may carry 15 MiB of base64."""
MAX_WAITING_BYTES = 8 * 1024 * 1024
CLOSE_WAIT_S = 1.0
KEY_PROTOCOL = "openai-insecure-api-key."
"""Browsers cannot set headers: they send the key as a WebSocket subprotocol."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionRequest:
    """What a connection requests in its address."""

    model: str
    faults: tuple[SessionFault, ...]


@dataclass(slots=True)
class RealtimeCounts:
    """Connections since the start."""

    accepted: int = 0
    """Connections that became a session."""
    refused: int = 0
    """Wrong key, path or address, or too many sessions."""
    cut_off: int = 0
    """Clients that did not read."""
    live: int = 0
    """Sessions open now."""


class Outbox:
    """One connection's outgoing frames: one writer, in order."""

    def __init__(self, connection: ServerConnection, mischief: Mischief) -> None:
        self._connection = connection
        self._mischief = mischief
        self._frames: deque[bytes | CloseNow] = deque()
        self._waiting_bytes = 0
        self._has_work = asyncio.Event()
        self.is_cut_off = False

    def emit(self, event: dict[str, Any]) -> None:
        """Queue a server event; it gets its id here."""
        self.queue(self._mischief.pass_on(event))

    def queue(self, outgoing: Sequence[Outgoing]) -> None:
        """Queue what goes out; cuts the connection off when too much is waiting."""
        for event in outgoing:
            if isinstance(event, CloseNow):
                self._frames.append(event)
            else:
                frame = msgspec.json.encode({"event_id": new_id("event")} | event)
                self._waiting_bytes += len(frame)
                self._frames.append(frame)
        self._has_work.set()
        if self._waiting_bytes > MAX_WAITING_BYTES and not self.is_cut_off:
            self.is_cut_off = True
            log().warning("! a Realtime client does not read and is cut off")
            self._connection.transport.abort()

    def strike(self, fault: SessionFault) -> None:
        """A timed fault is due."""
        self.queue(self._mischief.strike(fault))

    async def write(self) -> None:
        """Send what is queued until the connection is closed."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                if isinstance(frame, CloseNow):
                    await self._connection.close(frame.code, frame.reason)
                    return
                await self._connection.send(frame, text=True)
                self._waiting_bytes -= len(frame)
            self._has_work.clear()
            await self._has_work.wait()


class RealtimeServer:
    """Listens; `async with` it, or `start` and `close`.

    Args:
        new_detector: makes a voice detector for one session.
        api_keys: the keys accepted; None accepts any.
        rng: pauses and chunk lengths are drawn from it; a seeded one makes them repeatable.
        faults: for every session, besides those in its address.
    """

    def __init__(
        self,
        *,
        dialogue: Dialogue,
        ears: Ears,
        mouth: Mouth,
        new_detector: Callable[[], VoiceProbability],
        settings: RehearsalSettings,
        api_keys: frozenset[str] | None = None,
        rng: random.Random | None = None,
        faults: Sequence[str] = (),
    ) -> None:
        self._engines = Engines(dialogue=dialogue, ears=ears, mouth=mouth, new_detector=new_detector)
        self._settings = settings
        self._api_keys = api_keys
        self._rng = rng or random.Random()
        self._faults = parse_faults(faults)
        self._server: Server | None = None
        self.counts = RealtimeCounts()
        self.host = "127.0.0.1"
        self.port = 0

    @property
    def base_url(self) -> str:
        """What a client uses instead of OpenAI's address."""
        return f"http://{self.host}:{self.port}/v1"

    async def start(self, host: str = "127.0.0.1", port: int | None = None) -> int:
        """Listen. Returns the port; None takes the settings' port, 0 any free one.

        Raises:
            BadInput: the port is taken, or the address is not ours.
        """
        wanted = self._settings.realtime_port if port is None else port
        try:
            self._server = await serve(
                self._serve,
                host,
                wanted,
                process_request=self._admit,
                subprotocols=None,
                select_subprotocol=_browsers_protocol,
                compression=None,
                max_size=MAX_MESSAGE_BYTES,
                close_timeout=CLOSE_WAIT_S,
            )
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else error
            raise BadInput(
                f"the Realtime server cannot listen on {host}:{wanted} ({why})",
                do="stop the program that uses that port, or set rehearsal.realtime_port (0 picks a free one)",
            ) from None
        self.host, self.port = host, next(iter(self._server.sockets)).getsockname()[1]
        return self.port

    async def close(self) -> None:
        """Stop listening and close every session with 1001 (going away)."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    # ---- admission ----------------------------------------------------------------------------------

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer the upgrade with an HTTP status when the connection is refused."""
        refusal = self._refusal(request)
        if refusal is None:
            return None
        self.counts.refused += 1
        status, sentence = refusal
        kind = "server_error" if status >= 500 else "invalid_request_error"
        body = {"error": {"type": kind, "code": status.phrase.lower().replace(" ", "_"), "message": sentence}}
        response = connection.respond(status, msgspec.json.encode(body).decode() + "\n")
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        return response

    def _refusal(self, request: Request) -> tuple[HTTPStatus, str] | None:
        if urlsplit(request.path).path.rstrip("/") not in PATHS:
            return HTTPStatus.NOT_FOUND, f"There is nothing here: connect to {PATHS[0]}."
        if not self._knows(request):
            return HTTPStatus.UNAUTHORIZED, "Incorrect API key provided: use one that this server was given."
        try:
            requested = self._requested(request)
        except BadInput as error:
            return HTTPStatus.BAD_REQUEST, str(error)
        for fault in requested.faults:
            if fault.name == "http":
                return HTTPStatus(int(fault.detail)), "The rehearsal asked for this refusal."
        if self.counts.live >= self._settings.max_sessions:
            return HTTPStatus.SERVICE_UNAVAILABLE, "All sessions are taken: raise rehearsal.max_sessions."
        return None

    def _knows(self, request: Request) -> bool:
        if self._api_keys is None:
            return True
        given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        for protocol in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
            if protocol.strip().startswith(KEY_PROTOCOL):
                given = protocol.strip().removeprefix(KEY_PROTOCOL)
        return any(hmac.compare_digest(given.encode(), key.encode()) for key in self._api_keys)

    def _requested(self, request: Request) -> ConnectionRequest:
        query = parse_qs(urlsplit(request.path).query)
        if "call_id" in query or "intent" in query:
            raise BadInput("this server has speech sessions only", do="connect with ?model=NAME and nothing else")
        if "model" not in query:
            raise BadInput("the address names no model", do="connect with ?model=NAME, for example gpt-realtime-2.1")
        return ConnectionRequest(model=query["model"][0], faults=self._faults + parse_faults(query.get("fault", [])))

    # ---- a session ----------------------------------------------------------------------------------

    async def _serve(self, connection: ServerConnection) -> None:
        """One connection, to its end."""
        assert connection.request is not None
        requested = self._requested(connection.request)
        mischief = Mischief(requested.faults)
        outbox = Outbox(connection, mischief)
        rng = random.Random(self._rng.random())
        session = RealtimeSession(
            requested.model, self._engines, self._settings, emit=outbox.emit, rng=rng, faults=requested.faults
        )
        self.counts.accepted += 1
        self.counts.live += 1
        writer = asyncio.create_task(outbox.write(), name="rehearsal-out")
        timers = self._arm(outbox, mischief)
        try:
            session.begin()
            for fault in mischief.timed:
                if fault.at_s == 0:
                    outbox.strike(fault)
            async for message in connection:
                await session.receive(message)
        except ConnectionClosed:
            pass
        finally:
            self.counts.live -= 1
            self.counts.cut_off += outbox.is_cut_off
            for timer in timers:
                timer.cancel()
            session.close()
            writer.cancel()
            with contextlib.suppress(ConnectionClosed, asyncio.CancelledError):
                await writer

    def _arm(self, outbox: Outbox, mischief: Mischief) -> list[asyncio.TimerHandle]:
        loop = asyncio.get_running_loop()
        limit = loop.call_later(self._settings.session_limit_s, outbox.queue, [CloseNow(*EXPIRED)])
        faults = [loop.call_later(fault.at_s, outbox.strike, fault) for fault in mischief.timed if fault.at_s]
        return [limit, *faults]


def _browsers_protocol(connection: ServerConnection, offered: Sequence[Any]) -> Any:
    """`realtime` when offered; other clients offer nothing."""
    del connection
    return "realtime" if "realtime" in offered else None

"""Takes the record away for a while: locks its files, or stands between a process and its server.

Given where the record is, says what a process is to use instead; the server itself goes on, for other tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from sqlalchemy import make_url


class Fate(StrEnum):
    """What becomes of the record."""

    AWAY = "away"
    """It refuses: connections are cut, files are locked."""
    SILENT = "silent"
    """Nothing comes through and nothing is refused: a broken network. What was sent may have arrived."""


class Outage(Protocol):
    """What can happen to the record of a test."""

    url: str
    """Through which a process reaches it."""

    def begin(self, fate: Fate) -> None:
        """From now on it is away."""

    def end(self) -> None:
        """It is back."""


class LockedFiles:
    """Of SQLite: nobody else can write, neither the record nor the queue."""

    def __init__(self, url: str) -> None:
        self.url = url
        path = Path(url.removeprefix("sqlite:///"))
        self._paths = (path, path.with_name(f"{path.stem}-queue.db"))
        self._held: list[sqlite3.Connection] = []

    def begin(self, fate: Fate) -> None:
        """Lock both."""
        del fate
        for path in self._paths:
            connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
            connection.execute("BEGIN IMMEDIATE")
            self._held.append(connection)

    def end(self) -> None:
        """Let both go."""
        while self._held:
            connection = self._held.pop()
            connection.execute("ROLLBACK")
            connection.close()


class Relay:
    """Of PostgreSQL: a relay in a thread of its own, through which all connections go."""

    def __init__(self, url: str) -> None:
        place = make_url(url)
        self._server = (place.host or "127.0.0.1", place.port or 5432)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._fate: Fate | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._listening = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        port = self._listening.sockets[0].getsockname()[1]
        self.url = place.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._relay, "127.0.0.1", 0)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fate is Fate.AWAY:
            writer.close()
            return
        there, back = await asyncio.open_connection(*self._server)
        self._writers |= {writer, back}
        both = (self._pass_on(reader, back), self._pass_on(there, writer))
        self._tasks |= (tasks := {asyncio.create_task(one) for one in both})
        await asyncio.wait(tasks)
        self._tasks -= tasks
        self._writers -= {writer, back}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    def begin(self, fate: Fate) -> None:
        """Cut all connections, or let nothing through."""
        self._loop.call_soon_threadsafe(self._begin, fate)

    def _begin(self, fate: Fate) -> None:
        self._fate = fate
        if fate is Fate.AWAY:
            self._cut()
        else:
            self._flows.clear()

    def end(self) -> None:
        """Let new connections through; those that were silent are lost, with the answers that were on their way."""
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        if self._fate is Fate.SILENT:
            self._cut()
        self._fate = None
        self._flows.set()

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def close(self) -> None:
        """Of the thread."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop(self) -> None:
        self._listening.close()
        self._cut()
        self._flows.set()
        while self._tasks:
            await asyncio.wait(self._tasks)


@contextlib.contextmanager
def outage_of(url: str) -> Iterator[Outage]:
    """How the record at this URL can be taken away."""
    if url.startswith("sqlite"):
        yield LockedFiles(url)
        return
    relay = Relay(url)
    try:
        yield relay
    finally:
        relay.close()


@contextlib.asynccontextmanager
async def away(outage: Outage, fate: Fate, seconds: float) -> AsyncIterator[None]:
    """It is away within, and for so long at least."""
    outage.begin(fate)
    try:
        yield
        await asyncio.sleep(seconds)
    finally:
        outage.end()

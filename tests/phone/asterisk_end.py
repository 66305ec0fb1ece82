"""Asterisk's end of an AudioSocket connection, by hand: real TCP, one message at a time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

from opendeep_kit.phone.audiosocket import encode_call_id


class AsteriskEnd:
    """One connection to the server under test."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        """Write these bytes in one piece."""
        self.writer.write(data)

    async def message(self) -> tuple[int, bytes]:
        """Kind and payload of the server's next message."""
        header = await self.reader.readexactly(3)
        return header[0], await self.reader.readexactly(int.from_bytes(header[1:], "big"))

    async def until_closed(self) -> list[tuple[int, bytes]]:
        """Every message until the server closes its side."""
        messages = []
        with contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                messages.append(await self.message())
        return messages

    def hang_up(self) -> None:
        """As Asterisk does when the callee hangs up: a plain FIN."""
        self.writer.write_eof()

    def reset(self) -> None:
        """RST instead of FIN."""
        linger = b"\x01\0\0\0\0\0\0\0"
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def asterisk_end(
    port: int, call_id: UUID | None = None, *, receive_buffer: int | None = None
) -> AsyncIterator[AsteriskEnd]:
    """Connect, show the call's id if there is one, and close in the end."""
    sock = socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    reader, writer = await asyncio.open_connection(sock=sock, limit=4096)
    end = AsteriskEnd(reader, writer)
    if call_id is not None:
        end.send(encode_call_id(call_id))
    try:
        yield end
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def next_sound(peer: AsteriskEnd) -> tuple[int, bytes]:
    """The next message that is not silence."""
    while True:
        kind, payload = await peer.message()
        if any(payload):
            return kind, payload


async def until(condition: Callable[[], object], *, limit_s: float = 5.0) -> None:
    """Wait until `condition()` holds; the limit is only there so that a failing test ends."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - counts and sets of the server's, without an event
            await asyncio.sleep(0.005)


def open_files() -> int:
    """File descriptors of this process, where the system tells."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0

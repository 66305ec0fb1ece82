"""A cable that can be pulled: stands between the AMI client and a real Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator


class AmiProxy:
    """Passes bytes on until it is cut."""

    def __init__(self, to_port: int) -> None:
        self._to_port = to_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def plug(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def pull(self) -> None:
        """Cut every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        self._writers |= {writer, back_writer}
        await asyncio.gather(_pass_on(reader, back_writer), _pass_on(back_reader, writer))
        self._writers -= {writer, back_writer}


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
    writer.close()


@contextlib.asynccontextmanager
async def ami_proxy(to_port: int) -> AsyncIterator[AmiProxy]:
    """A plugged cable; pulled in the end."""
    proxy = AmiProxy(to_port)
    await proxy.plug()
    try:
        yield proxy
    finally:
        await proxy.pull()

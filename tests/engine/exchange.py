"""A telephone line that outlives the processes that place calls on it, as Asterisk does: it lives in the test's process.

Given a line, lets other processes use it over a socket. A process that goes leaves its calls on the line.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import count
from typing import Any, Self
from uuid import UUID

from opendeep_kit.errors import Unavailable
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.line import CallOrder, CallProgress, LineResult
from tests.service_rig import CountingLine


class Exchange:
    """The line's end; `async with` it."""

    def __init__(self, line: CountingLine) -> None:
        self._line = line
        self._calls: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        number: int = self._server.sockets[0].getsockname()[1]
        return number

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def tell(**told: Any) -> None:
            if not writer.is_closing():
                writer.write(json.dumps(told).encode() + b"\n")

        while line := await reader.readline():
            asked = json.loads(line)
            if asked["do"] == "place":
                task = asyncio.create_task(self._place(asked, tell))
                self._calls.add(task)
                task.add_done_callback(self._calls.discard)
            elif asked["do"] == "hang_up":
                await self._line.hang_up(UUID(asked["call_id"]))
            else:
                living = await self._line.living_calls()
                tell(number=asked["number"], living=[str(call_id) for call_id in living])
        writer.close()

    async def _place(self, asked: dict[str, Any], tell: Callable[..., None]) -> None:
        call_id = asked["order"]["call_id"]
        order = CallOrder(**asked["order"] | {"call_id": UUID(call_id)})
        result = await self._line.place(order, lambda progress: tell(call_id=call_id, progress=progress.value))
        by = None if result.ended_by is None else result.ended_by.value
        tell(call_id=call_id, result=[result.phone_result.value, by, result.detail])


class ExchangeLine:
    """A process's end of it."""

    name, reaches_people, has_wideband, is_ready, outages, outlives_us = "simulator", False, True, True, 0, True

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._numbers = count()
        self._answers: dict[object, asyncio.Future[Any]] = {}
        self._reports: dict[str, Callable[[CallProgress], None]] = {}
        self._reading = asyncio.create_task(self._read(reader))

    @classmethod
    async def open(cls, port: int) -> Self:
        """Connect to the exchange."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def place(self, order: CallOrder, report: Callable[[CallProgress], None]) -> LineResult:
        """As a line does."""
        call_id = str(order.call_id)
        self._reports[call_id] = report
        order_ = {name: getattr(order, name) for name in CallOrder.__dataclass_fields__} | {"call_id": call_id}
        result, by, detail = await self._ask(call_id, do="place", order=order_)
        ended_by = None if by is None else EndedBy(by)
        return LineResult(phone_result=PhoneResult(result), ended_by=ended_by, detail=detail)

    async def living_calls(self) -> frozenset[UUID]:
        """As a line does."""
        number = next(self._numbers)
        return frozenset(UUID(call_id) for call_id in await self._ask(number, do="living", number=number))

    async def hang_up(self, call_id: UUID) -> None:
        """As a line does."""
        self._tell(do="hang_up", call_id=str(call_id))

    async def transfer(self, call_id: UUID, target: str) -> None:
        """Not asked of it here."""
        del call_id, target
        raise Unavailable("this line hands nobody over", do="ask another")

    def media_opened(self, call_id: UUID) -> None:
        """The exchange sees the socket itself."""

    def media_closed(self, call_id: UUID) -> None:
        """The exchange sees the socket itself."""

    def _tell(self, **told: Any) -> None:
        self._writer.write(json.dumps(told).encode() + b"\n")

    async def _ask(self, key: object, **told: Any) -> Any:
        answer = self._answers[key] = asyncio.get_running_loop().create_future()
        self._tell(**told)
        return await answer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            told = json.loads(line)
            if "progress" in told:
                self._reports[told["call_id"]](CallProgress(told["progress"]))
            elif "result" in told:
                self._answers.pop(told["call_id"]).set_result(told["result"])
            else:
                self._answers.pop(told["number"]).set_result(told["living"])

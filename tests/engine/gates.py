"""Stops attempts between any two of their steps: each at a point of its own, until all gates are opened.

Given the workflow's own list of steps, wraps each of the dialer's; in between, what happens within the dial is a point
too. Run as a module it is a process that places calls and may be killed, or put to sleep, there.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from opendeep_kit.config import load_settings
from opendeep_kit.engine import attempts, dialer
from opendeep_kit.engine.attempts import STEPS, Attempts
from opendeep_kit.engine.dialer import Dialer
from opendeep_kit.engine.jobs import Job
from opendeep_kit.phone.line import CallOrder, CallProgress, LineResult
from opendeep_kit.record import attempts as attempt_rows
from opendeep_kit.record import calls as call_rows
from opendeep_kit.record.database import open_database
from tests.engine.exchange import ExchangeLine

Point = tuple[str, str]
"""A step, and when in it."""
POINTS: tuple[Point, ...] = tuple((step, moment) for step in STEPS for moment in ("before", "after"))
"""Before a step's effect; and after it, before its result is recorded."""
WITHIN: tuple[Point, ...] = (("dial", "marked"), ("dial", "ringing"), ("dial", "answering"), ("dial", "talking"))
"""The dial is noted and the line not asked; it rings; somebody answers and it is not noted; they talk."""


class Gates:
    """Where attempts stop. `reached` is called when one does."""

    def __init__(self, reached: Callable[[str], None]) -> None:
        self.points: dict[str, Point] = {}
        """By attempt."""
        self._reached = reached
        self._opened = threading.Event()

    def open(self) -> None:
        """Let all go on."""
        self._opened.set()

    def close(self) -> None:
        """The test is over: no thread waits any more."""
        self.open()

    def passes(self, attempt_id: str, point: Point) -> bool:
        """Tell that it is there, and let it go on. False: it does not stop here."""
        if self.points.get(attempt_id) != point or self._opened.is_set():
            return False
        self._reached(attempt_id)
        return True

    async def hold(self, attempt_id: str, point: Point) -> None:
        """Stop here until the gates are opened."""
        if self.passes(attempt_id, point):
            await asyncio.get_running_loop().run_in_executor(None, self._opened.wait)

    def hold_thread(self, attempt_id: str, point: Point) -> None:
        """The same in a thread."""
        if self.passes(attempt_id, point):
            self._opened.wait()


def install(gates: Gates, patch: Callable[[object, str, object], None]) -> None:
    """Put the gates into the workflow of this process.

    Args:
        patch: sets an attribute, such as `monkeypatch.setattr`.
    """
    gated = type("GatedDialer", (Dialer,), {step: _gated(gates, step) for step in STEPS})
    patch(attempts, "Dialer", gated)
    patch(dialer, "FRESH_S", 120.0)
    mark_dialled, mark_answered = attempt_rows.mark_dialled, call_rows.mark_answered

    def marked(database: Any, tenant_id: str, attempt_id: str, **given: Any) -> bool:
        may_dial = mark_dialled(database, tenant_id, attempt_id, **given)
        gates.hold_thread(attempt_id, ("dial", "marked"))
        return may_dial

    def answered(database: Any, tenant_id: str, call_id: str, **given: Any) -> bool:
        gates.hold_thread(call_id, ("dial", "answering"))
        is_new = mark_answered(database, tenant_id, call_id, **given)
        gates.passes(call_id, ("dial", "talking"))
        return is_new

    patch(attempt_rows, "mark_dialled", marked)
    patch(call_rows, "mark_answered", answered)


def _gated(gates: Gates, step: str) -> Any:
    works = getattr(Dialer, step)

    async def run(self: Dialer, job: Job, *given: Any) -> Any:
        await gates.hold(job.attempt_id, (step, "before"))
        result = await works(self, job, *given)
        await gates.hold(job.attempt_id, (step, "after"))
        return result

    return run


Place = Callable[[CallOrder, Callable[[CallProgress], None]], Awaitable[LineResult]]


def telling(gates: Gates, place: Place) -> Place:
    """A line's `place` that tells when a call rings."""

    async def place_and_tell(order: CallOrder, report: Callable[[CallProgress], None]) -> LineResult:
        def and_tell(progress: CallProgress) -> None:
            if progress is CallProgress.RINGING:
                gates.passes(str(order.call_id), ("dial", "ringing"))
            report(progress)

        return await place(order, and_tell)

    return place_and_tell


def say(*words: str) -> None:
    """To whoever started this process."""
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def main() -> None:
    """Place the calls that standard input names, each up to its gate."""
    gates = Gates(lambda attempt_id: say("at", attempt_id))
    install(gates, setattr)
    settings = load_settings()
    database = open_database(settings.store_url)
    line = await ExchangeLine.open(int(sys.argv[1]))
    setattr(line, "place", telling(gates, line.place))  # noqa: B010 - mypy would not let a method be replaced
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with Attempts(settings, database=database, line=line, control_id=sys.argv[2]) as placed:
        ended = asyncio.create_task(placed.periodic.given_up.wait())
        ended.add_done_callback(lambda _: say("buried"))
        say("ready")
        while told := await reader.readline():
            asked = json.loads(told)
            if asked == "open":
                gates.open()
                continue
            job = msgspec.convert(asked["job"], type=Job)
            gates.points[job.attempt_id] = tuple(asked["point"])
            await placed.enqueue(job)


if __name__ == "__main__":
    asyncio.run(main())

"""A process, the record or the network stops between every two steps of an attempt: nothing is lost, nobody called twice.

The loop goes over the workflow's own list of steps. Each attempt has a point of its own at which it stops; then all of
them meet the same fate at once. What came of each is known beforehand, and dials are counted at the line.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from sqlalchemy import create_engine, make_url, text

from opendeep_kit.campaigns.zones import is_in_use
from opendeep_kit.config import service_environment
from opendeep_kit.engine import dialer
from opendeep_kit.engine.attempts import Attempts
from opendeep_kit.engine.jobs import Job
from opendeep_kit.phone.line import CallOrder, CallProgress, LineResult
from opendeep_kit.record import attempts, calls
from opendeep_kit.rehearsal.engines import Say, UseTool
from tests.engine.exchange import Exchange
from tests.engine.gates import POINTS, WITHIN, Gates, Point, install, telling
from tests.engine.outages import Fate, away, outage_of
from tests.service_rig import TENANT, Rig, rig, until

pytestmark = pytest.mark.slow
POSTGRESQL = os.environ.get("OPENDEEP_TEST_POSTGRES", "")
AREAS = (
    212,
    312,
    415,
    602,
    713,
    202,
    303,
    404,
    505,
    606,
    707,
    808,
    914,
    919,
    704,
    614,
    513,
    412,
    215,
    216,
    313,
    414,
    317,
    615,
    502,
    901,
)
ALL_AREAS = [area for area in range(201, 990) if is_in_use(f"+1{area}5550101")]
TALK, BUSY, RINGS = "01", "20", "21"
TRUE_RESULT = {TALK: ("answered", "completed"), BUSY: ("busy", "not_reached"), RINGS: ("no_answer", "not_reached")}
NOBODY_KNOWS = ("failed", "failed")
"""Our failure: the number may have rung, and whoever heard what came of it is dead."""
LATE: tuple[Point, ...] = (("dial", "ringing"), ("dial", "answering"), ("dial", "talking"))
"""What goes on meanwhile is begun last."""
BEFORE_THE_LINE: tuple[Point, ...] = (("dial", "before"), ("dial", "marked"))
"""Where the line is about to be asked: after a longer wait it is not."""
SENTENCE = "I say a few words more, so that the talk is still there when something stops."
REPLIES: tuple[tuple[Say | UseTool, ...], ...] = ((Say(SENTENCE),), (UseTool("end_call", '{"reason": "completed"}'),))
LONGER: tuple[tuple[Say | UseTool, ...], ...] = ((Say(SENTENCE * 4),), REPLIES[1])
DEAD_AFTER_S = 6.0
AWAY_S = 8.0
"""Longer than that, and than a writer waits for a locked file."""
FRESH_S = 120.0
"""What was permitted before a stop is still dialled after it, however busy the machine."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty place for a record and its queue."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'opendeep.db'}"
        return
    if not POSTGRESQL:
        pytest.skip("set OPENDEEP_TEST_POSTGRES to the URL of a PostgreSQL database in which others may be made")
    place = make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
    name = f"stops_{os.getpid()}_{random.randrange(10**6)}"
    admin = create_engine(place, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield place.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One attempt, and where it stops."""

    job: Job
    number: str
    point: Point

    @property
    def callee(self) -> str:
        """What its number does."""
        return self.number[-2:]


def stops(service: Rig, points: tuple[Point, ...], *, callees: tuple[str, ...] = (TALK, BUSY)) -> list[Stop]:
    """An attempt for each point and kind of callee; within the dial only for whom it can come to it."""
    kinds = [(point, callee) for point in points for callee in callees]
    kinds = [(point, _callee_at(point, callee)) for point, callee in kinds if point not in WITHIN or callee == TALK]
    numbers = [f"+1{AREAS[place]}55501{callee}" for place, (_, callee) in enumerate(kinds)]
    service.campaign("one", numbers)
    return [
        Stop(job=service.job("one", number), number=number, point=point)
        for number, (point, _) in zip(numbers, kinds, strict=True)
    ]


def _callee_at(point: Point, callee: str) -> str:
    return RINGS if point == ("dial", "ringing") else callee


def after_a_death(stop: Stop) -> tuple[tuple[str, str], int]:
    """What came of the call whose process died at its point, and how often its number was dialled."""
    if stop.point == ("dial", "marked"):
        return NOBODY_KNOWS, 0
    if stop.point in (("dial", "ringing"), ("dial", "answering")):
        return NOBODY_KNOWS, 1
    if stop.point == ("dial", "after") and stop.callee != TALK:
        return NOBODY_KNOWS, 1
    return TRUE_RESULT[stop.callee], 1


def found(service: Rig, stop: Stop) -> tuple[tuple[str | None, str | None], int]:
    """What the record says of the attempt, and how often the line was asked for it."""
    row = attempts.attempt(service.database, TENANT, stop.job.attempt_id)
    result = (None, None) if row is None else (row.phone_result, row.disposition)
    return result, service.line.dialled.count(UUID(stop.job.attempt_id))


def check_ends(service: Rig, stopped: list[Stop]) -> None:
    """Each call ended once and was judged once, last of all, and its row and its contact say the same."""
    for stop in stopped:
        if attempts.attempt(service.database, TENANT, stop.job.attempt_id) is None:
            continue
        names = service.happened(stop.job.attempt_id)
        row = attempts.attempt(service.database, TENANT, stop.job.attempt_id)
        call = calls.call(service.database, TENANT, stop.job.attempt_id)
        who = service.who("one", stop.number)
        assert row is not None
        assert (names[-2:], names.count("CallEnded"), names.count("CallJudged")) == (["CallEnded", "CallJudged"], 1, 1)
        assert call is None or (call.result is not None and call.result.disposition == row.disposition)
        assert (who.last_call_id, who.state == "claimed", who.outcome) == (stop.job.attempt_id, False, row.disposition)


async def over(placed: Attempts, *, within_s: float = 150.0) -> None:
    """Wait until no attempt waits or runs, wherever: by the durable queue's own word."""
    async with asyncio.timeout(within_s):
        while await placed.waiting():  # noqa: ASYNC110 - the queue's own pace
            await asyncio.sleep(0.2)


# ---- the process -------------------------------------------------------------------------------------


class Victim:
    """A process that places calls, each up to its gate."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def hears(self, word: str, count: int = 1) -> None:
        """Wait until it has said this word so often more."""
        assert self._process.stdout is not None
        while count:
            line = (await self._process.stdout.readline()).decode()
            assert line, "it ended"
            count -= line.split()[0] == word

    def tell(self, what: object) -> None:
        """On its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")

    def signal(self, number: signal.Signals) -> None:
        """Kill it, put it to sleep, wake it up."""
        self._process.send_signal(number)


@contextlib.asynccontextmanager
async def victim(service: Rig, port: int, control_id: str) -> AsyncIterator[Victim]:
    """It runs."""
    environment = os.environ | service_environment(service.settings)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.engine.gates", str(port), control_id),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment,
    )
    running = Victim(process)
    try:
        async with asyncio.timeout(60):
            await running.hears("ready")
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def stop_all(running: Victim, stopped: list[Stop]) -> None:
    """Let every attempt come to its point; those that go on there come last."""
    for late in (False, True):
        some = [stop for stop in stopped if (stop.point in LATE) is late]
        for stop in some:
            running.tell({"job": msgspec.to_builtins(stop.job), "point": stop.point})
            await asyncio.sleep(0.1)
        async with asyncio.timeout(60):
            await running.hears("at", len(some))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "fate", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.soak)], ids=["killed", "asleep"]
)
async def test_a_process_stops_between_every_two_steps(
    tmp_path: Path, url: str, fate: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, or only asleep for so long that others take its calls over, and then awake again."""
    monkeypatch.setattr(dialer, "FRESH_S", FRESH_S)
    limits = {"control_dead_after_s": DEAD_AFTER_S, "worker_dead_after_s": DEAD_AFTER_S}
    async with rig(tmp_path, url=url, capacity=60, time_scale=1.0, replies=REPLIES, **limits) as service:
        service.line.outlives = True
        stopped = stops(service, (*POINTS, *WITHIN))
        async with Exchange(service.line) as exchange, victim(service, exchange.port, "control-victim") as running:
            await stop_all(running, stopped)
            running.signal(fate)
            async with Attempts(service.settings, database=service.database, line=service.line) as heir:
                await over(heir)
                if fate is signal.SIGSTOP:
                    running.signal(signal.SIGCONT)
                    running.tell("open")
                    async with asyncio.timeout(30):
                        await running.hears("buried")
                    await asyncio.sleep(1.0)  # it would dial now what it had in hand

            assert {(stop.point, stop.callee): found(service, stop) for stop in stopped} == {
                (stop.point, stop.callee): after_a_death(stop) for stop in stopped
            }
            check_ends(service, stopped)


# ---- the record, and the network to it ----------------------------------------------------------------


def is_true(service: Rig, stop: Stop) -> bool:
    """What came of a call whose process lived on: its true end; or nobody was called, certainly, and it is due again."""
    row, who = attempts.attempt(service.database, TENANT, stop.job.attempt_id), service.who("one", stop.number)
    if stop.point == ("permit", "before") and row is None:  # no media worker could give a sign: it is asked again
        return (found(service, stop)[1], who.state, who.attempts) == (0, "waiting", 0)
    assert row is not None
    if stop.point in BEFORE_THE_LINE and not row.may_have_rung:
        return (found(service, stop)[1], row.state, who.attempts) == (0, "interrupted", 0)
    return found(service, stop) == (TRUE_RESULT[stop.callee], 1)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fate", [Fate.AWAY, pytest.param(Fate.SILENT, marks=pytest.mark.soak)])
async def test_the_record_is_away_between_every_two_steps(
    tmp_path: Path, url: str, fate: Fate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For longer than a dead process would be silent: nobody is taken for dead, and every call's true end is kept."""
    if fate is Fate.SILENT and url.startswith("sqlite"):
        pytest.skip("there is no network to a file")
    at: list[str] = []
    gates = Gates(at.append)
    limits = {"control_dead_after_s": DEAD_AFTER_S, "worker_dead_after_s": DEAD_AFTER_S}
    with outage_of(url) as outage, contextlib.closing(gates):
        async with rig(tmp_path, url=outage.url, capacity=60, time_scale=0.5, replies=REPLIES, **limits) as service:
            install(gates, monkeypatch.setattr)
            monkeypatch.setattr(service.line, "place", telling(gates, service.line.place))
            stopped = stops(service, (*POINTS, *WITHIN))
            gates.points = {stop.job.attempt_id: stop.point for stop in stopped}
            async with Attempts(service.settings, database=service.database, line=service.line) as placed:
                for late in (False, True):
                    for stop in (stop for stop in stopped if (stop.point in LATE) is late):
                        await placed.enqueue(stop.job)
                    await until(lambda late=late: len(at) == sum(late or one.point not in LATE for one in stopped))  # type: ignore[misc]
                async with away(outage, fate, AWAY_S):
                    gates.open()
                await over(placed)

            untrue = {(stop.point, stop.callee): found(service, stop) for stop in stopped if not is_true(service, stop)}
            assert untrue == {}
            check_ends(service, stopped)


def note_what_the_line_says(service: Rig, said: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What the line told of each call, whatever the record came to know of it."""
    places = service.line.place

    async def place(order: CallOrder, report: Callable[[CallProgress], None]) -> LineResult:
        result = await places(order, report)
        said[str(order.call_id)] = result.phone_result.value
        return result

    monkeypatch.setattr(service.line, "place", place)


def check_said(service: Rig, said: dict[str, str], jobs: list[Job], numbers: list[str]) -> None:
    """Every attempt has ended as the line said, once; every talk was a whole one."""
    rows = {job.attempt_id: attempts.attempt(service.database, TENANT, job.attempt_id) for job in jobs}
    assert {call_id: row and row.phone_result for call_id, row in rows.items()} == said
    assert {row and row.state for row in rows.values()} == {"ended"}
    assert {row.disposition for row in rows.values() if row and row.phone_result == "answered"} == {"completed"}
    ends = zip(jobs, numbers, strict=True)
    check_ends(service, [Stop(job=job, number=number, point=("none", "none")) for job, number in ends])


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("calls_at_once", "away_s"), [(16, AWAY_S), pytest.param(100, 30.0, marks=pytest.mark.soak)], ids=["16", "100"]
)
async def test_the_record_is_away_while_calls_end(
    tmp_path: Path, url: str, calls_at_once: int, away_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Talks, and calls that nobody answers, end meanwhile: what the line said of each is kept."""
    monkeypatch.setattr(dialer, "FRESH_S", FRESH_S)
    said: dict[str, str] = {}
    limits = {"control_dead_after_s": DEAD_AFTER_S, "worker_dead_after_s": DEAD_AFTER_S}
    with outage_of(url) as outage:
        async with rig(tmp_path, url=outage.url, capacity=200, time_scale=0.5, replies=LONGER, **limits) as service:
            note_what_the_line_says(service, said, monkeypatch)
            numbers = [f"+1{area}55501{(TALK, RINGS)[area % 2]}" for area in ALL_AREAS[:calls_at_once]]
            service.campaign("one", numbers)
            jobs = [service.job("one", number) for number in numbers]
            async with Attempts(service.settings, database=service.database, line=service.line) as placed:
                for job in jobs:
                    await placed.enqueue(job)
                talks = [job.attempt_id for job, number in zip(jobs, numbers, strict=True) if number.endswith(TALK)]
                await until(lambda: len(service.line.dialled) == calls_at_once, within_s=120)
                await until(lambda: all((held := service.worker.held.get(talk)) and held.is_answered for talk in talks))
                async with away(outage, Fate.AWAY, away_s):
                    ended_before = set(said)
                    await until(lambda: len(said) == calls_at_once, within_s=120)
                await over(placed, within_s=240)

            assert len(set(said) - ended_before) > calls_at_once / 2
            check_said(service, said, jobs, numbers)

"""A whole service in one process for the tests: record, media worker, simulated line and voice, with scaled times."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from opendeep_kit.app import voice_client
from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.campaigns.lifecycle import TaskFact
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.campaigns.specs import parse_spec
from opendeep_kit.config import Settings
from opendeep_kit.engine import campaign_service
from opendeep_kit.engine.attempt_end import AttemptOutcome
from opendeep_kit.engine.attempts import Attempts
from opendeep_kit.engine.by_hand import CallsByHand
from opendeep_kit.engine.campaign_moves import move
from opendeep_kit.engine.dialer import Dialer
from opendeep_kit.engine.failure_detector import FailureDetector
from opendeep_kit.engine.jobs import Job
from opendeep_kit.errors import Unavailable
from opendeep_kit.media.duty import MediaDuty, hand_over_by_record
from opendeep_kit.media.worker import MediaWorker
from opendeep_kit.phone.line import CallOrder, CallProgress, LineResult
from opendeep_kit.record import directory, enrolling, enrolments, workers
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.record.event_log import EventLog
from opendeep_kit.rehearsal.callees_server import CalleesServer
from opendeep_kit.rehearsal.engines import FixedDialogue, FixedEars, LoudnessVoice, Say, ToneMouth, UseTool
from opendeep_kit.rehearsal.line import SimulatedLine
from opendeep_kit.rehearsal.realtime_server import RealtimeServer
from opendeep_kit.settings import PhoneSettings, RehearsalSettings
from opendeep_kit.tasks.script import parse_script
from opendeep_kit.tenants import Tenant

TENANT = "clinic"
SCRIPT = """---
script: short-call
goal: Say hello.
organisation: Riverside Dental
facts: [name]
disclosure: An AI calls.
---

# Opening
Hello, {disclosure}

# Closing
Goodbye.
"""
QUICK_CALL: tuple[tuple[Say | UseTool, ...], ...] = ((Say("Hi."),), (UseTool("end_call", '{"reason": "completed"}'),))
OPT_OUT = (
    (Say("Hi."),),
    (UseTool("do_not_call_again", '{"utterance": "never call me again"}'),),
    (UseTool("end_call", '{"reason": "do_not_call"}'),),
)
ALWAYS: dict[str, Any] = {
    "windows": {"daily": "00:00-24:00"},
    "holidays": "calls",
    "caps": {"per_day": 99, "per_24_h": 99, "lifetime": 99},
    "breaker": {"max_line_share": 1.0, "max_numbers_share": 1.0},
}
"""A campaign that may call at any time and is never paused by its failures."""
AGREES, REFUSES, BUSY, SILENT = "+12125550101", "+12125550102", "+12125550120", "+12125550109"
MUTE = "+12125550129"


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def settings_for(folder: Path, url: str | None = None, **service: Any) -> Settings:
    """Settings with short times and a record in this folder."""
    return Settings.model_validate(
        {
            "data_dir": folder,
            "store": {"url": url or f"sqlite:///{folder / 'opendeep.db'}"},
            "call": {"greeting_wait_s": 0.1},
            "rehearsal": {"audio_speed": 50, "think_ms": 0, "lead_in_ms": 0},
            "service": {
                "tick_s": 0.2,
                "queue_poll_s": 0.1,
                "lag_good_ms": 5_000,
                "lag_bad_ms": 10_000,
                "drain_s": 5,
                "heartbeat_s": 0.5,
            }
            | service,
        }
    )


class CountingLine(SimulatedLine):
    """The simulated line; remembers what it was asked to dial, and how many calls it carried at once."""

    def __init__(self, host: str, port: int, *, time_scale: float) -> None:
        super().__init__(host, port, time_scale=time_scale)
        self.dialled: list[UUID] = []
        self.shown: list[str] = []
        self.at_once = self.most_at_once = 0
        self.transferred: list[str] = []
        self.is_a_play = True
        self.outlives = False

    @property
    def outlives_us(self) -> bool:
        """As a test wants it: its calls may be those of other processes."""
        return self.outlives

    @property
    def reaches_people(self) -> bool:
        """As a test wants it; either way nobody's telephone rings."""
        return not self.is_a_play

    async def place(self, order: CallOrder, report: Callable[[CallProgress], None]) -> LineResult:
        """As the line does."""
        self.dialled.append(order.call_id)
        self.shown.append(order.caller_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await super().place(order, report)
        finally:
            self.at_once -= 1

    async def transfer(self, call_id: UUID, target: str) -> None:
        """As the line does."""
        await super().transfer(call_id, target)
        self.transferred.append(target)


@dataclass(slots=True)
class Rig:
    """Everything but a control process."""

    settings: Settings
    database: Database
    event_log: EventLog
    line: CountingLine
    worker: MediaWorker
    duty: MediaDuty
    detector: FailureDetector

    def dialer(self, control_id: str = "control-1") -> Dialer:
        """A control process's dialer, alive."""
        workers.beat_control(self.database, control_id, host="here", now=now())
        return Dialer(
            self.settings,
            database=self.database,
            line=self.line,
            control_id=control_id,
            detector=self.detector,
        )

    @contextlib.asynccontextmanager
    async def by_hand(self) -> AsyncIterator[CallsByHand]:
        """Calls that somebody waits for in this process."""
        attempts = Attempts(self.settings, database=self.database, line=self.line, worker_id=self.worker.worker_id)
        async with attempts:
            yield CallsByHand(
                self.settings,
                database=self.database,
                event_log=self.event_log,
                line=self.line,
                media=self.worker,
                attempts=attempts,
            )

    def campaign(self, campaign_id: str, numbers: Sequence[str], **spec: Any) -> None:
        """A running campaign."""
        start_campaign(self.database, campaign_id, numbers, **spec)

    def job(self, campaign_id: str, number: str) -> Job:
        """A request to call this contact."""
        who = self.who(campaign_id, number)
        return Job(tenant_id=TENANT, campaign_id=campaign_id, enrolment_id=who.enrolment_id, attempt_id=str(uuid4()))

    def who(self, campaign_id: str, number: str) -> enrolments.Enrolment:
        """The contact's row."""
        found = enrolments.enrolment(self.database, TENANT, campaign_id, number)
        assert found is not None
        return found

    async def call(self, dialer: Dialer, job: Job) -> bool:
        """All steps of one attempt, as the workflow has them."""
        if not (await dialer.permit(job)).is_allowed:
            return False
        await self.finish(dialer, job)
        return True

    async def finish(self, dialer: Dialer, job: Job) -> AttemptOutcome:
        """The steps that follow its permission."""
        outcome = await dialer.admit(job) or await dialer.dial(job)
        await dialer.conclude(job, outcome, await dialer.settle(job))
        return outcome

    def happened(self, call_id: str) -> list[str]:
        """Names of the call's events."""
        self.event_log.flush()
        return [type(event).__name__ for event in self.event_log.read(TENANT, call_id)]


def new_tenant(database: Database, **limits: Any) -> None:
    """The tenant, without the need of consents."""
    directory.save_tenant(database, Tenant(tenant_id=TENANT, display_name="Clinic"), now=now())
    campaign_service.set_limits(database, TENANT, {"needs_consent": False, "caps": ALWAYS["caps"]} | limits)


def start_campaign(database: Database, campaign_id: str, numbers: Sequence[str], **spec: Any) -> None:
    """A running campaign with these contacts."""
    new = Campaign(tenant_id=TENANT, campaign_id=campaign_id, **parse_spec({**ALWAYS, **spec}))
    campaign_service.create(database, new, parse_script(SCRIPT), by="test", now=now())
    add_contacts(database, campaign_id, numbers)
    for fact in (TaskFact.COMPLETED, TaskFact.STARTED):
        move(database, TENANT, campaign_id, fact, reason="for the test", by="test", now=now())


def add_contacts(database: Database, campaign_id: str, numbers: Sequence[str]) -> None:
    """These contacts too, due now."""
    people = (Contact(contact_id=number, number=number, facts={"name": "Maria"}) for number in numbers)
    enrolling.enrol(database, TENANT, campaign_id, people, now=now())


@contextlib.asynccontextmanager
async def world(
    settings: Settings, replies: Sequence[Sequence[Say | UseTool]] = QUICK_CALL
) -> AsyncIterator[tuple[Settings, CalleesServer]]:
    """The voice model and the callees, without speech; the settings know the model's address."""
    rehearsal = RehearsalSettings(**settings.rehearsal.model_dump())
    server = RealtimeServer(
        dialogue=FixedDialogue(replies),
        ears=FixedEars(),
        mouth=ToneMouth(),
        new_detector=LoudnessVoice,
        settings=rehearsal,
    )
    callees = CalleesServer(ears=FixedEars(), mouth=ToneMouth(), new_detector=LoudnessVoice, settings=PhoneSettings())
    port = await server.start("127.0.0.1", 0)
    try:
        async with callees:
            voice = settings.voice.model_copy(update={"base_url": f"http://127.0.0.1:{port}/v1"})
            yield settings.model_copy(update={"voice": voice}), callees
    finally:
        await server.close()


@contextlib.asynccontextmanager
async def rig(
    folder: Path,
    *,
    replies: Sequence[Sequence[Say | UseTool]] = QUICK_CALL,
    capacity: int = 20,
    time_scale: float = 0.5,
    url: str | None = None,
    **service: Any,
) -> AsyncIterator[Rig]:
    """A service in this process, with one tenant."""
    async with contextlib.AsyncExitStack() as stack:
        settings, callees = await stack.enter_async_context(world(settings_for(folder, url, **service), replies))
        database = open_database(settings.store_url)
        stack.callback(database.close)
        event_log = EventLog(database)
        stack.callback(event_log.close)
        new_tenant(database)
        voice = await stack.enter_async_context(voice_client(settings))
        worker = MediaWorker(
            settings,
            worker_id="media-1",
            database=database,
            event_log=event_log,
            voice=voice,
            hand_over=hand_over_by_record(database),
        )
        await stack.enter_async_context(worker)
        duty = MediaDuty(worker, database, host="127.0.0.1", capacity=capacity, heartbeat_s=0.5)
        await stack.enter_async_context(duty)
        line = CountingLine("127.0.0.1", callees.port, time_scale=time_scale)
        detector = FailureDetector(most_apart_s=5.0)
        watching = asyncio.create_task(_watch(database, detector))
        stack.push_async_callback(_ended, watching)
        yield Rig(settings, database, event_log, line, worker, duty, detector)


async def _watch(database: Database, detector: FailureDetector) -> None:
    """What a control process does with each heartbeat, for the dialers that have none."""
    while True:
        try:
            signs = await asyncio.to_thread(workers.signs_of_life, database)
        except Unavailable:
            detector.fail()
        else:
            detector.look(signs, asyncio.get_running_loop().time())
        await asyncio.sleep(0.1)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool], *, within_s: float = 30.0) -> None:
    """Wait for it, looking often."""
    async with asyncio.timeout(within_s):
        is_so = condition()
        while not is_so:
            await asyncio.sleep(0.05)
            is_so = condition()

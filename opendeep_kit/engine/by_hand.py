"""Places a call for whoever waits for it: a person's, or a rehearsal.

Given a request, makes it an attempt of the tenant's implicit campaign: by the same rules, workflow and record as any
other. What the record cannot hold, the media worker of this process is told: a draft of the script, tools, a listener.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

from opendeep_kit import events
from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import AttemptCaps, Campaign, Consent
from opendeep_kit.campaigns.retries import RetryPolicy
from opendeep_kit.campaigns.rule_inputs import Rule
from opendeep_kit.config import Settings
from opendeep_kit.engine.attempts import Attempts
from opendeep_kit.engine.jobs import Job, OwnCall, Permission
from opendeep_kit.errors import Refused
from opendeep_kit.insight.analysis import Summary, summarise
from opendeep_kit.media.worker import Brief, MediaWorker
from opendeep_kit.phone.line import Line
from opendeep_kit.record import attempts as attempt_rows
from opendeep_kit.record import campaigns, consents, enrolling, workers
from opendeep_kit.record.attempts import Attempt
from opendeep_kit.record.calls import ExpectedCall
from opendeep_kit.record.campaigns import BY_HAND, REHEARSAL
from opendeep_kit.record.database import Database
from opendeep_kit.record.event_log import EventLog
from opendeep_kit.rehearsal.public import check_language, is_made_up
from opendeep_kit.settings import NO_TRUNK, SET_TRUNK
from opendeep_kit.tasks.prompt import render
from opendeep_kit.tasks.script import CallScript
from opendeep_kit.tenants import DEFAULT_TENANT
from opendeep_kit.voice.tools import Tool

ASK_AGAIN_S = 0.5
IN_A_CAMPAIGN = "call it in a campaign"
TO_DO: dict[Rule, str] = {
    Rule.NUMBER: "check the number",
    Rule.DO_NOT_CALL: "leave it alone; `opendeep dnc list` says who put it there and why",
    Rule.CONSENT: "say where the consent is on file: `opendeep dial --consent`, `consent=` in a notebook",
    Rule.TIME_ZONE: f"{IN_A_CAMPAIGN}, with the contact's time_zone",
    Rule.LIFETIME: "leave it alone, or set the tenant's caps with `opendeep tenant set --limits`",
    Rule.HOLIDAY: f"{IN_A_CAMPAIGN} that says what holidays mean",
    Rule.WINDOW: f"{IN_A_CAMPAIGN} with windows of its own",
    Rule.BUDGET: f"{IN_A_CAMPAIGN} that knows what a call costs",
    Rule.CONCURRENCY: "wait until a call has ended",
}
"""What a person can do about a no that does not pass by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """One call that somebody waits for."""

    number: str = field(repr=False)
    """E.164."""
    script: CallScript
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The contact's, by the names the script's task lists."""
    tenant_id: str = DEFAULT_TENANT
    script_version: int | None = None
    """As the record numbered it; None: this script is not in the record (a draft)."""
    tools: tuple[Tool, ...] = ()
    """In addition to those every call has."""
    consent: str = ""
    """Where it is on file that the callee agreed, as whoever calls says: noted; empty: the record's own counts."""
    is_rehearsal: bool = False
    """A persona is called: that it wants no more calls is no opt-out."""

    @property
    def campaign_id(self) -> str:
        """Under which it is kept."""
        return REHEARSAL if self.is_rehearsal else BY_HAND


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """A call that is over."""

    call_id: str
    summary: Summary
    events: tuple[events.Event, ...] = field(repr=False)
    recording: Path | None
    """None when no sound was ever exchanged."""


def _ignore(event: events.Event) -> None:
    del event


class CallsByHand:
    """The calls that this process places for whoever waits for them.

    Args:
        media: holds their sound, in this process.
        attempts: of this process, with that media worker.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        event_log: EventLog,
        line: Line,
        media: MediaWorker,
        attempts: Attempts,
    ) -> None:
        self._settings = settings
        self._database = database
        self._event_log = event_log
        self._line = line
        self._media = media
        self._attempts = attempts
        self._calling: set[asyncio.Task[CallOutcome]] = set()
        self._live: dict[str, asyncio.Future[None]] = {}
        """By attempt that was asked for: set when it has ended."""
        self._ended = 0
        """How many have."""

    async def stop(self) -> None:
        """Hang up every call; returns when all are written down."""
        calling = list(self._calling)
        for task in calling:
            task.cancel()
        await asyncio.gather(*calling, return_exceptions=True)

    async def call(self, request: CallRequest, watch: Callable[[events.Event], None] = _ignore) -> CallOutcome:
        """Place one call and return when it is over and written down. Cancelling hangs up.

        Args:
            watch: gets every event as it happens.

        Raises:
            BadInput: the contact lacks a fact that the script uses, the tenant a tool, or a local model its language.
            Refused: the rules do not allow this call now; the text says which, and what to do.
            Unavailable: the record cannot be written: no call is placed that could not be accounted for.
        """
        calling = asyncio.create_task(self._call(request, watch), name="call-by-hand")
        self._calling.add(calling)
        try:
            return await asyncio.shield(calling)
        except asyncio.CancelledError:
            calling.cancel()
            await asyncio.gather(calling, return_exceptions=True)
            raise
        finally:
            self._calling.discard(calling)

    async def _call(self, request: CallRequest, watch: Callable[[events.Event], None]) -> CallOutcome:
        await self._check(request)
        happened: list[events.Event] = []

        def tell(event: events.Event) -> None:
            happened.append(event)
            watch(event)

        enrolment_id = await asyncio.to_thread(enrol, self._database, request, now=datetime.now(UTC))
        while True:
            call_id, ended = str(uuid4()), self._ended
            permission = await self._attempt(request, enrolment_id, call_id, tell)
            if permission.is_allowed:
                break
            if not await self._may_ask_again(permission, ended):
                raise _refused(permission)
        summary = summarise(happened, request.script.task.required)
        recording = self._recording(happened)
        return CallOutcome(call_id=call_id, summary=summary, events=tuple(happened), recording=recording)

    async def _attempt(
        self, request: CallRequest, enrolment_id: int, call_id: str, tell: Callable[[events.Event], None]
    ) -> Permission:
        """One attempt, to its end where it is permitted."""

        def emit(event: events.Event) -> None:
            self._event_log.append(event, request.tenant_id)
            tell(event)

        job = Job(
            tenant_id=request.tenant_id,
            campaign_id=request.campaign_id,
            enrolment_id=enrolment_id,
            attempt_id=call_id,
            placed_by=self._attempts.control_id,
        )
        own = OwnCall(expect=partial(self._expected, request), required=request.script.task.required, tell=tell)
        brief = Brief(tenant_id=request.tenant_id, script=request.script, facts=request.facts, tools=request.tools)
        live: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._media.announce(call_id, brief, emit)
        self._live[call_id] = live
        try:
            return await self._attempts.run(job, own)
        finally:
            self._media.forget(call_id)
            del self._live[call_id]
            self._ended += 1
            live.set_result(None)

    async def _check(self, request: CallRequest) -> None:
        """What is wrong with it is told before anything is written."""
        task = request.script.task
        check_language(self._settings, task.language, request.number)
        render(request.script, request.facts)
        await asyncio.to_thread(self._media.own_tools.named, request.tenant_id, task.tools)
        if not (self._line.reaches_people or is_made_up(request.number)):
            raise Refused(f"the line {self._line.name} reaches made-up numbers only: {NO_TRUNK}", do=SET_TRUNK)

    async def _may_ask_again(self, permission: Permission, ended: int) -> bool:
        """Whether a call has ended that took the line: one of this process, or one that a dead process left.

        Args:
            ended: calls of this process that had ended when permission was asked.
        """
        if permission.rule != Rule.CONCURRENCY:
            return False
        live, signs = await asyncio.to_thread(self._owners)
        if ours := [self._live[attempt_id] for attempt_id in live if attempt_id in self._live]:
            await asyncio.wait(ours, return_when=asyncio.FIRST_COMPLETED)
            return True
        # This attempt, refused, is counted too.
        if self._ended > ended + 1:
            return True
        service, loop = self._settings.service, asyncio.get_running_loop()
        # As long as it may take to see that a process is dead, and to resolve its calls.
        until = loop.time() + 2 * (service.control_dead_after_s + service.worker_dead_after_s)
        while loop.time() < until:
            await asyncio.sleep(ASK_AGAIN_S)
            still, later = await asyncio.to_thread(self._owners)
            if live.keys() - still.keys():
                return True
            # A call of a process that gives a sign of life may live for long.
            if all(later.get(owner) not in (None, signs.get(owner)) for owner in live.values()):
                return False
        return False

    def _owners(self) -> tuple[dict[str, str], dict[str, datetime]]:
        """By attempt that has not ended, the process that owns it; and by process its last sign of life."""
        live = {row.attempt_id: row.control_id for row in attempt_rows.open_attempts(self._database)}
        return live, workers.signs_of_life(self._database)

    def _expected(self, request: CallRequest, row: Attempt) -> ExpectedCall:
        is_saved = request.script_version is not None
        return ExpectedCall(
            call_id=row.attempt_id,
            tenant_id=row.tenant_id,
            number=row.number,
            line=self._line.name,
            expected_until=datetime.now(UTC) + timedelta(seconds=self._settings.phone.expected_within_s),
            task_id=request.script.name if is_saved else None,
            script_name=request.script.name if is_saved else None,
            script_version=request.script_version,
            campaign=row.campaign_id,
            facts=request.facts,
        )

    def _recording(self, happened: list[events.Event]) -> Path | None:
        saved = [event.path for event in happened if isinstance(event, events.RecordingSaved)]
        return self._settings.recordings_dir / saved[-1] if saved else None


def enrol(database: Database, request: CallRequest, *, now: datetime) -> int:
    """The number's row in the tenant's implicit campaign; returns its id. Blocks: call it off the loop.

    Raises:
        BadInput: there is no such tenant.
    """
    tenant_id, campaign_id = request.tenant_id, request.campaign_id
    # Calling again, and how often, is for whoever calls; the tenant's own caps hold.
    implicit = Campaign(
        tenant_id=tenant_id,
        campaign_id=campaign_id,
        state=TaskState.RUNNING,
        caps=AttemptCaps(per_day=None, per_24_h=None, lifetime=None),
        retries=RetryPolicy(rules={}, max_callbacks=0),
    )
    campaigns.keep(database, implicit, by="opendeep", now=now)
    if request.consent.strip():
        consent = Consent(number=request.number, reference=request.consent.strip(), given_at=now)
        consents.save_consents(database, tenant_id, [consent], now=now)
    return enrolling.enrol_by_hand(database, tenant_id, campaign_id, request.number, request.facts, now=now)


def _refused(permission: Permission) -> Refused:
    at = permission.try_again_at
    wait = "" if at is None else f"wait until {at.isoformat(timespec='minutes')}"
    advice = "" if permission.rule is None else TO_DO.get(Rule(permission.rule), "")
    do = ", or ".join(part for part in (wait, advice) if part) or "try again later"
    return Refused(f"this number may not be called now ({permission.words})", do=do)

"""An attempt's steps: permit → admit → dial → settle → conclude, each safe to run again.

Given a contact that is due, asks the rules in the transaction that claims it, lets its call in at the media worker's
door, asks the line for it at most once, and follows it wherever its sound is held. `attempts` defines the order, and
what holds when a process, the record or the network dies in between. Never decides whose turn it is.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import NoReturn
from uuid import UUID

from opendeep_kit import events
from opendeep_kit.config import Settings
from opendeep_kit.engine import attempt_end
from opendeep_kit.engine.admission import expect
from opendeep_kit.engine.attempt_end import AttemptOutcome
from opendeep_kit.engine.campaign_service import caller_id_of
from opendeep_kit.engine.doubt import resolve
from opendeep_kit.engine.failure_detector import FailureDetector
from opendeep_kit.engine.jobs import Job, OwnCall, Permission
from opendeep_kit.engine.permission import permit
from opendeep_kit.engine.worker_choice import WorkerChoice
from opendeep_kit.errors import BadInput, OpenDeepError, Refused, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.media.call_end import insist
from opendeep_kit.media.follow import MediaFollow
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.line import HINTED_BY, MACHINE_HINT, CallOrder, CallProgress, Line, LineResult
from opendeep_kit.record import attempts, call_commands
from opendeep_kit.record import calls as call_rows
from opendeep_kit.record.attempts import Attempt, AttemptState
from opendeep_kit.record.call_commands import CommandKind
from opendeep_kit.record.calls import MediaEnd
from opendeep_kit.record.database import Database, utc_now
from opendeep_kit.rehearsal.public import is_made_up
from opendeep_kit.settings import NO_TRUNK

FRESH_S = 15.0
"""A permission older than so is not used: the window may have closed, the number be forbidden."""
ANSWERED_S = 0.2
"""How often an answer is written that the record refuses."""
CLOSED = "it was concluded before"
OLD = "its permission had become old before the line was asked"


class Dialer:
    """The attempts of one process that holds a line.

    Args:
        control_id: of this process, in the record and in the durable queue.
        worker_id: of the media worker that holds all its calls; None: any that serves.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        line: Line,
        control_id: str,
        detector: FailureDetector,
        worker_id: str | None = None,
    ) -> None:
        self._settings = settings
        self._database = database
        self._line = line
        self._detector = detector
        self._choice = WorkerChoice(database, settings.service, detector, worker_id)
        self.control_id = control_id
        self.is_draining = False
        """No new call is permitted here."""
        self.own: dict[str, OwnCall] = {}
        """By attempt."""
        self._dialling: dict[str, asyncio.Task[AttemptOutcome]] = {}
        """By attempt: on the line here, or over and not concluded yet. A step that runs again finds its result here."""
        self._broken_off: set[str] = set()

    @property
    def is_ready(self) -> bool:
        """Whether its line could carry a call now."""
        return self._line.is_ready

    @property
    def reaches_people(self) -> bool:
        """Whether its line does; else it calls made-up numbers only."""
        return self._line.reaches_people

    # ---- permit, admit ------------------------------------------------------------------------------

    async def permit(self, job: Job) -> Permission:
        """Ask whether the contact may be called now, and claim it if so."""
        if self.is_draining or not self.is_ready:  # the contact stays due, and is asked about again
            return Permission(is_allowed=False, words="the line cannot be reached now")
        return await permit(
            self._database,
            self._settings.service,
            job,
            control_id=self.control_id,
            choice=self._choice,
            reaches_people=self.reaches_people,
        )

    async def _own(self, job: Job) -> Attempt | None:
        """The attempt, ours from here on; None: it is closed. Does not return where others took our work over."""
        taking = partial(attempts.take_over, by=self.control_id, now=datetime.now(UTC))
        row = await insist(partial(taking, self._database, job.tenant_id, job.attempt_id))
        if row is None:
            known = await insist(partial(attempts.attempt, self._database, job.tenant_id, job.attempt_id))
            if known is not None and known.state in attempts.OPEN:
                await _park()
        return row

    async def admit(self, job: Job) -> AttemptOutcome | None:
        """Let the call in at the door, and look whether anybody is behind it. None: dial; else it came to nothing."""
        row = await self._own(job)
        if row is None:
            return AttemptOutcome.nothing(CLOSED)
        if row.state is AttemptState.DIALLED:
            return None
        if why := self._why_not(job, row):
            return AttemptOutcome.nothing(why, is_interrupted=True)
        try:
            await insist(partial(self._expect, row))
        except BadInput as error:
            return AttemptOutcome.nothing(error.what, is_final=True)
        if not await self._choice.is_there(row):
            where = f"{row.media_host}:{row.media_port}"
            is_dead = await self._choice.is_dead(row)
            why = f"nothing listens for sound at {where}, so nobody was called"
            return AttemptOutcome.nothing(why, is_interrupted=is_dead)
        return None

    def _why_not(self, job: Job, row: Attempt) -> str:
        """Why an attempt that was permitted is not dialled after all."""
        if job.placed_by not in ("", self.control_id):
            return "the process that asked for it is gone"
        if _is_old(row):
            return OLD
        if not (self.reaches_people or is_made_up(row.number)):  # taken over from a process with another line
            return f"the line reaches made-up numbers only: {NO_TRUNK}"
        return "stopped by us" if row.attempt_id in self._broken_off else ""

    def _expect(self, row: Attempt) -> None:
        own, now = self.own.get(row.attempt_id), datetime.now(UTC)
        if own is None:
            within_s = self._settings.phone.expected_within_s
            expect(self._database, row, line=self._line.name, within_s=within_s, now=now)
        elif call_rows.call(self._database, row.tenant_id, row.attempt_id) is None:
            call_rows.expect(self._database, own.expect(row), now=now)

    # ---- dial ---------------------------------------------------------------------------------------

    async def dial(self, job: Job) -> AttemptOutcome:
        """Ask the line for the call, once, and return when it is over."""
        row = await self._own(job)
        if row is None:
            return AttemptOutcome.in_doubt(CLOSED)
        task = self._dialling.get(job.attempt_id)
        if task is None or (task.done() and task.exception() is not None):
            is_new = row.state is AttemptState.INTENDED
            dialling = self._place(job, row) if is_new else resolve(row, self._database, self._line, self._follow(row))
            task = self._dialling[job.attempt_id] = asyncio.create_task(dialling, name="dialling")
        return await asyncio.shield(task)

    async def _place(self, job: Job, row: Attempt) -> AttemptOutcome:
        if why := self._why_not(job, row):
            return AttemptOutcome.nothing(why, is_interrupted=True)
        shown = await insist(partial(caller_id_of, self._database, row.tenant_id))
        loop = asyncio.get_running_loop()
        latest = loop.time() + self._settings.service.control_dead_after_s / 2
        marking = partial(attempts.mark_dialled, control_id=self.control_id, line=self._line.name, at=datetime.now(UTC))
        if not await insist(partial(marking, self._database, row.tenant_id, row.attempt_id)):
            await _park()  # taken over, and nobody waits for what we say
        self._tell(row, events.Dialled(call_id=row.attempt_id, at_ms=0.0, line=self._line.name))
        if loop.time() > latest:  # the record was away, or we were: others may believe us dead by now
            return AttemptOutcome.nothing(OLD, is_interrupted=True)
        follow, before = self._follow(row), self._line.outages
        async with follow.watching():
            try:
                result = await self._on_the_line(row, _order(row, self._settings, caller_id=shown))
            except Unavailable as error:  # Asterisk went away after the call was permitted
                return AttemptOutcome.nothing(error.what, is_interrupted=True)
            except OpenDeepError as error:
                result = LineResult(phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, detail=error.what)
        lost_line = result.ended_by is EndedBy.FAILURE and self._line.outages != before
        if row.attempt_id in self._broken_off:
            result = _stopped_by_us(result)
        return AttemptOutcome.of(result, is_interrupted=lost_line)

    async def _on_the_line(self, row: Attempt, order: CallOrder) -> LineResult:
        marking: set[asyncio.Task[bool]] = set()

        def report(progress: CallProgress) -> None:
            if progress is CallProgress.ANSWERED:
                answered = partial(call_rows.mark_answered, at=datetime.now(UTC))
                # The media worker waits for it: the callee is not heard before.
                noting = insist(partial(answered, self._database, row.tenant_id, row.attempt_id), each_s=ANSWERED_S)
                marking.add(asyncio.create_task(noting, name="mark-answered"))
            if progress is CallProgress.MACHINE:
                marking.add(asyncio.create_task(self._hint_at_machine(row), name="hint-at-machine"))

        try:
            return await self._line.place(order, report)
        finally:
            if marking:
                await asyncio.wait(marking)

    async def _hint_at_machine(self, row: Attempt) -> bool:
        """Asterisk's opinion, told to the agent as a supervisor's word is; the talk decides. False: it is lost."""
        giving = partial(call_commands.give, argument=MACHINE_HINT, by=HINTED_BY, now=datetime.now(UTC))
        try:
            await asyncio.to_thread(giving, self._database, row.tenant_id, row.attempt_id, CommandKind.COACH)
        except (Refused, Unavailable) as error:
            log().warning("! a machine's hint is lost", call_id=row.attempt_id, what=error.what)
            return False
        return True

    async def break_off(self, attempt_id: str) -> None:
        """End a call of this process, wherever it is; what came of it is still written down."""
        self._broken_off.add(attempt_id)
        try:
            await self._line.hang_up(UUID(attempt_id))
        except (Unavailable, BadInput) as error:
            log().warning("! a call cannot be hung up now", call_id=attempt_id, what=error.what)

    # ---- settle, conclude ---------------------------------------------------------------------------

    async def settle(self, job: Job) -> MediaEnd | None:
        """How the sound ended, once all of the call's events are written; None: it never came."""
        row = await self._own(job)
        return None if row is None else await self._follow(row).end()

    async def conclude(self, job: Job, outcome: AttemptOutcome, sound: MediaEnd | None) -> None:
        """Write down what came of it, and what follows for the contact."""
        own = self.own.get(job.attempt_id)
        concluding = partial(
            attempt_end.conclude,
            settings=self._settings,
            reaches_people=self.reaches_people,
            clock=utc_now,
            required=own.required if own is not None else (),
        )
        judgement = await insist(partial(concluding, self._database, job.tenant_id, job.attempt_id, outcome, sound))
        if own is not None and judgement is not None:
            own.tell(judgement.ended)
            own.tell(judgement.judged)
        self._dialling.pop(job.attempt_id, None)
        self._broken_off.discard(job.attempt_id)

    async def close(self) -> None:
        """Leave what is still on the line; whoever takes it over resolves it."""
        for task in self._dialling.values():
            task.cancel()
        await asyncio.gather(*self._dialling.values(), return_exceptions=True)

    # ---- inside -------------------------------------------------------------------------------------

    def _follow(self, row: Attempt) -> MediaFollow:
        return MediaFollow(
            self._database, self._line, UUID(row.attempt_id), control_id=self.control_id, is_dead=self._is_dead
        )

    def _is_dead(self, process_id: str) -> bool:
        return self._detector.is_dead(process_id, after_s=self._settings.service.worker_dead_after_s)

    def _tell(self, row: Attempt, event: events.Event) -> None:
        if (own := self.own.get(row.attempt_id)) is not None:
            own.tell(event)


async def _park() -> NoReturn:
    """Others took our work over: this process does nothing more with it, and ends soon."""
    while True:
        await asyncio.Event().wait()


def _is_old(row: Attempt) -> bool:
    return datetime.now(UTC) - row.created_at > timedelta(seconds=FRESH_S)


def _stopped_by_us(result: LineResult) -> LineResult:
    if result.phone_result not in (PhoneResult.ANSWERED, PhoneResult.CANCELLED):
        return result
    return LineResult(phone_result=result.phone_result, ended_by=EndedBy.SUPERVISOR, detail="stopped by us")


def _order(row: Attempt, settings: Settings, *, caller_id: str) -> CallOrder:
    return CallOrder(
        call_id=UUID(row.attempt_id),
        number=row.number,
        media_host=row.media_host,
        media_port=row.media_port,
        line_format=settings.phone.line_format,
        ring_limit_s=settings.call.ring_limit_s,
        caller_id=caller_id,
    )

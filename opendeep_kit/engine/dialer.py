"""SEAM that takes one attempt from its permission to its end: permit → place → conclude, steps that may be run again.

Given a contact that is due, asks the rules in the transaction that claims it, places the call on the line at most
once, and follows it wherever its sound is held. Run again after a crash, a step looks at the attempt first and never
dials a second time. Never decides whose turn it is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from opendeep_kit import events
from opendeep_kit.campaigns.rule_inputs import Rule
from opendeep_kit.config import Settings
from opendeep_kit.engine import attempt_end
from opendeep_kit.engine.admission import expect
from opendeep_kit.engine.attempt_end import Came
from opendeep_kit.engine.caller_ids import caller_id_of
from opendeep_kit.engine.permits import checker
from opendeep_kit.engine.worker_choice import Reach
from opendeep_kit.errors import BadInput, OpenDeepError, Refused, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.media.follow import DIED, MediaFollow
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.line import HINTED_BY, MACHINE_HINT, CallOrder, Line, LineResult, Progress
from opendeep_kit.record import attempts, call_commands, campaigns, claiming, enrolments
from opendeep_kit.record import calls as call_rows
from opendeep_kit.record.attempts import Attempt, AttemptState
from opendeep_kit.record.call_commands import CommandKind
from opendeep_kit.record.claiming import Claim, ClaimOutcome, NewAttempt
from opendeep_kit.record.database import Database
from opendeep_kit.record.event_log import EventLog
from opendeep_kit.rehearsal.public import is_made_up
from opendeep_kit.settings import NO_TRUNK

RATE_TRIES, RATE_WAIT_S = 5, 5.0
"""A call that comes too early for a rate waits, when it is not for long."""
FRESH_S = 15.0
"""A permission older than so is not used: the window may have closed, the number be forbidden."""
LOOK_AGAIN_S = 1.0
IN_DOUBT_S = 90.0
"""So long the line is asked about a call of a dead process before it is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A contact for whom permission is to be asked."""

    tenant_id: str
    campaign_id: str
    enrolment_id: int
    attempt_id: str
    """The call's id, made before anything else."""


class Dialer:
    """The attempts of one control process."""

    def __init__(
        self, settings: Settings, *, database: Database, event_log: EventLog, line: Line, control_id: str
    ) -> None:
        self._settings = settings
        self._database = database
        self._event_log = event_log
        self._line = line
        self._reach = Reach(database, settings.service)
        self.control_id = control_id
        self.active: set[str] = set()
        """Attempts that a step of this process works on."""
        self._finishing: set[str] = set()

    @property
    def is_ready(self) -> bool:
        """Whether its line could carry a call now."""
        return self._line.is_ready

    @property
    def reaches_people(self) -> bool:
        """Whether its line does; else it calls made-up numbers only."""
        return self._line.reaches_people

    # ---- permit -------------------------------------------------------------------------------------

    async def permit(self, job: Job) -> bool:
        """Ask whether the contact may be called now. True: there is an attempt, and nobody else will place it."""
        outcome = ClaimOutcome.REFUSED
        if not self.is_ready:
            return False  # the contact stays due, and is asked about again
        for _ in range(RATE_TRIES):
            claim = await asyncio.to_thread(self._claim, job)
            if claim is None:
                return False
            outcome = claim.outcome
            if outcome is ClaimOutcome.GONE:
                # Run again after a crash, the attempt may be there already.
                return await self._attempt(job.tenant_id, job.attempt_id) is not None
            if claim.ruling is None or claim.ruling.rule != Rule.RATE or claim.ruling.try_again_at is None:
                break
            wait_s = (claim.ruling.try_again_at - datetime.now(UTC)).total_seconds()
            if wait_s > RATE_WAIT_S:
                break
            await asyncio.sleep(max(0.0, wait_s))
        return outcome is ClaimOutcome.CLAIMED

    def _claim(self, job: Job) -> Claim | None:
        """None: there is nothing to ask, for want of a campaign, a media worker or a line that reaches the contact."""
        now, service = datetime.now(UTC), self._settings.service
        row = campaigns.campaign(self._database, job.tenant_id, job.campaign_id)
        worker = self._reach.pick(now)
        if row is None or worker is None:
            return None
        if not self.reaches_people:
            number = enrolments.number_of(self._database, job.tenant_id, job.enrolment_id)
            if number is not None and not is_made_up(number):
                return None  # another control process may have a line for it
        cost = row.call_cost
        attempt = NewAttempt(
            attempt_id=job.attempt_id,
            control_id=self.control_id,
            trunk_id=row.trunk_id,
            worker_id=worker.worker_id,
            media_host=worker.host,
            media_port=worker.port,
            reserved_minor=cost.minor if cost else 0,
            currency=cost.currency if cost else None,
        )
        check = checker(service, worker_capacity=worker.capacity, reaches_people=self.reaches_people)
        return claiming.claim(self._database, job.tenant_id, job.enrolment_id, attempt, check=check, now=now)

    async def _attempt(self, tenant_id: str, attempt_id: str) -> Attempt | None:
        return await asyncio.to_thread(attempts.attempt, self._database, tenant_id, attempt_id)

    # ---- place --------------------------------------------------------------------------------------

    async def place(self, tenant_id: str, attempt_id: str) -> Came | None:
        """Place the call, once, and return when it is over. None: the attempt is closed, or another's."""
        return None if attempt_id in self._finishing else await self._once(tenant_id, attempt_id)

    async def finish(self, tenant_id: str, attempt_id: str) -> None:
        """See an attempt of this process to its end without its workflow: taken over, or broken off."""
        if attempt_id in self.active or attempt_id in self._finishing:
            return
        self._finishing.add(attempt_id)
        try:
            came = await self._once(tenant_id, attempt_id)
            if came is not None:
                await self.conclude(tenant_id, attempt_id, came)
        except Unavailable as error:  # it is taken up again
            log().warning("! an attempt cannot be seen to its end now", call_id=attempt_id, what=error.what)
        finally:
            self._finishing.discard(attempt_id)

    async def _once(self, tenant_id: str, attempt_id: str) -> Came | None:
        row = await self._attempt(tenant_id, attempt_id)
        if row is None or row.state not in attempts.OPEN or row.control_id != self.control_id:
            return None
        if attempt_id in self.active:
            return None
        self.active.add(attempt_id)
        try:
            if row.state is AttemptState.DIALLED:
                return await self._resolve(row)
            if datetime.now(UTC) - row.created_at > timedelta(seconds=FRESH_S):
                why = "its permission had become old before the line was asked"
                return Came.nothing(why, is_interrupted=True)
            return await self._place(row)
        finally:
            self.active.discard(attempt_id)

    async def _place(self, row: Attempt) -> Came:
        if not (self.reaches_people or is_made_up(row.number)):  # taken over from a process with another line
            return Came.nothing(f"the line reaches made-up numbers only: {NO_TRUNK}", is_interrupted=True)
        try:
            await asyncio.to_thread(self._expect, row)
        except BadInput as error:
            return Came.nothing(error.what, is_final=True)
        if not await self._reach.is_there(row):
            where = f"{row.media_host}:{row.media_port}"
            is_dead = await self._reach.is_dead(row)
            return Came.nothing(f"nothing listens for sound at {where}, so nobody was called", is_interrupted=is_dead)
        marked = await asyncio.to_thread(
            attempts.mark_dialled,
            self._database,
            row.tenant_id,
            row.attempt_id,
            control_id=self.control_id,
            at=datetime.now(UTC),
        )
        if not marked:
            return Came.in_doubt("another process took it over")
        dialled = events.Dialled(call_id=row.attempt_id, at_ms=0.0, line=self._line.name)
        self._event_log.append(dialled, row.tenant_id)
        follow, before = self._follow(row), self._line.outages
        async with follow.watching():
            try:
                result = await self._on_the_line(row)
            except Unavailable as error:  # Asterisk went away after the call was permitted
                return Came.nothing(error.what, is_interrupted=True)
            except OpenDeepError as error:
                result = LineResult(phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, detail=error.what)
        end = await follow.end()
        lost_line = result.ended_by is EndedBy.FAILURE and self._line.outages != before
        return Came.of(result, end, is_interrupted=lost_line or end == DIED)

    def _expect(self, row: Attempt) -> None:
        within_s = self._settings.phone.expected_within_s
        expect(self._database, row, line=self._line.name, within_s=within_s, now=datetime.now(UTC))

    async def _on_the_line(self, row: Attempt) -> LineResult:
        shown = await asyncio.to_thread(caller_id_of, self._database, row.tenant_id)
        order = _order(row, self._settings, caller_id=shown)
        marking: set[asyncio.Task[bool]] = set()

        def report(progress: Progress) -> None:
            if progress is Progress.ANSWERED:
                marking.add(asyncio.create_task(self._mark_answered(row), name="mark-answered"))
            if progress is Progress.MACHINE:
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

    async def _mark_answered(self, row: Attempt) -> bool:
        """The media worker waits for it: the callee is not heard before."""
        at = datetime.now(UTC)
        while True:
            try:
                return await asyncio.to_thread(
                    call_rows.mark_answered, self._database, row.tenant_id, row.attempt_id, at=at
                )
            except Unavailable as error:
                log().warning("! an answer cannot be recorded", call_id=row.attempt_id, what=error.what)
                await asyncio.sleep(0.2)

    def _follow(self, row: Attempt) -> MediaFollow:
        return MediaFollow(self._database, self._line, self._settings.service, UUID(row.attempt_id))

    # ---- in doubt -----------------------------------------------------------------------------------

    async def _resolve(self, row: Attempt) -> Came:
        """The process that dialled is dead: let a talk that goes on end, hang up what rings, and say what is known."""
        call_id, follow = UUID(row.attempt_id), self._follow(row)
        async with follow.watching():
            await self._outlive(call_id, follow)
        media = await follow.look()
        end = await follow.end()
        if end is None or media is None or not media.is_answered:
            return Came.in_doubt("the process that placed it died, and nothing was heard of an answer")
        # A call of the simulator ends with its process; Asterisk's went on, and its end was the callee's or ours.
        by = None if self._line.name == "asterisk" else EndedBy.FAILURE
        detail = "the process that placed it died meanwhile"
        result = LineResult(phone_result=PhoneResult.ANSWERED, ended_by=by, detail=detail)
        return Came.of(result, end, is_interrupted=by is not None or end == DIED)

    async def _outlive(self, call_id: UUID, follow: MediaFollow) -> None:
        """Wait until the line does not hold the call any more."""
        loop = asyncio.get_running_loop()
        until = loop.time() + IN_DOUBT_S
        while True:
            try:
                if call_id not in await self._line.living_calls():
                    return
                media = await follow.look()
                if media is None or not media.is_answered:
                    # Nobody told its media worker of an answer: the callee would hear silence.
                    await self._line.hang_up(call_id)
                else:
                    until = loop.time() + IN_DOUBT_S
            except (Unavailable, BadInput) as error:
                if loop.time() > until:
                    log().error("! a call in doubt is given up", call_id=str(call_id), what=error.what)
                    return
            await asyncio.sleep(LOOK_AGAIN_S)

    # ---- conclude -----------------------------------------------------------------------------------

    async def conclude(self, tenant_id: str, attempt_id: str, came: Came) -> None:
        """Write down what came of it, and what follows for the contact."""
        self.active.add(attempt_id)
        try:
            await asyncio.to_thread(
                attempt_end.conclude,
                self._database,
                self._event_log,
                tenant_id,
                attempt_id,
                came,
                settings=self._settings,
                reaches_people=self.reaches_people,
                now=datetime.now(UTC),
            )
        finally:
            self.active.discard(attempt_id)


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

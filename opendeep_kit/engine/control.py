"""SEAM of a control process: plans, lets attempts be placed, moves campaigns along, and takes over from the dead.

Given the record, a line and a durable queue, looks at the record once a tick. Of several control processes the oldest
plans; each places calls, and each takes over what a dead one left. Never holds sound.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Self
from uuid import uuid4

from opendeep_kit.config import Settings
from opendeep_kit.engine.campaign_moves import move_along
from opendeep_kit.engine.dialer import FRESH_S, Dialer, Job
from opendeep_kit.engine.durable import Durable
from opendeep_kit.engine.planning import Planned, Planning
from opendeep_kit.engine.schedules import Schedules
from opendeep_kit.engine.upkeep import closed_before, keep_up
from opendeep_kit.errors import Unavailable
from opendeep_kit.logs import log
from opendeep_kit.periodic import Duties, attempted
from opendeep_kit.phone.line import Line
from opendeep_kit.record import attempts, workers
from opendeep_kit.record.attempts import Attempt
from opendeep_kit.record.database import Database
from opendeep_kit.record.event_log import EventLog

PER_TENANT = 1000
"""Attempts of one tenant at a time in the queue; what it may really have is in its limits."""
RECOVER_S = 3.0
MOVE_S = 2.0
SCHEDULES_S = 1.0
UPKEEP_S = 300.0
"""Between two looks whether a day is over; what failed is tried again then."""
QUEUE_KEPT = timedelta(days=2)
"""So long the queue remembers an attempt that is over."""
DRAIN_LOOK_S = 0.25
CONTROL = "a control process"
NO_LINE = "the line cannot be reached: look whether Asterisk runs"
FORGET_S = 24 * 3600.0


class Control:
    """One control process; `async with` it, on the loop of its line."""

    def __init__(
        self, settings: Settings, *, database: Database, event_log: EventLog, line: Line, control_id: str = ""
    ) -> None:
        self.control_id = control_id or f"control-{uuid4()}"
        self._settings = settings
        self._service = settings.service
        self._database = database
        self.dialer = Dialer(settings, database=database, event_log=event_log, line=line, control_id=self.control_id)
        self._durable = Durable(
            self.dialer, url=settings.durable_url, poll_s=self._service.queue_poll_s, per_tenant=PER_TENANT
        )
        self._planning = Planning(database, self._service)
        self._schedules = Schedules(settings, database)
        self._asked: dict[int, str] = {}
        """Attempts in the queue by their contact, until they are permitted or refused."""
        self._kept_up: date | None = None
        """Days before this one are archived."""
        self.duties = Duties(CONTROL)
        self._recovering: set[asyncio.Task[object]] = set()
        self._told: tuple[dict[str, str], str] = ({}, "")
        """What holds due calls, by `tenant/campaign` and at all, as the record has it."""

    async def __aenter__(self) -> Self:
        await self._beat()
        await self._durable.launch()
        # What runs longer than a heartbeat may not hold it up: each duty is a task of its own.
        self.duties.begin("heartbeat", self._beat, each_s=self._service.heartbeat_s)
        self.duties.begin("plan", self._plan, each_s=self._service.tick_s)
        self.duties.begin("recover", self._recover, each_s=RECOVER_S)
        self.duties.begin("move-campaigns", self._move, each_s=MOVE_S, is_vital=False)
        self.duties.begin("schedules", self._schedules.look, each_s=SCHEDULES_S, is_vital=False)
        self.duties.begin("upkeep", self._keep_up, each_s=UPKEEP_S, is_vital=False)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.duties.stop()
        for task in self._recovering:
            task.cancel()
        await asyncio.gather(*self._recovering, return_exceptions=True)
        await self._schedules.stop()
        await self._durable.close()
        with contextlib.suppress(Unavailable):
            await asyncio.to_thread(workers.sign_off_control, self._database, self.control_id)

    async def drain(self, *, within_s: float) -> None:
        """Plan no more, and wait for the calls under way: those of this process's own attempts, taken over or not."""
        await self.duties.stop("plan", "recover", "move-campaigns", "schedules", "upkeep")
        await self._schedules.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                under_way = await self._own_attempts()
                while under_way:
                    await asyncio.sleep(DRAIN_LOOK_S)
                    under_way = await self._own_attempts()

    async def _own_attempts(self) -> list[Attempt]:
        return await asyncio.to_thread(attempts.open_attempts, self._database, control_id=self.control_id)

    # ---- duties -------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        beating = partial(workers.beat_control, host=platform.node(), reaches_people=self.dialer.reaches_people)
        await asyncio.to_thread(beating, self._database, self.control_id, now=datetime.now(UTC))

    async def _living(self) -> list[workers.ControlProcess]:
        within_s = self._service.control_dead_after_s
        return await asyncio.to_thread(workers.controls_alive, self._database, now=datetime.now(UTC), within_s=within_s)

    def _is_planner(self, found: Sequence[workers.ControlProcess]) -> bool:
        """Whether it is this one's to plan, and it could."""
        planner = workers.planner(found)
        if planner is None or planner.control_id != self.control_id:
            return False
        # Alone without a line it would only ask in vain; others may have lines of their own.
        return len(found) > 1 or self.dialer.is_ready

    async def _plan(self) -> None:
        """Whose calls are next; each is put into the queue at its moment."""
        controls = await self._living()
        if not self._is_planner(controls):
            self._asked.clear()
            await self._tell({}, "" if self.dialer.is_ready else NO_LINE)
            return
        now = datetime.now(UTC)
        live = await asyncio.to_thread(attempts.open_attempts, self._database)
        permitted = {one.attempt_id for one in live}
        asked = {who: attempt_id for who, attempt_id in self._asked.items() if attempt_id not in permitted}
        over = await self._durable.over(list(asked.values()))
        self._asked = {who: attempt_id for who, attempt_id in asked.items() if attempt_id not in over}
        reaches_people = any(one.reaches_people for one in controls)
        planning = partial(self._planning.tick, live=live, asked=frozenset(self._asked), reaches_people=reaches_people)
        tick = await asyncio.to_thread(planning, now)
        await self._tell(tick.held, tick.bound_by)
        for planned in tick.calls:
            wait_s = (planned.at - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(max(0.0, wait_s))
            await self._ask(planned)

    async def _tell(self, held: Mapping[str, str], bound_by: str) -> None:
        """Into the record, where it changed: an idle campaign says why it is."""
        told = (dict(held), bound_by)
        if told != self._told:
            await asyncio.to_thread(workers.tell_held, self._database, self.control_id, held=told[0], bound_by=bound_by)
            self._told = told

    async def _ask(self, planned: Planned) -> None:
        job = Job(
            tenant_id=planned.tenant_id,
            campaign_id=planned.campaign_id,
            enrolment_id=planned.enrolment_id,
            attempt_id=str(uuid4()),
        )
        self._asked[planned.enrolment_id] = job.attempt_id
        await self._durable.enqueue(job)

    async def _move(self) -> None:
        await asyncio.to_thread(move_along, self._database, now=datetime.now(UTC))

    async def _keep_up(self) -> None:
        """Once a day, by whoever plans."""
        now = datetime.now(UTC)
        if self._kept_up == closed_before(now) or not self._is_planner(await self._living()):
            return
        done = await asyncio.to_thread(keep_up, self._database, self._settings, now=now)
        await self._durable.forget(now - QUEUE_KEPT)
        if not any(one.failure for one in done):
            self._kept_up = closed_before(now)

    # ---- taking over --------------------------------------------------------------------------------

    async def _recover(self) -> None:
        """Adopt what dead control processes left, this one's former life included, and what broke off here."""
        now, dead_after_s = datetime.now(UTC), self._service.control_dead_after_s
        found = await asyncio.to_thread(attempts.orphans, self._database, now=now, dead_after_s=dead_after_s)
        for orphan in found:
            if orphan.control_id == self.control_id:
                continue  # our own heartbeat was late, and we are not dead
            adopting = partial(attempts.adopt, by=self.control_id, now=now, dead_after_s=dead_after_s)
            if await asyncio.to_thread(adopting, self._database, orphan):
                log().warning("= an attempt of a dead process is taken over", call_id=orphan.attempt_id)
                self._finish_alone(orphan)
        # What the dead had in hand before there was an attempt goes back into the queue.
        living = await self._living()
        await self._durable.recover_from({self.control_id, *(one.control_id for one in living)})
        for row in await self._own_attempts():
            age_s = (now - row.created_at).total_seconds()
            if age_s > 2 * FRESH_S:
                self._finish_alone(row)  # unless somebody works on it
        await asyncio.to_thread(workers.forget_silent, self._database, now=now, silent_s=FORGET_S)

    def _finish_alone(self, row: Attempt) -> None:
        """No workflow will see this attempt of ours to its end."""
        finishing = partial(self.dialer.finish, row.tenant_id, row.attempt_id)
        task = asyncio.create_task(attempted("finish-alone", finishing, whose=CONTROL), name="finish-alone")
        self._recovering.add(task)
        task.add_done_callback(self._recovering.discard)

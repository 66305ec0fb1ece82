"""A control process: plans whose calls are next, moves campaigns along, keeps the record in order.

Given the record and a line, looks at the record once per tick and asks `Attempts` for the calls it plans. Of several
control processes the oldest plans; all of them place calls. Never holds sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Self
from uuid import uuid4

from opendeep_kit.config import Settings
from opendeep_kit.engine.attempts import Attempts
from opendeep_kit.engine.campaign_moves import move_along
from opendeep_kit.engine.jobs import Job
from opendeep_kit.engine.planning import Planned, Planning
from opendeep_kit.engine.schedules import Schedules
from opendeep_kit.engine.upkeep import closed_before, keep_up
from opendeep_kit.periodic import PeriodicTasks
from opendeep_kit.phone.line import Line
from opendeep_kit.record import attempts, workers
from opendeep_kit.record.database import Database

MOVE_S = 2.0
SCHEDULES_S = 1.0
UPKEEP_S = 300.0
"""Between two looks whether a day is over; what failed is tried again then."""
QUEUE_KEPT = timedelta(days=2)
"""So long the queue remembers an attempt that is over."""
CONTROL = "a control process"
NO_LINE = "the line cannot be reached: look whether Asterisk runs"
FORGET_S = 24 * 3600.0


class Control:
    """One control process; `async with` it, on the loop of its line."""

    def __init__(self, settings: Settings, *, database: Database, line: Line, control_id: str = "") -> None:
        self._settings = settings
        self._service = settings.service
        self._database = database
        self._attempts = Attempts(settings, database=database, line=line, control_id=control_id, whose=CONTROL)
        self.control_id = self._attempts.control_id
        self._planning = Planning(database, self._service)
        self._schedules = Schedules(settings, database)
        self._kept_up: date | None = None
        """Days before this one are archived."""
        self._told: tuple[dict[str, str], str] = ({}, "")
        """What holds due calls, by `tenant/campaign` and at all, as the record has it."""

    @property
    def periodic(self) -> PeriodicTasks:
        """What it does again and again."""
        return self._attempts.periodic

    async def __aenter__(self) -> Self:
        await self._attempts.__aenter__()
        self.periodic.begin("plan", self._plan, each_s=self._service.tick_s)
        self.periodic.begin("move-campaigns", self._move, each_s=MOVE_S, is_vital=False)
        self.periodic.begin("schedules", self._schedules.look, each_s=SCHEDULES_S, is_vital=False)
        self.periodic.begin("upkeep", self._keep_up, each_s=UPKEEP_S, is_vital=False)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.periodic.stop()
        await self._schedules.stop()
        await self._attempts.__aexit__(*exc)

    async def drain(self, *, within_s: float) -> None:
        """Plan no more, and wait for the calls under way here, taken over or not."""
        await self.periodic.stop("plan", "move-campaigns", "schedules", "upkeep")
        await self._schedules.stop()
        await self._attempts.drain(within_s=within_s)

    # ---- periodic -----------------------------------------------------------------------------------

    async def _living(self) -> list[workers.ControlProcess]:
        within_s = self._service.control_dead_after_s
        return await asyncio.to_thread(workers.controls_alive, self._database, now=datetime.now(UTC), within_s=within_s)

    def _is_planner(self, processes: Sequence[workers.ControlProcess]) -> bool:
        """Whether it is this one's to plan, and it could."""
        planner = workers.planner(processes)
        if planner is None or planner.control_id != self.control_id:
            return False
        # Alone without a line it would only ask in vain; others may have lines of their own.
        return len(processes) > 1 or self._attempts.dialer.is_ready

    async def _plan(self) -> None:
        """Whose calls are next; each is put into the queue at its moment."""
        controls = await self._living()
        if not self._is_planner(controls):
            await self._tell({}, "" if self._attempts.dialer.is_ready else NO_LINE)
            return
        now = datetime.now(UTC)
        waiting = await self._attempts.waiting()
        live = await asyncio.to_thread(attempts.open_attempts, self._database)
        permitted = {attempt.attempt_id for attempt in live}
        asked = frozenset(who for who, attempt_id in waiting.items() if attempt_id not in permitted)
        reaches_people = any(control.reaches_people for control in controls)
        planning = partial(self._planning.tick, live=live, asked=asked, reaches_people=reaches_people)
        tick = await asyncio.to_thread(planning, now)
        await self._tell(tick.held, tick.bound_by)
        for planned in tick.calls:
            wait_s = (planned.at - datetime.now(UTC)).total_seconds()
            await asyncio.sleep(max(0.0, wait_s))
            await self._ask(planned)

    async def _tell(self, held: Mapping[str, str], bound_by: str) -> None:
        """Into the record, where it changed: an idle campaign says why it is."""
        report = (dict(held), bound_by)
        if report != self._told:
            await asyncio.to_thread(
                workers.tell_held, self._database, self.control_id, held=report[0], bound_by=bound_by
            )
            self._told = report

    async def _ask(self, planned: Planned) -> None:
        job = Job(
            tenant_id=planned.tenant_id,
            campaign_id=planned.campaign_id,
            enrolment_id=planned.enrolment_id,
            attempt_id=str(uuid4()),
        )
        await self._attempts.enqueue(job)

    async def _move(self) -> None:
        await asyncio.to_thread(move_along, self._database, now=datetime.now(UTC))

    async def _keep_up(self) -> None:
        """Once a day, by whoever plans."""
        now = datetime.now(UTC)
        if self._kept_up == closed_before(now) or not self._is_planner(await self._living()):
            return
        done = await asyncio.to_thread(keep_up, self._database, self._settings, now=now)
        await self._attempts.forget(now - QUEUE_KEPT)
        await asyncio.to_thread(workers.forget_silent, self._database, now=now, silent_s=FORGET_S)
        if not any(tenant.failure for tenant in done):
            self._kept_up = closed_before(now)

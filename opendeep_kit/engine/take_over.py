"""Takes over the attempts of dead processes, through DBOS's workflow management.

Given the heartbeats in the record, writes its own, buries dead processes, and resumes what their executors and this one
left unfinished. Never runs a step.
"""

from __future__ import annotations

import asyncio
import platform
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial

import msgspec
from dbos import DBOS, WorkflowStatus

from opendeep_kit.engine.dbos_terms import reached
from opendeep_kit.engine.failure_detector import FailureDetector
from opendeep_kit.engine.jobs import Job
from opendeep_kit.errors import Unavailable
from opendeep_kit.logs import log
from opendeep_kit.record import workers
from opendeep_kit.record.database import Database
from opendeep_kit.settings import ServiceSettings

WORKFLOW = "attempt"
VERSION = "2"
"""Of the workflow's steps: a process with other steps does not go on with these."""
WAITING, RUNNING, GIVEN_UP = ("ENQUEUED", "DELAYED"), "PENDING", "ERROR"


class TakeOver:
    """What one process does about the work of others that are dead.

    Args:
        running: attempts whose workflow runs in this process.
        queue: where what is resumed goes.
        serves: whether campaigns' calls are placed here; else those by hand only are taken over.
    """

    def __init__(
        self,
        database: Database,
        settings: ServiceSettings,
        detector: FailureDetector,
        *,
        control_id: str,
        running: Callable[[], Collection[str]],
        queue: str,
        serves: bool,
    ) -> None:
        self._database = database
        self._settings = settings
        self._detector = detector
        self._control_id = control_id
        self._running = running
        self._queue = queue
        self._serves = serves
        self._idle: Counter[str] = Counter()
        """By attempt: how often in a row it was found to run here by DBOS's word, and did not."""

    async def beat(self, *, reaches_people: bool) -> bool:
        """Say that this process lives, and look who else does. False: it was buried.

        Raises:
            Unavailable: the record cannot be written: nobody is dead by its word for a while.
        """
        now = datetime.now(UTC)
        beating = partial(
            workers.beat_control,
            host=platform.node(),
            reaches_people=reaches_people,
            serves=self._serves,
            now=now,
        )
        try:
            is_alive = await asyncio.to_thread(beating, self._database, self._control_id)
            signs = await asyncio.to_thread(workers.signs_of_life, self._database)
        except Unavailable:
            self._detector.fail()
            raise
        self._detector.look(signs, asyncio.get_running_loop().time())
        return is_alive

    async def look(self) -> None:
        """Resume what dead processes left, and what broke off here.

        Raises:
            Unavailable: the record or the queue's database cannot be reached.
        """
        if self._detector.is_blind:  # DBOS would wait for its tables, and look later and later
            return
        with reached():
            workflows = await DBOS.list_workflows_async(
                name=WORKFLOW, app_version=VERSION, status=RUNNING, load_output=False
            )
        by_executor: dict[str, list[WorkflowStatus]] = {}
        for workflow in workflows:
            by_executor.setdefault(workflow.executor_id or "", []).append(workflow)
        dead = {name for name in by_executor if name != self._control_id and self._is_dead(name)}
        for name in sorted(dead):
            ids = [workflow.workflow_id for workflow in by_executor[name] if self._serves or _is_by_hand(workflow)]
            if ids and await self._bury(name):
                log().warning("= the calls of a dead process are taken over", calls=len(ids), whose=name)
                await self._resume(ids)
        await self._resume(self._broken_off(by_executor.get(self._control_id, [])))
        await self._try_again()

    def _is_dead(self, control_id: str) -> bool:
        return self._detector.is_dead(control_id, after_s=self._settings.control_dead_after_s)

    async def _bury(self, control_id: str) -> bool:
        """Whether it is ours to take over from it."""
        living = [name for name in self._detector.known() if not self._is_dead(name)]
        burying = partial(workers.bury, by=self._control_id, living=living, now=datetime.now(UTC))
        last_sign = self._detector.sign_of(control_id)
        return await asyncio.to_thread(partial(burying, self._database, control_id, seen_at=last_sign))

    def _broken_off(self, own: Collection[WorkflowStatus]) -> list[str]:
        """Those that DBOS says run here and do not, twice in a row: some have only just been taken from the queue."""
        here = set(self._running())
        idle = [workflow.workflow_id for workflow in own if workflow.workflow_id not in here]
        self._idle = Counter({attempt_id: self._idle[attempt_id] + 1 for attempt_id in idle})
        return [attempt_id for attempt_id in idle if self._idle[attempt_id] > 1]

    async def _resume(self, attempt_ids: Collection[str]) -> None:
        if attempt_ids:
            with reached():
                await DBOS.resume_workflows_async(list(attempt_ids), queue_name=self._queue)

    async def _try_again(self) -> None:
        """A workflow that DBOS gave up, as a result could not be noted, goes on at the first step without one."""
        with reached():
            workflows = await DBOS.list_workflows_async(
                name=WORKFLOW,
                app_version=VERSION,
                status=GIVEN_UP,
                executor_id=self._control_id,
                load_input=False,
                load_output=False,
            )
            for workflow in workflows:
                steps = await DBOS.list_workflow_steps_async(workflow.workflow_id)
                noted = [step["function_id"] for step in steps if step["error"] is None]
                start = max(noted, default=0) + 1
                await DBOS.rewind_workflow_async(workflow.workflow_id, start_step=start, queue_name=self._queue)


def job_of(workflow: WorkflowStatus) -> Job | None:
    """What the workflow was asked for; None: it cannot be read."""
    given = workflow.input["args"] if workflow.input else ()
    return msgspec.convert(given[0], type=Job) if given else None


def _is_by_hand(workflow: WorkflowStatus) -> bool:
    job = job_of(workflow)
    return job is not None and job.placed_by != ""

"""Owns an attempt's life, one durable DBOS workflow from permission to conclusion: the SEAM to DBOS.

Theory of operation
===================

An attempt is a DBOS workflow whose id is the call's. It runs `STEPS` in order, and DBOS records what each returned:

=========  =============================================  =====================================================
step       what it promises                                run again, it finds
=========  =============================================  =====================================================
permit     the rules allowed it, the contact is claimed    the claim, by the attempt's id
admit      the call's UUID is let in at the media worker   the call's row
dial       the line was asked at most once; the call is    DIALLED in the attempt's row: it asks the line and the
           over                                            media worker's record instead of dialling
settle     the media worker has written all it knows, or   the end of the sound in the call's row
           it is dead
conclude   CallEnded, CallJudged, do-not-call, result,     the attempt closed
           money, what follows: in one transaction
=========  =============================================  =====================================================

So a step either has its result recorded or runs again, and running again is harmless. What happens in between:

*The process dies.* Its workflows stay PENDING under its executor id, which is its `control_id`. Every process that
holds a line watches the heartbeats in the record. Whoever finds one dead buries it first: one UPDATE of its row, which
only one heir wins and which holds for good. The heir then lists the workflows of that executor and resumes them
(`list_workflows`, `resume_workflows`); any process that listens takes them from the queue, replays the recorded steps
and runs the one that was under way. The attempt's row follows: whoever runs a step makes itself its owner.

*It was only asleep.* DBOS gives every execution of a workflow a token and refuses the steps of one that lost it
(`DBOSWorkflowConflictIDError`; the execution is parked). Our own effects have their fences beside it: the row's owner
and the burial, both asked in the UPDATE that marks the dial, so that what was taken over is not dialled by the sleeper,
nor a hand-over carried out twice. Its next heartbeat tells a sleeper that it was buried, and it ends.

*The record is away.* Every step waits for it inside (`insist`), as long as the process lives: what the line said is
kept in memory meanwhile, and DBOS itself waits for its own tables in the same way. Nobody is declared dead by a record
that could not be written: see `failure_detector`. A write whose answer was lost is made again and finds itself.

*A step fails by a mistake of ours*, it is tried again later and later; the workflow stays, and the log tells.
*DBOS could not note a result* and gave the workflow up (a full disk): `resume` runs it again in this process, where
the dial's result is still in memory.

What is not known by anybody after a death: what the network said in the moments between the line's last word and its
recording, when nobody had answered. Such a call was dialled, is not dialled again, and counts as our failure.

Threads: DBOS keeps its queue in threads of its own; workflows that are coroutines run on the loop that was running
when it was launched: the line's loop, so that nothing is handed between threads here.
"""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Self
from uuid import uuid4

import msgspec
from dbos import DBOS, DBOSConfig, SetWorkflowID, StepOptions

from opendeep_kit.config import Settings
from opendeep_kit.engine.attempt_end import AttemptOutcome
from opendeep_kit.engine.dbos_terms import let_readers_pass, log_briefly, reached
from opendeep_kit.engine.dialer import Dialer
from opendeep_kit.engine.failure_detector import FailureDetector
from opendeep_kit.engine.jobs import Job, OwnCall, Permission
from opendeep_kit.engine.take_over import RUNNING, VERSION, WAITING, WORKFLOW, TakeOver, job_of
from opendeep_kit.errors import Unavailable
from opendeep_kit.periodic import PeriodicTasks, run_once
from opendeep_kit.phone.line import Line
from opendeep_kit.record import workers
from opendeep_kit.record.calls import MediaEnd
from opendeep_kit.record.database import NETWORK, Database

STEPS = ("permit", "admit", "dial", "settle", "conclude")
"""Methods of `Dialer`, in the order of the workflow."""
APPLICATION, QUEUE = "opendeep", "attempts"
AT_ONCE = 1000
"""Attempts of one process; what may really be under way the rules decide."""
TAKE_OVER_S = 3.0
OVER = ("SUCCESS", "CANCELLED")
FORGOTTEN_AT_ONCE = 500
MOST_TRIES, FIRST_WAIT_S, TIMES_LONGER = 1_000_000, 1.0, 2.0
"""After a step failed by our own mistake, each wait grows by this factor, to an hour at most."""
BURIED = "this process was silent for so long that others took over its calls"


class Attempts:
    """The attempts that this process places; `async with` it, on the loop of its line. One a process.

    Args:
        control_id: of this process; another one at every start.
        worker_id: of the media worker that holds all its calls; None: any that serves, and calls come by the queue.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        line: Line,
        control_id: str = "",
        worker_id: str | None = None,
        whose: str = "a process that places calls",
    ) -> None:
        service = settings.service
        self.control_id = control_id or f"control-{uuid4()}"
        self._service = service
        self._database = database
        self._url = settings.durable_url
        self._queue = QUEUE if worker_id is None else f"{QUEUE}-of-{self.control_id}"
        self._serves = worker_id is None
        dead_after_s = min(service.control_dead_after_s, service.worker_dead_after_s)
        self._detector = FailureDetector(most_apart_s=dead_after_s / 2)
        self.dialer = Dialer(
            settings,
            database=database,
            line=line,
            control_id=self.control_id,
            detector=self._detector,
            worker_id=worker_id,
        )
        self.periodic = PeriodicTasks(whose)
        self._running: dict[asyncio.Task[Any], str] = {}
        """Executions of workflows here, and their attempts."""
        self._is_idle = asyncio.Event()
        self._is_idle.set()
        self._take_over = TakeOver(
            database,
            service,
            self._detector,
            control_id=self.control_id,
            running=self._running.values,
            queue=self._queue,
            serves=self._serves,
        )
        self._attempt: Any = None

    async def __aenter__(self) -> Self:
        await self._take_over.beat(reaches_people=self.dialer.reaches_people)
        await self._launch()
        # What runs longer than a heartbeat may not hold it up: each is a task of its own.
        self.periodic.begin("heartbeat", self._beat, each_s=self._service.heartbeat_s)
        each_s = min(TAKE_OVER_S, self._service.control_dead_after_s)
        self.periodic.begin("take-over", self._take_over.look, each_s=each_s)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.periodic.stop()
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.dialer.close()
        await self._close()
        with contextlib.suppress(Unavailable):
            await asyncio.to_thread(workers.sign_off_control, self._database, self.control_id)

    # ---- calls --------------------------------------------------------------------------------------

    async def enqueue(self, job: Job) -> None:
        """Ask for this call, by whichever process takes it: once, however often it is asked by this attempt's id.

        Raises:
            Unavailable: the queue's database cannot be written or reached now; so of the methods below.
        """
        with reached(), SetWorkflowID(job.attempt_id):
            await DBOS.enqueue_workflow_async(QUEUE, self._attempt, msgspec.to_builtins(job))

    async def run(self, job: Job, own: OwnCall | None = None) -> Permission:
        """Ask for this call, place it here, and return when it is concluded; its result stands in the call's row.

        Cancelled, it ends the call, and what came of it is written down before it returns.

        Args:
            own: what the record does not know of a call by hand.
        """
        if own is not None:
            self.dialer.own[job.attempt_id] = own
        try:
            with reached(), SetWorkflowID(job.attempt_id):
                handle = await DBOS.start_workflow_async(self._attempt, msgspec.to_builtins(job))
            running = asyncio.ensure_future(handle.get_result())
            try:
                result = await asyncio.shield(running)
            except asyncio.CancelledError:
                await self.dialer.break_off(job.attempt_id)
                await running
                raise
            return msgspec.convert(result, type=Permission)
        finally:
            self.dialer.own.pop(job.attempt_id, None)

    async def waiting(self) -> dict[int, str]:
        """Attempts by their contact that wait in the queue or run, whoever runs them."""
        with reached():
            workflows = await DBOS.list_workflows_async(
                name=WORKFLOW, app_version=VERSION, status=[*WAITING, RUNNING], load_output=False
            )
        jobs = [job for workflow in workflows if (job := job_of(workflow)) is not None]
        return {job.enrolment_id: job.attempt_id for job in jobs}

    async def forget(self, before: datetime) -> int:
        """Delete what is noted of attempts that are over since then or longer: the record keeps their results."""
        gone = 0
        with reached():
            while True:
                workflows = await DBOS.list_workflows_async(
                    name=WORKFLOW,
                    status=list(OVER),
                    end_time=before.isoformat(),
                    limit=FORGOTTEN_AT_ONCE,
                    load_input=False,
                    load_output=False,
                )
                if not workflows:
                    return gone
                await DBOS.delete_workflows_async([workflow.workflow_id for workflow in workflows])
                gone += len(workflows)

    async def drain(self, *, within_s: float) -> None:
        """Permit and take over no further calls, and wait for those under way here."""
        self.dialer.is_draining = True
        await self.periodic.stop("take-over")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._is_idle.wait()

    async def _beat(self) -> None:
        if not await self._take_over.beat(reaches_people=self.dialer.reaches_people):
            self.periodic.give_up(BURIED)

    # ---- DBOS ---------------------------------------------------------------------------------------

    async def _launch(self) -> None:
        """Open the queue and take part in it.

        Raises:
            BadInput, Unavailable: the queue's database is wrong, full, read-only or not there.
        """
        log_briefly()
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": self._url,
            "executor_id": self.control_id,
            "application_version": VERSION,
            "log_level": "ERROR",
            "enable_otlp": False,
        }
        if self._url.startswith("postgres"):
            config["db_engine_kwargs"] = {"connect_args": dict(NETWORK)}
        DBOS(config=config)
        self._attempt = DBOS.workflow(name=WORKFLOW, max_recovery_attempts=100)(self._workflow())
        DBOS.listen_queues([self._queue])
        with reached():
            await asyncio.to_thread(let_readers_pass, self._url)
            DBOS.launch()
            await DBOS.register_queue_async(
                self._queue,
                worker_concurrency=AT_ONCE,
                polling_interval_sec=self._service.queue_poll_s,
                on_conflict="always_update",
            )

    async def _close(self) -> None:
        if not self._serves:
            with contextlib.suppress(Unavailable), reached():
                await DBOS.delete_queue_async(self._queue)
        # DBOS had put its own threads under the loop's `to_thread`, and ends them here: what comes later needs others.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="after-dbos"))
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)

    def _workflow(self) -> Any:
        async def attempt(job: dict[str, Any]) -> dict[str, Any]:
            task = asyncio.current_task()
            assert task is not None
            self._running[task] = job["attempt_id"]
            self._is_idle.clear()
            try:
                return await self._live(msgspec.convert(job, type=Job))
            finally:
                del self._running[task]
                if not self._running:
                    self._is_idle.set()

        return attempt

    async def _live(self, job: Job) -> dict[str, Any]:
        """The life of an attempt: `STEPS`, in order."""
        permission = await self._step("permit", Permission, job)
        if permission.is_allowed:
            outcome = await self._step("admit", AttemptOutcome | None, job)
            if outcome is None:
                outcome = await self._step("dial", AttemptOutcome, job)
            sound = await self._step("settle", MediaEnd | None, job)
            await self._step("conclude", None, job, outcome, sound)
        plain: dict[str, Any] = _plain(permission)
        return plain

    async def _step(self, name: str, kind: Any, *given: Any) -> Any:
        """Run this step of the dialer, or have what it returned before."""

        async def step() -> Any:
            returned: list[Any] = []

            async def run() -> None:
                returned.append(await getattr(self.dialer, name)(*given))

            failure = await run_once(name, run, whose="an attempt")
            if failure is not None:
                raise failure
            return _plain(returned[0])

        options: StepOptions = {
            "name": name,
            "retries_allowed": True,
            "max_attempts": MOST_TRIES,
            "interval_seconds": FIRST_WAIT_S,
            "backoff_rate": TIMES_LONGER,
        }
        return msgspec.convert(await DBOS.run_step_async(options, step), type=kind)


def _plain(value: object) -> Any:
    return msgspec.to_builtins(value)

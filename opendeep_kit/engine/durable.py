"""SEAM to DBOS: attempts as durable workflows in a queue that several control processes share.

Given a dialer, runs its steps so that a workflow whose process died goes on in another one, from the step it was in.
DBOS promises a step at least once; that a number is dialled at most once is the dialer's promise. Holds ids, never a
number or a word said.

Threads: DBOS keeps its queue in threads of its own, but workflows that are coroutines run on the loop that was running
when it was launched (dbos 3.4 `_event_loop.py`): the line's loop, so that nothing is handed between threads here.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import msgspec
from dbos import DBOS, DBOSConfig, SetEnqueueOptions, SetWorkflowID, StepOptions
from dbos import error as dbos_error
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from opendeep_kit.engine.attempt_end import Came
from opendeep_kit.engine.dialer import Dialer, Job
from opendeep_kit.errors import Unavailable
from opendeep_kit.logs import log
from opendeep_kit.record.faults import explain

APPLICATION = "opendeep"
QUEUE = "attempts"
VERSION = "1"
"""Of the workflow's steps: a process with other steps does not go on with these."""
STEP_TRIES = 3
WAITING = ("ENQUEUED", "PENDING", "DELAYED")
OVER = ("SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED")
AT_ONCE = 500
WHERE = "of the durable queue"
"""Its URL may hold a password."""


class Durable:
    """The running queue. One a process: DBOS knows only one."""

    def __init__(self, dialer: Dialer, *, url: str, poll_s: float, per_tenant: int) -> None:
        self._dialer = dialer
        self._url = url
        self._poll_s = poll_s
        self._per_tenant = per_tenant
        self._attempt: Any = None

    async def launch(self) -> None:
        """Open the queue and take part in it. Call it on the loop of the dialer's line.

        Raises:
            BadInput, Unavailable: the queue's database is wrong, full, read-only or not there.
        """
        logger = logging.getLogger("dbos")
        logger.setLevel(logging.ERROR)
        logger.addFilter(_told_briefly)
        config: DBOSConfig = {
            "name": APPLICATION,
            "system_database_url": self._url,
            "executor_id": self._dialer.control_id,
            "application_version": VERSION,
            "log_level": "ERROR",
            "enable_otlp": False,
        }
        DBOS(config=config)
        self._attempt = _workflow(self._dialer)
        with _reached():
            await asyncio.to_thread(_let_readers_pass, self._url)
            DBOS.launch()
            await DBOS.register_queue_async(
                QUEUE,
                partition_concurrency=self._per_tenant,
                polling_interval_sec=self._poll_s,
                on_conflict="always_update",
            )

    async def close(self) -> None:
        """Take part no more; workflows under way should have ended before."""
        # DBOS had put its own threads under the loop's `to_thread`, and ends them here: what comes later needs others.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(thread_name_prefix="after-dbos"))
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)

    async def enqueue(self, job: Job) -> None:
        """Ask for this call: once, however often it is asked by this attempt's id.

        Raises:
            Unavailable: the queue's database cannot be written or reached now; so of the methods below.
        """
        with _reached(), SetWorkflowID(job.attempt_id), SetEnqueueOptions(queue_partition_key=job.tenant_id):
            await DBOS.enqueue_workflow_async(QUEUE, self._attempt, msgspec.to_builtins(job))

    async def over(self, attempt_ids: Sequence[str]) -> set[str]:
        """Those of these attempts that neither wait nor run any more."""
        if not attempt_ids:
            return set()
        with _reached():
            found = await DBOS.list_workflows_async(
                workflow_ids=list(attempt_ids), load_input=False, load_output=False, status=list(WAITING)
            )
        return set(attempt_ids) - {one.workflow_id for one in found}

    async def forget(self, before: datetime) -> int:
        """Delete what is noted of attempts that are over since then or longer: the record keeps their results."""
        gone = 0
        with _reached():
            while True:
                found = await DBOS.list_workflows_async(
                    queue_name=QUEUE,
                    status=list(OVER),
                    end_time=before.isoformat(),
                    limit=AT_ONCE,
                    load_input=False,
                    load_output=False,
                )
                if not found:
                    return gone
                await DBOS.delete_workflows_async([one.workflow_id for one in found])
                gone += len(found)

    async def recover_from(self, living: Collection[str]) -> int:
        """Put the workflows of processes that are not among the living back into the queue. Returns how many."""
        with _reached():
            running = await DBOS.list_workflows_async(
                queue_name=QUEUE, status=["PENDING"], load_input=False, load_output=False
            )
            dead = {one.executor_id for one in running if one.executor_id and one.executor_id not in living}
            if not dead:
                return 0
            # The open library recovers its own past life only; this is what it does then, for others.
            return len(await asyncio.to_thread(DBOS._recover_pending_workflows, sorted(dead)))


def _let_readers_pass(url: str) -> None:
    """On SQLite: without a write-ahead log each poll of the queue holds up every attempt's next step."""
    if not url.startswith("sqlite"):
        return
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")  # kept in the file, for all who open it
    finally:
        engine.dispose()


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    """Errors of the queue's database as ours: a duty that meets one is tried again."""
    try:
        yield
    except SQLAlchemyError as error:
        raise explain(error, WHERE) from None
    except dbos_error.DBOSException as error:
        raise Unavailable(f"the durable queue refuses ({type(error).__name__})", do="try again") from None


def _told_briefly(record: logging.LogRecord) -> bool:
    """A traceback of the driver holds rows and is as long as a page: it is told in a clause."""
    error = record.exc_info[1] if record.exc_info else None
    if isinstance(error, SQLAlchemyError):
        log().error("! an attempt's step could not be noted in the durable queue", what=explain(error, WHERE).what)
        return False
    return True


def _workflow(dialer: Dialer) -> Any:
    """The workflow, registered with DBOS under a name that outlives this process."""

    async def permit(job: dict[str, Any]) -> bool:
        return await dialer.permit(msgspec.convert(job, type=Job))

    async def place(tenant_id: str, attempt_id: str) -> dict[str, Any] | None:
        came = await dialer.place(tenant_id, attempt_id)
        return None if came is None else msgspec.to_builtins(came)

    async def conclude(tenant_id: str, attempt_id: str, came: dict[str, Any]) -> None:
        await dialer.conclude(tenant_id, attempt_id, msgspec.convert(came, type=Came))

    @DBOS.workflow(name="attempt", max_recovery_attempts=100)
    async def attempt(job: dict[str, Any]) -> None:
        tenant_id, attempt_id = job["tenant_id"], job["attempt_id"]
        if not await DBOS.run_step_async(_again("permit"), permit, job):
            return
        came = await DBOS.run_step_async({"name": "place"}, place, tenant_id, attempt_id)
        if came is not None:
            await DBOS.run_step_async(_again("conclude"), conclude, tenant_id, attempt_id, came)

    return attempt


def _again(name: str) -> StepOptions:
    """A step that is tried again when the record cannot be reached."""
    return {"name": name, "retries_allowed": True, "max_attempts": STEP_TRIES, "interval_seconds": 1.0}

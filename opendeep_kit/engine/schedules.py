"""Starts scheduled notebooks, each in its own process, and closes runs that were killed.

Given the record, looks at it once per tick. Whatever was missed, because the service was down or the last run was still
going, is made up for by a single run. Runs outlive a control process that dies: their rows say whether they are alive.
Never reads a notebook.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from opendeep_kit.campaigns.cron import next_due
from opendeep_kit.child_process import Child
from opendeep_kit.config import Settings, service_environment
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.record import runs
from opendeep_kit.record.database import Database
from opendeep_kit.record.runs import NewRun, RunState, Schedule

MOST_AT_ONCE = 4
"""Notebooks that one control process runs at a time, about 200 MB each; others wait their turn."""
BEAT_S = 3.0
"""Between two signs of a run."""
SILENT_S = 30.0
"""A run silent for this long was killed."""
CLOSE_EACH_S = 5.0
END_WITHIN_S = 5.0
"""A run that does not end within this time after being told to is killed."""
STOPPED = "the service was stopped while it ran"


class Schedules:
    """The runs that this control process started."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._running: dict[str, tuple[NewRun, Child]] = {}
        self._beginning: set[asyncio.Task[None]] = set()
        self._watching: set[asyncio.Task[None]] = set()
        self._close_at = 0.0

    async def look(self) -> None:
        """Start what is due, close what gives no sign.

        Raises:
            Unavailable: the record cannot be reached now.
        """
        await self._close_silent()
        for schedule in await asyncio.to_thread(runs.due_schedules, self._database, now=datetime.now(UTC)):
            if len(self._running) >= MOST_AT_ONCE:
                break
            # Not broken off between the row and its process, whenever the tick is.
            await asyncio.shield(_kept(self._beginning, self._begin(schedule)))

    async def stop(self) -> None:
        """End the runs of this process, and say so in their rows. To be called when nothing looks any more."""
        await asyncio.gather(*self._beginning, return_exceptions=True)
        await asyncio.gather(*(self._end(run, process) for run, process in self._running.values()))
        await asyncio.gather(*self._watching)

    async def _begin(self, schedule: Schedule) -> None:
        now = datetime.now(UTC)
        run = new_run(schedule.tenant_id, schedule.notebook, schedule.parameters, name=schedule.schedule_id, at=now)
        error = ""
        following: datetime | None = None
        try:
            following = next_due(schedule.cron, time_zone=schedule.time_zone, after=now)
        except BadInput as wrong:
            error = f"it is not run again: {wrong}"
        if not await asyncio.to_thread(self._start, schedule, run, following, now):
            return
        if error:
            await self._finish(run, RunState.FAILED, error)
            return
        try:
            process = await carry_out_elsewhere(self._settings, run)
        except Unavailable as failed:
            await self._finish(run, RunState.FAILED, str(failed))
            return
        log().info("= a scheduled notebook runs", run_id=run.run_id, pid=process.pid)
        self._running[run.run_id] = (run, process)
        _kept(self._watching, self._watch(run, process))

    def _start(self, schedule: Schedule, run: NewRun, following: datetime | None, now: datetime) -> bool:
        """False: another control process did, or it cannot be."""
        try:
            return runs.start_due(self._database, schedule, run, next_run_at=following, now=now)
        except BadInput as wrong:  # the clock was set back: it was run for this time
            log().error("! a scheduled run cannot begin and is left out", run_id=run.run_id, what=wrong.what)
            runs.save_schedule(self._database, replace(schedule, next_run_at=following), now=now)
            return False

    async def _watch(self, run: NewRun, process: Child) -> None:
        """It closes its own row; one that could not is closed here, with what became of it."""
        status = await process.ended()
        self._running.pop(run.run_id, None)
        state, error = what_became_of(status)
        await self._finish(run, state, error)
        if status:
            log().warning("! a scheduled notebook did not come to its end", run_id=run.run_id, status=status)

    async def _end(self, run: NewRun, process: Child) -> None:
        await self._finish(run, RunState.KILLED, STOPPED)
        await process.stop(within_s=END_WITHIN_S)

    async def _close_silent(self) -> None:
        moment = asyncio.get_running_loop().time()
        if moment < self._close_at:
            return
        self._close_at = moment + CLOSE_EACH_S
        now = datetime.now(UTC)
        for run in await asyncio.to_thread(runs.close_silent, self._database, now=now, silent_s=SILENT_S):
            log().warning("! a notebook's run gave no sign and is closed", run_id=run.run_id)

    async def _finish(self, run: NewRun, state: RunState, error: str) -> None:
        try:
            await asyncio.to_thread(
                runs.finish, self._database, run.tenant_id, run.run_id, state, error=error, now=datetime.now(UTC)
            )
        except Unavailable as down:  # it gives no sign any more, and is closed for that
            log().warning("! a run's end cannot be written down now", run_id=run.run_id, what=down.what)


def _kept(tasks: set[asyncio.Task[None]], work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """The work as a task that is not forgotten while it lasts."""
    task = asyncio.create_task(work)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task


def new_run(tenant_id: str, notebook: str, parameters: Mapping[str, Any], *, name: str, at: datetime) -> NewRun:
    """A run about to begin, with where its report will lie.

    Args:
        name: of the schedule, or of the notebook; part of the report's name.
    """
    said = re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:40] or "run"
    run_id = f"{tenant_id}_{said}_{at.astimezone(UTC):%Y%m%dT%H%M%SZ}_{uuid4().hex[:6]}"
    return NewRun(
        run_id=run_id,
        tenant_id=tenant_id,
        notebook=notebook,
        parameters=dict(parameters),
        output_notebook=f"{tenant_id}/{run_id}.ipynb",
        output_html=f"{tenant_id}/{run_id}.html",
    )


async def carry_out_elsewhere(settings: Settings, run: NewRun) -> Child:
    """Run the notebook of this row in a process that closes the row itself.

    Raises:
        Unavailable: the machine starts no further process.
    """
    words = ["carry-out", run.run_id, "--tenant", run.tenant_id]
    process = Child("notebook's run", words, service_environment(_from_any_folder(settings)), outlives_us=True)
    await process.begin()
    return process


def what_became_of(status: int) -> tuple[RunState, str]:
    """What a run's process that ended so leaves to say, if it did not say it itself."""
    if status < 0:
        with contextlib.suppress(ValueError):
            return RunState.KILLED, f"its process was killed ({signal.Signals(-status).name})"
    return RunState.FAILED, f"its process ended with status {status} before it said why"


def _from_any_folder(settings: Settings) -> Settings:
    """A notebook runs in its own folder, where what lies below this one is named in full.

    What is simulated is its own as well: the service's own voice model is at a port that is taken.
    """
    asterisk, store = settings.asterisk, settings.store
    asterisk = asterisk.model_copy(
        update={"folder": asterisk.folder.absolute(), "run_dir": settings.asterisk_dir.absolute()}
    )
    kind, separator, path = (store.url or "").partition(":///")
    if kind.startswith("sqlite") and separator:
        store = store.model_copy(update={"url": f"{kind}:///{Path(path).absolute()}"})
    changed = {"data_dir": settings.data_dir.absolute(), "asterisk": asterisk, "store": store}
    changed["rehearsal"] = settings.rehearsal.model_copy(update={"realtime_port": 0, "callees_port": 0})
    if settings.voice.provider == "local":
        changed["voice"] = settings.voice.model_copy(update={"base_url": None})
    return settings.model_copy(update=changed)

"""Runs a campaign from a notebook: opens it, makes sure that a service places the calls, and follows it to its end.

Given contacts, a script and rules, returns how the campaign stands. The service places the calls: the one running on
this record, or one of the notebook's own. Run again after an interruption, it continues.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opendeep_kit.campaigns.capacity import WorkerState
from opendeep_kit.campaigns.contacts import RefusedRow
from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.child_process import Child
from opendeep_kit.config import Settings, lab_settings, service_environment
from opendeep_kit.engine import campaign_service
from opendeep_kit.engine.blocked_by import UNREACHED, held_by
from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.lab import call_tables
from opendeep_kit.lab.campaign_opening import BY, Wanted, open_campaign
from opendeep_kit.lab.own_thread import OwnThread, ProgressBar, Work
from opendeep_kit.lab.workbench import Script, script_from
from opendeep_kit.line_choice import LineName
from opendeep_kit.record import attempts, call_commands, campaigns, directory, hour_groups, workers
from opendeep_kit.record.call_commands import CommandKind
from opendeep_kit.record.counters import Counts
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.tenants import DEFAULT_TENANT

if TYPE_CHECKING:
    import pandas as pd

LOOK_S = 0.5
MINUTES = 50
"""A cell of a report may take an hour."""
END_WITHIN_S = 30.0
"""For a service of the notebook's own, beyond the time that it may drain."""
SHOWN_REFUSED = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignRun:
    """How a campaign stood when it was over, or when it was not followed any further."""

    campaign: str
    state: TaskState
    reason: str
    """Of its last move."""
    counts: Counts
    next_at: datetime | None
    """When the first of those who wait is due."""
    added: int
    """Contacts that this run brought in."""
    refused: tuple[RefusedRow, ...]
    """Rows that cannot be called; the first of them."""
    held: str = ""
    """Why those who are due are not called as things are, with what to do; empty: they are."""

    @property
    def is_over(self) -> bool:
        """Whether nobody is called any more."""
        return self.state not in (TaskState.RUNNING, TaskState.PAUSED)

    @property
    def told(self) -> str:
        """In a sentence."""
        if self.held:
            return f"Campaign {self.campaign} waits, {self.counts.waiting} to go: {self.held}. Then run this again."
        if self.state is TaskState.RUNNING:
            due = "" if self.next_at is None else f", the first is due at {self.next_at:%d %b %H:%M} UTC"
            waiting = f"{self.counts.waiting} waiting{due}"
            return f"Campaign {self.campaign} goes on: {waiting}. Run this again, or `opendeep up`."
        return f"Campaign {self.campaign} is {self.state}: {self.reason}."

    def _repr_html_(self) -> str:
        counts = self.counts
        figures = [
            (f"{counts.final:,}", "contacts done", f"{counts.waiting + counts.claimed:,} to go"),
            (f"{counts.attempts:,}", "calls", "in this campaign so far"),
            (f"{self.added:,}", "new contacts", f"{len(self.refused)} rows refused"),
        ]
        rows = [(str(row.line), escape(row.reason)) for row in self.refused[:SHOWN_REFUSED]]
        refused = call_tables.table((">line", "is not called because"), rows) if rows else ""
        return f'<div style="{call_tables.FONT}">{escape(self.told)}</div>{call_tables.figure_row(figures)}{refused}'


def run_campaign(
    contacts: Path | str | pd.DataFrame,
    script: Script,
    *,
    campaign: str,
    data_dir: Path | str | None = None,
    tenant: str = DEFAULT_TENANT,
    rules: Mapping[str, Any] | Path | str = "",
    once: bool = True,
    limit: int = 0,
    parallel: int = 2,
    consent: str = "",
    line: LineName | str = LineName.SIMULATOR,
    own_service: bool = True,
    minutes: float = MINUTES,
    settings: Settings | None = None,
) -> Work[CampaignRun]:
    """Make the campaign of this id, or go on with it, and follow it until it is over.

    Args:
        contacts: a CSV or Parquet file, or a table: number, the script's facts, perhaps time_zone.
        rules: windows, holidays, caps, retries …, or a JSON file of them; what is not said are the defaults:
            09:00–20:00 on the callee's clock, any hour for made-up numbers.
        once: everybody is called once; else by the rules of calling again.
        limit: at most this many contacts; 0: all.
        parallel: calls at the same time.
        consent: where it is on file that all of them agreed to be called.
        line: of the notebook's own service; one that runs already has its own.
        own_service: start one while none runs; else wait for it.
        minutes: follow it for at most this long.

    Raises:
        BadInput: something of it is wrong; nobody is called. Told when it is awaited where the record says so.
    """
    if line not in list(LineName):
        raise BadInput(f"there is no line {str(line)!r}", do=f"choose one of: {', '.join(LineName)}")
    chosen = lab_settings(data_dir, settings)
    wanted = Wanted(
        campaign_id=campaign,
        tenant_id=tenant,
        contacts=Path(contacts) if isinstance(contacts, str) else contacts,
        script=script_from(script),
        rules=rules if isinstance(rules, Mapping) else _rules_in(rules),
        once=once,
        limit=limit,
        parallel=parallel,
        consent=consent,
    )
    progress = ProgressBar("calls", 0)
    until = datetime.now(UTC) + timedelta(minutes=minutes)
    following = _Following(chosen, wanted, LineName(line) if own_service else None, progress, until)
    return Work(_thread().start(following.run()), progress)


class _Following:
    """One campaign, from its opening to its end."""

    def __init__(
        self, settings: Settings, wanted: Wanted, own_line: LineName | None, progress: ProgressBar, until: datetime
    ) -> None:
        self._settings = settings
        self._wanted = wanted
        self._own_line = own_line
        """None: no service of our own."""
        self._own: Child | None = None
        self._progress = progress
        self._until = until

    async def run(self) -> CampaignRun:
        """Follow it to its end."""
        database = await asyncio.to_thread(open_database, self._settings.store_url)
        try:
            await asyncio.to_thread(directory.ensure_default_tenant, database, now=datetime.now(UTC))
            came = await asyncio.to_thread(open_campaign, database, self._wanted, now=datetime.now(UTC))
            async with AsyncExitStack() as stack:
                run = await asyncio.to_thread(self._look, database, came)
                try:
                    while self._goes_on(run):
                        await self._see_to_a_service(database, stack)
                        await asyncio.sleep(LOOK_S)
                        run = await asyncio.to_thread(self._look, database, came)
                except asyncio.CancelledError:
                    if self._own is not None:
                        await asyncio.to_thread(self._hang_up, database)
                    raise
                self._progress.doing[0] = "ending"
            return await asyncio.to_thread(self._look, database, came)
        finally:
            database.close()

    def _look(self, database: Database, came: campaign_service.Imported | None) -> CampaignRun:
        tenant_id, campaign_id = self._wanted.tenant_id, self._wanted.campaign_id
        row, counts = campaign_service.status(database, tenant_id, campaign_id)
        held = "" if counts.claimed else self._held(database, row)
        if held:
            # Who was due may be in a call by now.
            row, counts = campaign_service.status(database, tenant_id, campaign_id)
        self._progress.done = counts.final
        self._progress.total = counts.waiting + counts.claimed + counts.final
        self._progress.doing[0] = f"{counts.claimed} in a call"
        return CampaignRun(
            campaign=campaign_id,
            state=TaskState(row.state),
            reason=campaigns.moves_of(database, tenant_id, campaign_id)[-1].reason,
            counts=counts,
            next_at=hour_groups.next_due_at(database, tenant_id, campaign_id),
            added=came.added if came else 0,
            refused=tuple(came.report.first_refused) if came else (),
            held="" if counts.claimed else held,
        )

    def _held(self, database: Database, row: Campaign) -> str:
        """Why nobody who is due can be called by the line that there is; empty: somebody can."""
        now, within_s = datetime.now(UTC), self._settings.service.control_dead_after_s
        why = held_by(row, workers.controls_alive(database, now=now, within_s=within_s))
        return why if why == UNREACHED else ""

    def _hang_up(self, database: Database) -> None:
        """End the campaign's live calls: nobody waits for them, and the service is about to end."""
        for row in attempts.open_attempts(database):
            if (row.tenant_id, row.campaign_id) == (self._wanted.tenant_id, self._wanted.campaign_id):
                with contextlib.suppress(Refused):  # it has just ended
                    now, reason = datetime.now(UTC), "the campaign's run was interrupted"
                    hang_up = partial(call_commands.give, kind=CommandKind.HANG_UP, argument=reason, by=BY, now=now)
                    hang_up(database, row.tenant_id, row.attempt_id)

    def _goes_on(self, run: CampaignRun) -> bool:
        """Whether there is still something to wait for."""
        if run.held or run.state is not TaskState.RUNNING or datetime.now(UTC) >= self._until:
            return False
        # With nobody in a call and nobody waiting, its end is about to be written down.
        return run.counts.claimed > 0 or run.next_at is None or run.next_at < self._until

    async def _see_to_a_service(self, database: Database, stack: AsyncExitStack) -> None:
        if self._own is not None:
            self._own.check()
            return
        if await asyncio.to_thread(self._is_served, database):
            return
        if self._own_line is None:
            self._progress.doing[0] = "no service runs: `opendeep up`"
            return
        self._progress.doing[0] = "starting a service"
        words, environment = ["up", "--line", self._own_line], service_environment(self._settings)
        # Its log is not the notebook's: its last words are reported when it ends.
        self._own = Child("service that the notebook started", words, environment, on_line=lambda _: None)
        stack.push_async_callback(self._own.stop, within_s=self._settings.service.drain_s + END_WITHIN_S)
        await self._own.begin()

    def _is_served(self, database: Database) -> bool:
        service, now = self._settings.service, datetime.now(UTC)
        controls = workers.controls_alive(database, now=now, within_s=service.control_dead_after_s)
        media = workers.alive(database, now=now, within_s=service.worker_dead_after_s)
        return bool(controls) and any(worker.state is WorkerState.SERVING for worker in media)


def _rules_in(path: Path | str) -> Mapping[str, Any]:
    """What the file says; nothing without a name.

    Raises:
        BadInput: it cannot be read.
    """
    if not str(path):
        return {}
    try:
        rules = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BadInput(f"the rules in {path} cannot be read", do="give a JSON file, or leave it out") from None
    if not isinstance(rules, dict):
        raise BadInput(f"{path} contains no rules", do='write {"windows": {"mon-fri": "09:00-20:00"}}')
    return rules


@cache
def _thread() -> OwnThread:
    """Campaigns are followed in one thread; it lasts as long as the notebook."""
    return OwnThread("opendeep-campaigns")

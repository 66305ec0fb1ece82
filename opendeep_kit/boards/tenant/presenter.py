"""Presents one tenant: limits, money, the do-not-call list, schedules and runs.

Given a tenant's record, fills the board with what is that tenant's alone; of the installation's own
do-not-call list it is only told whether it forbids a number. Never changes a limit: that is the operator's.
"""

from __future__ import annotations

from pathlib import Path

from opendeep_kit.boards.board import Act, Ticker
from opendeep_kit.boards.presenter import TenantRecord, epoch_ms, money, named, unknown_action
from opendeep_kit.boards.tenant.board import BudgetRow, DncRow, LimitRow, RunRow, ScheduleRow, TenantBoard, TenantView
from opendeep_kit.campaigns.model import AttemptCaps, TenantLimits
from opendeep_kit.errors import BadInput
from opendeep_kit.numbers import is_e164
from opendeep_kit.record import campaigns, counters, dnc, runs
from opendeep_kit.record.dnc import DncEntry
from opendeep_kit.record.runs import Run, Schedule
from opendeep_kit.tenants import Tenant

LOOK_S = 3.0
SHOWN_ENTRIES, SHOWN_RUNS = 50, 12
NO_CAMPAIGN = ""


class TenantPresenter:
    """One person's view of the tenant."""

    def __init__(self, record: TenantRecord) -> None:
        self._database = record.database
        self._tenant = record.tenant
        self._reports = record.settings.reports_dir
        self._clock = record.clock
        self._sought = ""
        self._seen: tuple[int, str] = (-1, "")
        """The list's version and what was sought when it was last read."""
        self._entries: list[DncEntry] = []
        self.board = TenantBoard(self._act)
        self.ticker = Ticker(self.refresh, every_s=LOOK_S)

    def refresh(self) -> bool:
        """Look again. False: that failed; the board says why and keeps what it showed."""
        return self.board.look(self._look)

    def _look(self) -> None:
        now = self._clock()
        view = self._view()
        self.board.show(view, as_of_ms=epoch_ms(now))

    def _view(self) -> TenantView:
        tenant_id = self._tenant.tenant_id
        limits = campaigns.limits_of(self._database, tenant_id)
        with self._database.read() as connection:
            _, used = counters.money(connection, tenant_id, NO_CAMPAIGN)
        self._read_entries()
        answer, is_listed = self._answer()
        return TenantView(
            name=self._tenant.display_name,
            tenant_id=tenant_id,
            limits=_limits(limits, self._tenant),
            budgets=_budgets(limits, used),
            sought=self._sought,
            answer=answer,
            is_listed=is_listed,
            entries=tuple(_entry(row) for row in self._entries[:SHOWN_ENTRIES]),
            has_more=len(self._entries) > SHOWN_ENTRIES,
            schedules=tuple(_schedule(row) for row in runs.schedules_of(self._database, tenant_id)),
            runs=tuple(_run(row, self._reports) for row in runs.runs_of(self._database, tenant_id, limit=SHOWN_RUNS)),
        )

    def _read_entries(self) -> None:
        """A long list is read again only when it changed."""
        tenant_id = self._tenant.tenant_id
        seen = (dnc.version_of(self._database, tenant_id), self._sought)
        if seen != self._seen:
            self._entries = dnc.newest_entries(
                self._database, tenant_id, beginning=self._sought, limit=SHOWN_ENTRIES + 1
            )
            self._seen = seen

    def _answer(self) -> tuple[str, bool]:
        """What the lists say of the number sought, and whether one forbids it."""
        if not is_e164(self._sought):
            return "", False
        answer = dnc.look_up(self._database, self._tenant.tenant_id, self._sought)
        forbidden = []
        if answer.tenant is not None:
            forbidden.append(f"your list forbids it ({answer.tenant})")
        if answer.everyone is not None:
            forbidden.append(f"the installation’s list forbids it ({answer.everyone})")
        return f"{self._sought}: {' and '.join(forbidden) or 'on no do-not-call list'}", bool(forbidden)

    # ---- actions ------------------------------------------------------------------------------------

    def _act(self, act: Act) -> str:
        words = ""
        match act.what:
            case "search":
                self._sought = _digits(act.on)
            case "add":
                words = self._add(_digits(act.on), act.text.strip(), named(act.by))
            case "remove":
                words = self._remove(act.on, act.text.strip(), named(act.by))
            case _:
                raise unknown_action()
        self.refresh()
        return words

    def _add(self, entry: str, reason: str, by: str) -> str:
        if not reason:
            raise BadInput("the reason is missing", do="write a reason beside the number")
        now = self._clock()
        new = DncEntry(entry=entry, reason=reason, source="dashboard", added_by=by, added_at=now)
        is_new, waited = dnc.forbid(self._database, self._tenant.tenant_id, new)
        outcome = f"{entry} is not called any more" if is_new else f"{entry} was on the list already"
        return f"{outcome}; waiting calls cancelled: {waited}." if waited else f"{outcome}."

    def _remove(self, entry: str, reason: str, by: str) -> str:
        if not reason:
            raise BadInput("the reason is missing", do="write beside the button why the number may be called again")
        now = self._clock()
        is_gone = dnc.remove(self._database, self._tenant.tenant_id, entry, reason=reason, by=by, now=now)
        return f"{entry} may be called again; why is kept." if is_gone else f"{entry} is not on your list."


def _digits(written: str) -> str:
    """The number without what people write between digits."""
    return "".join(written.translate(dict.fromkeys(map(ord, "()-./ "))).split())


def _limits(limits: TenantLimits, tenant: Tenant) -> tuple[LimitRow, ...]:
    flow = limits.flow
    rate = "no limit" if flow.calls_per_s is None else f"{flow.calls_per_s * 60:g} a minute"
    return (
        LimitRow(name="Calls at a time", value="no limit" if flow.max_live is None else str(flow.max_live)),
        LimitRow(name="Calls placed", value=rate),
        LimitRow(name="One number", value=_caps(limits.caps), note="over all campaigns"),
        LimitRow(
            name="Consent",
            value="must be on file" if limits.needs_consent else "is not asked for",
        ),
        LimitRow(name="Caller ids", value=", ".join(limits.caller_ids) or "the trunk’s own"),
        LimitRow(name="Recordings are kept", value=f"{limits.retention_days} days"),
        LimitRow(name="Time zone", value=tenant.time_zone, note="callees are called by their own clocks"),
    )


def _caps(caps: AttemptCaps) -> str:
    parts = [
        f"{count} {words}"
        for count, words in (
            (caps.per_day, "a day"),
            (caps.per_24_h, "in 24 hours"),
            (caps.lifetime, "ever"),
        )
        if count is not None
    ]
    return ", ".join(parts) or "no limit"


def _budgets(limits: TenantLimits, used: dict[str, int]) -> tuple[BudgetRow, ...]:
    wanted = sorted({*used, *([limits.budget.currency] if limits.budget else [])})
    rows = []
    for currency in wanted:
        spent = used.get(currency, 0)
        budget = limits.budget.minor if limits.budget and limits.budget.currency == currency else None
        rows.append(
            BudgetRow(
                currency=currency,
                used=money(spent, currency),
                budget="" if budget is None else money(budget, currency),
                share=spent / budget if budget else 0.0,
            )
        )
    return tuple(rows)


def _entry(entry: DncEntry) -> DncRow:
    return DncRow(
        entry=entry.entry,
        reason=entry.reason,
        source=entry.source,
        by=entry.added_by,
        at_ms=epoch_ms(entry.added_at),
        said=entry.utterance or "",
    )


def _schedule(schedule: Schedule) -> ScheduleRow:
    return ScheduleRow(
        name=schedule.schedule_id,
        when=f"{schedule.cron} {schedule.time_zone}",
        notebook=schedule.notebook,
        next_ms=None if schedule.next_run_at is None else epoch_ms(schedule.next_run_at),
        is_paused=schedule.is_paused,
    )


def _run(run: Run, reports: Path) -> RunRow:
    took = None if run.ended_at is None else (run.ended_at - run.started_at).total_seconds()
    page = reports / run.output_html
    by = f"by {run.schedule_id}" if run.schedule_id else "by hand"
    return RunRow(
        notebook=run.notebook,
        state=run.state,
        started_ms=epoch_ms(run.started_at),
        seconds=took,
        note=run.error or by,
        page=str(page) if run.output_html and page.is_file() else "",
    )

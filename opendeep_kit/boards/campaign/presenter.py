"""Presents campaigns: how each goes, and a manager's start, pause, resume and stop.

Given a tenant's record, fills the board with that tenant's campaigns alone. Never places a call: the running
service sees what was moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from opendeep_kit.boards.board import Act, Bar, Ticker
from opendeep_kit.boards.campaign.board import CampaignBoard, CampaignRow, CampaignView, Fuse, Step
from opendeep_kit.boards.campaign.figures import MOST_DUE, campaign_now
from opendeep_kit.boards.presenter import TenantRecord, epoch_ms, moment, money, named, unknown_action
from opendeep_kit.campaigns import breaker
from opendeep_kit.campaigns.breaker import Blame
from opendeep_kit.campaigns.lifecycle import TRANSITIONS, TaskFact, TaskState
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.engine import campaign_moves
from opendeep_kit.engine.blocked_by import held_by
from opendeep_kit.outcomes import Disposition
from opendeep_kit.record import campaigns, counters, workers
from opendeep_kit.record.counters import Counts
from opendeep_kit.record.hour_groups import next_due_at

MOVES = {
    "start": TaskFact.STARTED,
    "pause": TaskFact.PAUSED,
    "resume": TaskFact.RESUMED,
    "stop": TaskFact.STOPPED,
}
FUSES = {Blame.LINE: "Failed through us or the network", Blame.NUMBERS: "No such number, or rejected"}
SHOWN_STEPS = 12
NOT_ANSWERED = (Disposition.NOT_REACHED, Disposition.FAILED)
NO_TALK = (*NOT_ANSWERED, Disposition.VOICEMAIL, Disposition.SILENT)


class CampaignPresenter:
    """One manager's view of the campaigns."""

    def __init__(self, record: TenantRecord) -> None:
        self._record = record
        self._database = record.database
        self._tenant_id = record.tenant_id
        self._chosen = ""
        self.board = CampaignBoard(self._act)
        self.ticker = Ticker(self.refresh)

    def refresh(self) -> bool:
        """Look again. False: that failed; the board says why and keeps what it showed."""
        return self.board.look(self._look)

    def _look(self) -> None:
        now = self._record.clock()
        rows = campaigns.campaigns_of(self._database, self._tenant_id)
        counted = {row.campaign_id: self._counts(row.campaign_id) for row in rows}
        chosen = self._choose(rows)
        view = self._view(chosen, counted[chosen.campaign_id], now) if chosen else None
        self.board.show(tuple(_row(row, counted[row.campaign_id]) for row in rows), view, as_of_ms=epoch_ms(now))

    def _counts(self, campaign_id: str) -> Counts:
        return counters.counts(self._database, self._tenant_id, campaign_id)

    def _choose(self, rows: list[Campaign]) -> Campaign | None:
        """What was chosen; else the first that runs, else the newest."""
        for row in rows:
            if row.campaign_id == self._chosen:
                return row
        running = [row for row in rows if row.state == TaskState.RUNNING]
        return next(iter([*running, *rows]), None)

    def _view(self, row: Campaign, counts: Counts, now: datetime) -> CampaignView:
        tenant_id = self._tenant_id
        history = campaigns.moves_of(self._database, tenant_id, row.campaign_id)
        since = breaker.window_start(history, row.breaker, now=now)
        ended = counters.ended_since(self._database, tenant_id, row.campaign_id, since)
        seen = campaign_now(self._database, tenant_id, row.campaign_id, now=now)
        next_at = next_due_at(self._database, tenant_id, row.campaign_id)
        with self._database.read() as connection:
            spent, _ = counters.money(connection, tenant_id, row.campaign_id)
        alive_s = self._record.settings.service.control_dead_after_s
        controls = workers.controls_alive(self._database, now=now, within_s=alive_s)
        last = history[-1] if history else None
        return CampaignView(
            campaign_id=row.campaign_id,
            name=row.name,
            state=row.state,
            script=f"{row.script_name} v{row.script_version}" if row.script_name else "no script",
            moves=_possible(row.state),
            why=f"{last.after}: {last.reason}, by {last.by}" if last else "",
            is_tripped=row.state == TaskState.PAUSED and last is not None and last.fact == TaskFact.TRIPPED,
            waiting=counts.waiting,
            claimed=counts.claimed,
            final=counts.final,
            funnel=_funnel(counts),
            outcomes=_bars(counts.outcomes),
            per_minute=seen.per_minute,
            pace=_pace(row),
            due=_due(seen.due, next_at, counts, now, self._record.tenant.time_zone),
            held=held_by(row, controls),
            fuses=_fuses(row, ended),
            refusals=_bars(seen.refusals),
            rulings=seen.rulings,
            money=_money(row, spent),
            history=tuple(
                Step(at_ms=epoch_ms(step.at), after=step.after, reason=step.reason, by=step.by)
                for step in reversed(history[-SHOWN_STEPS:])
            ),
        )

    def _act(self, act: Act) -> str:
        if act.what == "choose":
            self._chosen = act.on
            self.refresh()
            return ""
        fact = MOVES.get(act.what)
        if fact is None:
            raise unknown_action()
        by = named(act.by)
        after = campaign_moves.move(
            self._database,
            self._tenant_id,
            act.on,
            fact,
            reason=act.text.strip() or "on the dashboard",
            by=by,
            now=self._record.clock(),
        )
        self.refresh()
        return f"The campaign is {after} now."


def _row(campaign: Campaign, counts: Counts) -> CampaignRow:
    everybody = counts.waiting + counts.claimed + counts.final
    share = counts.final / everybody if everybody else 0.0
    return CampaignRow(
        campaign_id=campaign.campaign_id, name=campaign.name, state=campaign.state, done_share=round(share, 4)
    )


def _possible(state: TaskState) -> tuple[str, ...]:
    """Buttons that lead somewhere else."""
    known = TRANSITIONS[state]
    return tuple(name for name, fact in MOVES.items() if known.get(fact, state) is not state)


def _bars(amounts: Mapping[str, int]) -> tuple[Bar, ...]:
    """The largest first."""
    ordered = sorted(amounts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Bar(name=name, amount=amount) for name, amount in ordered)


def _funnel(counts: Counts) -> tuple[Bar, ...]:
    """Attempts by how far they came; empty when there were none."""
    if not counts.attempts:
        return ()
    outcomes = counts.outcomes
    steps = {
        "attempts": counts.attempts,
        "answered": counts.attempts - sum(outcomes.get(name, 0) for name in NOT_ANSWERED),
        "talked": counts.attempts - sum(outcomes.get(name, 0) for name in NO_TALK),
        "completed": outcomes.get(Disposition.COMPLETED, 0),
    }
    return tuple(
        Bar(name=name, amount=amount, note="" if name == "attempts" else f"{amount / counts.attempts:.0%}")
        for name, amount in steps.items()
    )


def _pace(campaign: Campaign) -> str:
    flow = campaign.flow
    limits = []
    if flow.max_live is not None:
        limits.append(f"at most {flow.max_live} at a time")
    if flow.calls_per_s is not None:
        limits.append(f"{flow.calls_per_s * 60:g} a minute")
    return ", ".join(limits) or "as fast as tenant and lines allow"


def _due(due: int, next_at: datetime | None, counts: Counts, now: datetime, time_zone: str) -> str:
    if due:
        return f"{'at least ' if due >= MOST_DUE else ''}{due:,} due now"
    if next_at is not None:
        return f"next due {moment(next_at, now, time_zone)}"
    return "the last calls are under way" if counts.claimed else "nobody waits"


def _fuses(campaign: Campaign, ended: breaker.Ended) -> tuple[Fuse, ...]:
    return tuple(
        Fuse(
            name=FUSES[side.blame],
            share=side.share,
            limit=side.limit,
            calls=side.calls,
            min_calls=campaign.breaker.min_calls,
        )
        for side in breaker.sides(campaign.breaker, ended)
    )


def _money(campaign: Campaign, spent: dict[str, int]) -> str:
    if campaign.budget is None:
        return ", ".join(f"{money(minor, currency)} spent" for currency, minor in sorted(spent.items()) if minor)
    used = spent.get(campaign.budget.currency, 0)
    return f"{money(used, campaign.budget.currency)} of {money(campaign.budget.minor, campaign.budget.currency)} spent"

"""`opendeep status`, `why` and `upkeep`: how the service is, why a number may be called, and the nightly chores now.

Given settings, reads the record and prints. Only `upkeep` changes anything: it archives closed days and deletes what is
past its retention. A host that only holds sound must run it daily, because its recordings are local.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.commands.options import now, record, say, say_rows
from opendeep_kit.engine import campaign_service
from opendeep_kit.engine.blocked_by import held_by
from opendeep_kit.engine.upkeep import keep_up
from opendeep_kit.numbers import e164
from opendeep_kit.record import attempts, campaigns, counters, directory, ledger, workers
from opendeep_kit.record.database import Database
from opendeep_kit.settings import NO_TRUNK, ServiceSettings

SHOWN = (TaskState.READY, TaskState.RUNNING, TaskState.PAUSED)


def show_status(*, as_json: bool, data: Path | None) -> int:
    """Print the service's health. Returns 1 when no calls can be placed: no control process or media worker lives."""
    with record(data) as (database, settings):
        status = health(database, settings.service, now=now())
    lines = [
        f"service   {'serving' if status['is_serving'] else 'not serving: run `opendeep up`'}",
        *(
            f"control   {control['control_id']} on {control['host']}, seen {control['seen_s']:.0f} s ago"
            f"{'' if control['reaches_people'] else f', its line reaches made-up numbers only: {NO_TRUNK}'}"
            for control in status["controls"]
        ),
        *(_media_line(worker) for worker in status["media_workers"]),
        f"calls     {status['live_calls']} live",
        *([f"held      no call is placed: {status['bound_by']}"] if status["bound_by"] else []),
        *(_campaign_line(campaign) for campaign in status["campaigns"]),
    ]
    say(as_json, status, "\n".join(lines))
    return 0 if status["is_serving"] else 1


def health(database: Database, settings: ServiceSettings, *, now: datetime) -> dict[str, Any]:
    """The service at a glance."""
    media = workers.alive(database, now=now, within_s=settings.worker_dead_after_s)
    controls = workers.controls_alive(database, now=now, within_s=settings.control_dead_after_s)
    planner = workers.planner(controls)
    live = attempts.open_attempts(database)
    running = []
    for row in campaigns.all_campaigns(database, SHOWN):
        counts = counters.counts(database, row.tenant_id, row.campaign_id)
        running.append(
            {
                "tenant": row.tenant_id,
                "campaign": row.campaign_id,
                "state": row.state,
                "waiting": counts.waiting,
                "in_a_call": counts.claimed,
                "done": counts.final,
                "outcomes": dict(counts.outcomes),
                "held_by": held_by(row, controls),
            }
        )
    return {
        "is_serving": bool(media and controls),
        "controls": [
            {
                "control_id": control.control_id,
                "host": control.host,
                "reaches_people": control.reaches_people,
                "seen_s": (now - control.seen_at).total_seconds(),
            }
            for control in controls
        ],
        "media_workers": [
            {
                "worker_id": worker.worker_id,
                "host": worker.host,
                "port": worker.port,
                "state": worker.state.value,
                "capacity": worker.capacity,
                "live_calls": worker.live_calls,
                "loop_lag_ms": worker.loop_lag_ms,
                "gap_share": worker.gap_share,
                "provider_carries": worker.provider_carries,
                "provider_blocked_until": worker.provider_blocked_until,
                "seen_s": (now - worker.seen_at).total_seconds(),
            }
            for worker in media
        ],
        "bound_by": planner.bound_by if planner else "",
        "live_calls": len(live),
        "live_by_trunk": dict(Counter(attempt.trunk_id for attempt in live)),
        "campaigns": running,
    }


def _media_line(worker: dict[str, Any]) -> str:
    return (
        f"media     {worker['worker_id']} {worker['state']} at {worker['host']}:{worker['port']}, "
        f"{worker['live_calls']} of {worker['capacity']} calls, loop {worker['loop_lag_ms']:.0f} ms late, "
        f"{worker['gap_share']:.2%} gaps{_provider(worker)}"
    )


def _campaign_line(campaign: dict[str, Any]) -> str:
    held = f"; held: {campaign['held_by']}" if campaign["held_by"] else ""
    return (
        f"campaign  {campaign['tenant']}/{campaign['campaign']}: {campaign['state']}, {campaign['waiting']} waiting, "
        f"{campaign['in_a_call']} in a call, {campaign['done']} done{held}"
    )


def _provider(worker: dict[str, Any]) -> str:
    """What the voice model's provider told this worker of our limits."""
    if worker["provider_blocked_until"] is not None:
        return f", refused by the voice model until {worker['provider_blocked_until']:%H:%M:%S} UTC"
    return "" if worker["provider_carries"] is None else f", the voice model carries {worker['provider_carries']} calls"


def show_why(number: str, campaign: str, *, tenant: str, as_json: bool, data: Path | None) -> None:
    """Print why a number may or may not be called now, and what was decided about it before."""
    with record(data) as (database, settings):
        row = directory.tenant(database, tenant)
        written = e164(number, row.default_region if row else "US")
        within_s = settings.service.control_dead_after_s
        living = workers.controls_alive(database, now=now(), within_s=within_s)
        reaches_people = any(control.reaches_people for control in living) or settings.asterisk.leads_to_people
        lines = campaign_service.explained(
            database, tenant, campaign, written, settings.service, reaches_people=reaches_people, now=now()
        )
        past = ledger.permissions_of(database, tenant, number=written, campaign_id=campaign, limit=10)
    rows = [
        {
            "at": permission.at,
            "is_allowed": permission.is_allowed,
            "rule": permission.rule,
            "words": permission.words,
            "call_id": permission.attempt_id,
        }
        for permission in past
    ]
    before = [
        f"  {row['at']:%Y-%m-%d %H:%M:%S}  {'yes' if row['is_allowed'] else 'no '}  {row['words']}" for row in rows
    ]
    text = "\n".join([*lines, *(["Decided before:", *before] if before else [])])
    say(as_json, {"number": written, "campaign": campaign, "lines": lines, "ledger": rows}, text)


def run_upkeep(*, as_json: bool, data: Path | None) -> int:
    """Archive and delete what is due, and print a line per tenant. Returns 1 when a tenant's upkeep failed."""
    with record(data) as (database, settings):
        done = keep_up(database, settings, now=now())
    rows = [
        {
            "tenant": upkeep.tenant_id,
            "days_archived": upkeep.days,
            "calls_archived": upkeep.calls,
            "keeps_from": upkeep.keeps_from,
            "calls_dropped": upkeep.forgotten.rows,
            "recordings_deleted": upkeep.forgotten.recordings,
            "reports_deleted": upkeep.reports,
            "contacts_emptied": upkeep.contacts,
            "failure": upkeep.failure,
        }
        for upkeep in done
    ]
    say_rows(as_json, rows, title="Upkeep", nothing="there are no tenants")
    return int(any(upkeep.failure for upkeep in done))

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
    """Print the service's health. Returns 1 when nothing can be called: no control process or no media worker lives."""
    with record(data) as (database, settings):
        found = health(database, settings.service, now=now())
    lines = [
        f"service   {'serving' if found['is_serving'] else 'not serving: run `opendeep up`'}",
        *(
            f"control   {one['control_id']} on {one['host']}, seen {one['seen_s']:.0f} s ago"
            f"{'' if one['reaches_people'] else f', its line reaches made-up numbers only: {NO_TRUNK}'}"
            for one in found["controls"]
        ),
        *(
            f"media     {one['worker_id']} {one['state']} at {one['host']}:{one['port']}, {one['live_calls']} of "
            f"{one['capacity']} calls, loop {one['loop_lag_ms']:.0f} ms late, {one['gap_share']:.2%} gaps{_said(one)}"
            for one in found["media_workers"]
        ),
        f"calls     {found['live_calls']} live",
        *([f"held      no call is placed: {found['bound_by']}"] if found["bound_by"] else []),
        *(
            f"campaign  {one['tenant']}/{one['campaign']}: {one['state']}, {one['waiting']} waiting, "
            f"{one['in_a_call']} in a call, {one['done']} done{_held(one)}"
            for one in found["campaigns"]
        ),
    ]
    say(as_json, found, "\n".join(lines))
    return 0 if found["is_serving"] else 1


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
                "control_id": one.control_id,
                "host": one.host,
                "reaches_people": one.reaches_people,
                "seen_s": (now - one.seen_at).total_seconds(),
            }
            for one in controls
        ],
        "media_workers": [
            {
                "worker_id": one.worker_id,
                "host": one.host,
                "port": one.port,
                "state": one.state.value,
                "capacity": one.capacity,
                "live_calls": one.live_calls,
                "loop_lag_ms": one.loop_lag_ms,
                "gap_share": one.gap_share,
                "provider_carries": one.provider_carries,
                "provider_blocked_until": one.provider_blocked_until,
                "seen_s": (now - one.seen_at).total_seconds(),
            }
            for one in media
        ],
        "bound_by": planner.bound_by if planner else "",
        "live_calls": len(live),
        "live_by_trunk": dict(Counter(one.trunk_id for one in live)),
        "campaigns": running,
    }


def _held(campaign: dict[str, Any]) -> str:
    return f"; held: {campaign['held_by']}" if campaign["held_by"] else ""


def _said(worker: dict[str, Any]) -> str:
    """What the voice model's provider told it of our limits."""
    if worker["provider_blocked_until"] is not None:
        return f", turned away by the voice model until {worker['provider_blocked_until']:%H:%M:%S} UTC"
    return "" if worker["provider_carries"] is None else f", the voice model carries {worker['provider_carries']} calls"


def show_why(number: str, campaign: str, *, tenant: str, as_json: bool, data: Path | None) -> None:
    """Print why a number may or may not be called, and what the ledger keeps of it."""
    with record(data) as (database, settings):
        kept = directory.tenant(database, tenant)
        written = e164(number, kept.default_region if kept else "US")
        within_s = settings.service.control_dead_after_s
        living = workers.controls_alive(database, now=now(), within_s=within_s)
        reaches_people = any(one.reaches_people for one in living) or settings.asterisk.leads_to_people
        lines = campaign_service.explained(
            database, tenant, campaign, written, settings.service, reaches_people=reaches_people, now=now()
        )
        past = ledger.permissions_of(database, tenant, number=written, campaign_id=campaign, limit=10)
    rows = [
        {"at": one.at, "is_allowed": one.is_allowed, "rule": one.rule, "words": one.words, "call_id": one.attempt_id}
        for one in past
    ]
    said = [f"  {row['at']:%Y-%m-%d %H:%M:%S}  {'yes' if row['is_allowed'] else 'no '}  {row['words']}" for row in rows]
    text = "\n".join([*lines, *(["Asked before:", *said] if said else [])])
    say(as_json, {"number": written, "campaign": campaign, "lines": lines, "ledger": rows}, text)


def run_upkeep(*, as_json: bool, data: Path | None) -> int:
    """Do it, and print a line for each tenant. Returns 1 when a tenant's could not be done."""
    with record(data) as (database, settings):
        done = keep_up(database, settings, now=now())
    rows = [
        {
            "tenant": one.tenant_id,
            "days_archived": one.days,
            "calls_archived": one.calls,
            "keeps_from": one.keeps_from,
            "calls_dropped": one.forgotten.rows,
            "recordings_deleted": one.forgotten.recordings,
            "reports_deleted": one.reports,
            "contacts_emptied": one.contacts,
            "failure": one.failure,
        }
        for one in done
    ]
    say_rows(as_json, rows, title="Upkeep", nothing="no tenant")
    return int(any(one.failure for one in done))

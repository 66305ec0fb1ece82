"""`opendeep campaign …`: create, import, start, pause, resume, stop, change, reopen, archive and inspect campaigns.

Given a command line, calls `engine.campaign_service` and prints. The running service (`opendeep up`) places the calls.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from opendeep_kit.campaigns.lifecycle import TaskFact, TaskState
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.campaigns.specs import parse_spec, spec_of
from opendeep_kit.commands.options import (
    DataOption,
    JsonOption,
    TenantOption,
    by,
    json_file,
    now,
    record,
    say,
    say_rows,
    time_from,
)
from opendeep_kit.config import Settings
from opendeep_kit.engine import campaign_service
from opendeep_kit.engine.blocked_by import held_by
from opendeep_kit.engine.campaign_change import CampaignChange, change
from opendeep_kit.engine.campaign_moves import move
from opendeep_kit.record import attempts, campaigns, counters, enrolments, workers
from opendeep_kit.record.counters import Counts
from opendeep_kit.record.database import Database
from opendeep_kit.tasks.script import load_script
from opendeep_kit.tenants import DEFAULT_TENANT

campaign_app = typer.Typer(no_args_is_help=True, help="Call lists of contacts, within the calling rules.")
SHOWN_REFUSED = 20
CampaignArgument = Annotated[str, typer.Argument(help="The campaign's id.")]


@campaign_app.command()
def create(
    campaign: CampaignArgument,
    script: Annotated[Path, typer.Option(help="The call script.")],
    name: Annotated[str, typer.Option(help="Display name.")] = "",
    spec: Annotated[Path | None, typer.Option(help="JSON: windows, holidays, caps, retries, budget, goal …")] = None,
    priority: Annotated[int, typer.Option(help="Higher goes first among the tenant's campaigns.")] = 0,
    weight: Annotated[float, typer.Option(help="Share of the calls among campaigns of the same priority.")] = 1.0,
    trunk: Annotated[str, typer.Option(help="The trunk to call through.")] = "default",
    starts: Annotated[
        str | None, typer.Option(help="No calls before this time, such as 2026-12-01T09:00+01:00.")
    ] = None,
    ends: Annotated[str | None, typer.Option(help="No calls from this time on.")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Create a campaign. It is a draft until it has contacts."""
    with record(data) as (database, settings):
        campaign_service.check_trunk(trunk, settings.service)
        row = campaign_service.create(
            database,
            Campaign(
                tenant_id=tenant,
                campaign_id=campaign,
                name=name,
                priority=priority,
                weight=weight,
                trunk_id=trunk,
                starts_at=time_from(starts, "--starts"),
                ends_at=time_from(ends, "--ends"),
                **parse_spec(json_file(spec)),
            ),
            load_script(script),
            by=by(),
            now=now(),
        )
    shown = f"campaign {campaign}: {row.state}, script {row.script_name} version {row.script_version}"
    say(json_, _row(row, None), shown)


@campaign_app.command("import")
def import_(
    campaign: CampaignArgument,
    contacts: Annotated[
        Path, typer.Argument(help="CSV or Parquet: number, the script's facts, and optionally time_zone.")
    ],
    consent: Annotated[str | None, typer.Option(help="Where the consent of all of them is on file.")] = None,
    refused: Annotated[Path | None, typer.Option(help="Write every refused row to this file.")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Add contacts. Each refused row is listed with its reason."""
    with record(data) as (database, settings):
        imported = campaign_service.import_contacts(
            database, tenant, campaign, contacts, consent=consent, refused_path=refused, by=by(), now=now()
        )
        warning = _consent_warning(database, settings, tenant, campaign)
    report = imported.report
    again = f" ({imported.brought_back} of them can be called again)" if imported.brought_back else ""
    lines = [f"{imported.added} added, {imported.merged} merged{again}, {report.refused} refused of {report.rows} rows"]
    lines += [f"  line {row.line}: {row.reason}" for row in report.first_refused[:SHOWN_REFUSED]]
    if report.refused > SHOWN_REFUSED:
        where = "use --refused FILE to see them all" if report.refused_path is None else f"all are in {refused}"
        lines.append(f"  … and {report.refused - SHOWN_REFUSED} more: {where}")
    lines += [f"! {warning}"] if warning else []
    shown: dict[str, Any] = {
        "rows": report.rows,
        "added": imported.added,
        "merged": imported.merged,
        "brought_back": imported.brought_back,
        "refused": report.refused,
        "refusals": [{"line": row.line, "reason": row.reason} for row in report.first_refused],
        "warning": warning,
    }
    say(json_, shown, "\n".join(lines))


def _consent_warning(database: Database, settings: Settings, tenant: str, campaign: str) -> str | None:
    reaches_people = settings.asterisk.leads_to_people
    return campaign_service.consent_warning(database, tenant, campaign, reaches_people=reaches_people, now=now())


def _mover(fact: TaskFact, meaning: str) -> Callable[..., None]:
    def command(
        campaign: CampaignArgument,
        reason: Annotated[str, typer.Option(help="Why; kept in the campaign's history.")] = "",
        tenant: TenantOption = DEFAULT_TENANT,
        json_: JsonOption = False,
        data: DataOption = None,
    ) -> None:
        who = by()
        with record(data) as (database, settings):
            why = reason or f"{who} said so"
            if fact is TaskFact.STARTED:
                after = campaign_service.start(database, tenant, campaign, reason=why, by=who, now=now())
            else:
                after = move(database, tenant, campaign, fact, reason=why, by=who, now=now())
            calls = after == TaskState.RUNNING
            warning = _consent_warning(database, settings, tenant, campaign) if calls else None
        shown = f"campaign {campaign}: {after}" + (f"\n! {warning}" if warning else "")
        say(json_, {"campaign": campaign, "state": after, "warning": warning}, shown)

    command.__doc__ = meaning
    return command


campaign_app.command("start")(_mover(TaskFact.STARTED, "Start calling, within its windows."))
campaign_app.command("pause")(_mover(TaskFact.PAUSED, "Place no more calls; live calls go on to their end."))
campaign_app.command("resume")(_mover(TaskFact.RESUMED, "Continue where it stopped."))
campaign_app.command("stop")(_mover(TaskFact.STOPPED, "End it for good."))
campaign_app.command("reopen")(
    _mover(TaskFact.REOPENED, "Turn it back into a draft; `start` continues where it stopped.")
)
campaign_app.command("archive")(_mover(TaskFact.ARCHIVED, "Make it read-only."))


@campaign_app.command("set")
def set_(
    campaign: CampaignArgument,
    name: Annotated[str | None, typer.Option(help="Display name.")] = None,
    spec: Annotated[
        Path | None, typer.Option("--spec", "--rules", help="JSON with the parts to set; null removes a part.")
    ] = None,
    goal: Annotated[int | None, typer.Option(min=1, help="Stop after this many successful calls.")] = None,
    priority: Annotated[int | None, typer.Option(help="Higher goes first among the tenant's campaigns.")] = None,
    weight: Annotated[
        float | None, typer.Option(help="Share of the calls among campaigns of the same priority.")
    ] = None,
    trunk: Annotated[str | None, typer.Option(help="The trunk to call through.")] = None,
    starts: Annotated[
        str | None, typer.Option(help="No calls before this time, such as 2026-12-01T09:00+01:00.")
    ] = None,
    ends: Annotated[str | None, typer.Option(help="No calls from this time on.")] = None,
    reason: Annotated[str, typer.Option(help="Why; kept in the campaign's history.")] = "",
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Change its rules, also while it runs; what is not given stays. A raised goal makes a finished campaign ready."""
    wanted = CampaignChange(
        name=name,
        spec=json_file(spec),
        goal=goal,
        priority=priority,
        weight=weight,
        trunk_id=trunk,
        starts_at=time_from(starts, "--starts"),
        ends_at=time_from(ends, "--ends"),
    )
    with record(data) as (database, settings):
        if trunk is not None:
            campaign_service.check_trunk(trunk, settings.service)
        row = change(database, tenant, campaign, wanted, reason=reason, by=by(), now=now())
    shown = {"spec": spec_of(row), "priority": row.priority, "weight": row.weight}
    shown |= {"starts_at": row.starts_at, "ends_at": row.ends_at}
    say(json_, _row(row, None) | shown, f"campaign {campaign}: {row.state}, its rules are set")


@campaign_app.command()
def status(
    campaign: CampaignArgument,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show its state, outcomes and history."""
    with record(data) as (database, settings):
        row, counts = campaign_service.status(database, tenant, campaign)
        within_s = settings.service.control_dead_after_s
        held = held_by(row, workers.controls_alive(database, now=now(), within_s=within_s))
        moves = campaigns.moves_of(database, tenant, campaign)
    steps = [
        {"at": step.at, "after": step.after, "fact": step.fact, "reason": step.reason, "by": step.by} for step in moves
    ]
    outcomes = ", ".join(f"{number} {name}" for name, number in counts.outcomes.items()) or "none yet"
    lines = [
        f"campaign {campaign}: {row.state}",
        f"contacts  {counts.waiting} waiting, {counts.claimed} in a call, {counts.final} done",
        f"attempts  {counts.attempts}; outcomes {outcomes}",
        *([f"held      {held}"] if held else []),
        *(f"{step['at']:%Y-%m-%d %H:%M:%S}  {step['after']}: {step['reason']} ({step['by']})" for step in steps),
    ]
    say(json_, {**_row(row, counts), "held_by": held, "moves": steps}, "\n".join(lines))


@campaign_app.command()
def outcomes(
    campaign: CampaignArgument,
    limit: Annotated[int, typer.Option(min=1, help="How many contacts at most.")] = 1000,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show the outcome of each contact so far."""
    with record(data) as (database, _):
        campaign_service.existing(database, tenant, campaign)
        people = enrolments.enrolments_of(database, tenant, campaign, limit=limit)
        last = attempts.attempts_by_id(
            database, tenant, [person.last_call_id for person in people if person.last_call_id]
        )
        counts = counters.counts(database, tenant, campaign)
    total = counts.waiting + counts.claimed + counts.final
    if total > len(people):
        typer.echo(f"the first {len(people)} of {total} contacts; see more with --limit", err=True)
    rows = []
    for person in people:
        call = last.get(person.last_call_id or "")
        rows.append(
            {
                "number": person.number,
                "state": person.state.value,
                "attempts": person.attempts,
                "outcome": person.outcome,
                "phone": call.phone_result if call else None,
                "next_at": person.next_at,
                "reason": person.final_reason,
                "call_id": person.last_call_id,
            }
        )
    if not json_:
        rows = [{name: value for name, value in row.items() if name != "call_id"} for row in rows]
    say_rows(json_, rows, title=f"campaign {campaign}", nothing="the campaign has no contacts")


@campaign_app.command("list")
def list_(tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None) -> None:
    """List the tenant's campaigns."""
    with record(data) as (database, _):
        rows = [
            _row(row, counters.counts(database, tenant, row.campaign_id))
            for row in campaigns.campaigns_of(database, tenant)
        ]
    say_rows(json_, rows, title=f"campaigns of {tenant}", nothing="there are no campaigns")


def _row(row: Campaign, counts: Counts | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "campaign": row.campaign_id,
        "name": row.name,
        "state": row.state,
        "script": f"{row.script_name} v{row.script_version}",
        "trunk": row.trunk_id,
    }
    if counts is not None:
        shown |= {"waiting": counts.waiting, "in_a_call": counts.claimed, "done": counts.final}
        shown |= {"attempts": counts.attempts, "outcomes": dict(counts.outcomes)}
    return shown

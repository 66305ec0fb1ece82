"""`opendeep campaign …`: create, fill, start, pause, resume, stop, set, reopen, archive, look.

Given a command line, calls `campaign_desk` and `campaign_moves` and prints. The running service (`opendeep up`) calls.
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

campaign_app = typer.Typer(no_args_is_help=True, help="Calls to lists of contacts, by rules.")
SHOWN_REFUSED = 20
CampaignArgument = Annotated[str, typer.Argument(help="The campaign's id.")]


@campaign_app.command()
def create(
    campaign: CampaignArgument,
    script: Annotated[Path, typer.Option(help="The call script.")],
    name: Annotated[str, typer.Option(help="For people.")] = "",
    spec: Annotated[Path | None, typer.Option(help="JSON: windows, holidays, caps, retries, budget, goal …")] = None,
    priority: Annotated[int, typer.Option(help="Among the tenant's campaigns; the higher goes first.")] = 0,
    weight: Annotated[float, typer.Option(help="Share among campaigns of one priority.")] = 1.0,
    trunk: Annotated[str, typer.Option(help="Which trunk carries it.")] = "default",
    starts: Annotated[str | None, typer.Option(help="Not before, such as 2026-12-01T09:00+01:00.")] = None,
    ends: Annotated[str | None, typer.Option(help="Not from then on.")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Make a campaign; it is a draft until it has contacts."""
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
    contacts: Annotated[Path, typer.Argument(help="CSV or Parquet: number, the script's facts, perhaps time_zone.")],
    consent: Annotated[str | None, typer.Option(help="Where it is on file that all of them agreed.")] = None,
    refused: Annotated[Path | None, typer.Option(help="Write every row that is refused to this file.")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Add contacts; every row that is not taken is told with its reason."""
    with record(data) as (database, settings):
        came = campaign_service.import_contacts(
            database, tenant, campaign, contacts, consent=consent, refused_path=refused, by=by(), now=now()
        )
        warning = _consent_warning(database, settings, tenant, campaign)
    report = came.report
    back = f" ({came.brought_back} of them may be called again, with what is known now)" if came.brought_back else ""
    lines = [f"{came.added} added, {came.merged} merged{back}, {report.refused} refused of {report.rows} rows"]
    lines += [f"  line {row.line}: {row.reason}" for row in report.first_refused[:SHOWN_REFUSED]]
    if report.refused > SHOWN_REFUSED:
        where = "name a file with --refused to see all" if report.refused_path is None else f"all are in {refused}"
        lines.append(f"  … and {report.refused - SHOWN_REFUSED} more: {where}")
    lines += [f"! {warning}"] if warning else []
    shown: dict[str, Any] = {
        "rows": report.rows,
        "added": came.added,
        "merged": came.merged,
        "brought_back": came.brought_back,
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
        reason: Annotated[str, typer.Option(help="Why, for its history.")] = "",
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
        told = f"campaign {campaign}: {after}" + (f"\n! {warning}" if warning else "")
        say(json_, {"campaign": campaign, "state": after, "warning": warning}, told)

    command.__doc__ = meaning
    return command


campaign_app.command("start")(_mover(TaskFact.STARTED, "Let it call, inside its windows."))
campaign_app.command("pause")(_mover(TaskFact.PAUSED, "Place no more calls; live ones end by themselves."))
campaign_app.command("resume")(_mover(TaskFact.RESUMED, "Go on where it was."))
campaign_app.command("stop")(_mover(TaskFact.STOPPED, "End it for good."))
campaign_app.command("reopen")(_mover(TaskFact.REOPENED, "Make it a draft again; `start` goes on where it was."))
campaign_app.command("archive")(_mover(TaskFact.ARCHIVED, "Keep it for reading only."))


@campaign_app.command("set")
def set_(
    campaign: CampaignArgument,
    name: Annotated[str | None, typer.Option(help="For people.")] = None,
    spec: Annotated[
        Path | None, typer.Option("--spec", "--rules", help="JSON: each part in it is set, null: gone.")
    ] = None,
    goal: Annotated[int | None, typer.Option(min=1, help="So many calls with the goal's outcome.")] = None,
    priority: Annotated[int | None, typer.Option(help="Among the tenant's campaigns; the higher goes first.")] = None,
    weight: Annotated[float | None, typer.Option(help="Share among campaigns of one priority.")] = None,
    trunk: Annotated[str | None, typer.Option(help="Which trunk carries it.")] = None,
    starts: Annotated[str | None, typer.Option(help="Not before, such as 2026-12-01T09:00+01:00.")] = None,
    ends: Annotated[str | None, typer.Option(help="Not from then on.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for its history.")] = "",
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Set its rules anew, also while it runs; what is not said stays. A raised goal makes a met campaign ready."""
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
    """Where it stands, its outcomes, and how it came there."""
    with record(data) as (database, settings):
        row, counts = campaign_service.status(database, tenant, campaign)
        within_s = settings.service.control_dead_after_s
        held = held_by(row, workers.controls_alive(database, now=now(), within_s=within_s))
        moves = campaigns.moves_of(database, tenant, campaign)
    steps = [
        {"at": step.at, "after": step.after, "fact": step.fact, "reason": step.reason, "by": step.by} for step in moves
    ]
    found = ", ".join(f"{number} {name}" for name, number in counts.outcomes.items()) or "none yet"
    lines = [
        f"campaign {campaign}: {row.state}",
        f"contacts  {counts.waiting} waiting, {counts.claimed} in a call, {counts.final} done",
        f"attempts  {counts.attempts}; outcomes {found}",
        *([f"held      {held}"] if held else []),
        *(f"{step['at']:%Y-%m-%d %H:%M:%S}  {step['after']}: {step['reason']} ({step['by']})" for step in steps),
    ]
    say(json_, {**_row(row, counts), "held_by": held, "moves": steps}, "\n".join(lines))


@campaign_app.command()
def outcomes(
    campaign: CampaignArgument,
    limit: Annotated[int, typer.Option(min=1, help="At most so many contacts.")] = 1000,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """What came of each contact so far."""
    with record(data) as (database, _):
        campaign_service.existing(database, tenant, campaign)
        people = enrolments.enrolments_of(database, tenant, campaign, limit=limit)
        last = attempts.attempts_by_id(database, tenant, [one.last_call_id for one in people if one.last_call_id])
        counts = counters.counts(database, tenant, campaign)
    total = counts.waiting + counts.claimed + counts.final
    if total > len(people):
        typer.echo(f"the first {len(people)} of {total} contacts; see more with --limit", err=True)
    rows = []
    for one in people:
        call = last.get(one.last_call_id or "")
        rows.append(
            {
                "number": one.number,
                "state": one.state.value,
                "attempts": one.attempts,
                "outcome": one.outcome,
                "phone": call.phone_result if call else None,
                "next_at": one.next_at,
                "reason": one.final_reason,
                "call_id": one.last_call_id,
            }
        )
    if not json_:
        rows = [{name: value for name, value in row.items() if name != "call_id"} for row in rows]
    say_rows(json_, rows, title=f"campaign {campaign}", nothing="nobody is in it")


@campaign_app.command("list")
def list_(tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None) -> None:
    """The tenant's campaigns."""
    with record(data) as (database, _):
        rows = [
            _row(row, counters.counts(database, tenant, row.campaign_id))
            for row in campaigns.campaigns_of(database, tenant)
        ]
    say_rows(json_, rows, title=f"campaigns of {tenant}", nothing="there is no campaign")


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

"""`opendeep consent …`: who agreed to be called, and where that is on file.

Given a command line, calls the record and prints. A consent that is withdrawn stays there with its end.
"""

from __future__ import annotations

from typing import Annotated

import typer

from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.commands.record import (
    DataOption,
    JsonOption,
    TenantOption,
    by,
    now,
    record,
    say,
    say_rows,
    time_from,
)
from opendeep_kit.engine import campaign_service
from opendeep_kit.errors import BadInput
from opendeep_kit.numbers import e164
from opendeep_kit.record import consents, directory
from opendeep_kit.record.campaigns import Campaign
from opendeep_kit.record.consents import Consent
from opendeep_kit.record.database import Database
from opendeep_kit.tenants import DEFAULT_TENANT

consent_app = typer.Typer(no_args_is_help=True, help="Who agreed to be called.")
NumberArgument = Annotated[str, typer.Argument(help="Whose.")]


@consent_app.command()
def add(
    number: NumberArgument,
    reference: Annotated[str, typer.Option(help="Where it is on file, such as 'form 7'.")],
    given: Annotated[str | None, typer.Option(help="Since when, such as 2026-12-01T09:00+01:00; now.")] = None,
    expires: Annotated[str | None, typer.Option(help="From then on it is none.")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Note that somebody agreed; calls that the want of it had ended wait again."""
    given_at, expires_at = time_from(given, "--given") or now(), time_from(expires, "--expires")
    if expires_at is not None and expires_at <= given_at:
        raise BadInput("the consent ends before it begins", do="give an --expires after it")
    with record(data) as (database, _):
        written = _written(database, tenant, number)
        made = Consent(number=written, reference=reference, given_at=given_at, expires_at=expires_at)
        back = campaign_service.agree(database, tenant, made, by=by(), now=now())
        where = [_told(campaign_service.existing(database, tenant, campaign)) for campaign in sorted(back)]
    shown = {"number": written, "reference": reference, "brought_back": dict(back)}
    say(json_, shown, f"noted; waits again in: {', '.join(where)}" if back else "noted")


@consent_app.command()
def withdraw(
    number: NumberArgument, tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None
) -> None:
    """End every consent of a number now."""
    with record(data) as (database, _):
        written = _written(database, tenant, number)
        ended = consents.withdraw(database, tenant, written, now=now())
    if not ended:
        raise BadInput("no consent of this number is in force", do="run `opendeep consent list`")
    say(json_, {"number": written, "withdrawn": ended}, f"{ended} withdrawn")


@consent_app.command("list")
def list_(
    number: Annotated[str | None, typer.Option(help="Only this one's.")] = None,
    after: Annotated[str, typer.Option(help="The last number of the page before.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many numbers.")] = 1000,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show who agreed, a page at a time."""
    with record(data) as (database, _):
        if number is None:
            found = consents.consents_of_all(database, tenant, after=after, limit=limit)
        else:
            found = consents.consents_of(database, tenant, _written(database, tenant, number))
    at = now()
    rows = [
        {
            "number": one.number,
            "reference": one.reference,
            "given_at": one.given_at,
            "expires_at": one.expires_at,
            "is_in_force": one.given_at <= at and (one.expires_at is None or one.expires_at > at),
        }
        for one in found
    ]
    say_rows(json_, rows, title="consents", nothing="no consent is on file")


def _told(campaign: Campaign) -> str:
    """Its id and state, and what it takes for calls to be placed."""
    do = {TaskState.READY: ": start it", TaskState.PAUSED: ": resume it"}.get(TaskState(campaign.state), "")
    return f"{campaign.campaign_id} ({campaign.state}{do})"


def _written(database: Database, tenant_id: str, number: str) -> str:
    """The number as the record keeps it."""
    tenant = directory.tenant(database, tenant_id)
    if tenant is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="run `opendeep tenant list`")
    return e164(number, tenant.default_region)

"""`opendeep tenant …`: the organisations that calls are placed for, and their limits.

Given a command line, calls the record and prints. Secrets are named, never shown.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from opendeep_kit.campaigns.model import check_zone
from opendeep_kit.campaigns.specs import limits_spec
from opendeep_kit.commands.options import DataOption, JsonOption, json_file, now, record, say, say_rows
from opendeep_kit.engine import campaign_service
from opendeep_kit.errors import BadInput
from opendeep_kit.numbers import check_region
from opendeep_kit.record import campaigns, directory
from opendeep_kit.record.database import Database
from opendeep_kit.tenants import Tenant

tenant_app = typer.Typer(no_args_is_help=True, help="Manage tenants and their limits.")
TenantArgument = Annotated[str, typer.Argument(help="The tenant's id: a-z, 0-9 and -.")]


@tenant_app.command()
def add(
    tenant: TenantArgument,
    name: Annotated[str | None, typer.Option(help="Display name, as the agent says it.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(help="IANA time zone of its reports; default for a new tenant: UTC.")
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="ISO 3166 region of numbers without a country code; default for a new tenant: US."),
    ] = None,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Add a tenant, or change its name, time zone or region; what is not given stays."""
    with record(data) as (database, _):
        before = directory.tenant(database, tenant) or Tenant(tenant_id=tenant, display_name=tenant.title())
        made = Tenant(
            tenant_id=tenant,
            display_name=name or before.display_name,
            time_zone=before.time_zone if time_zone is None else check_zone(time_zone),
            default_region=before.default_region if region is None else check_region(region),
        )
        directory.save_tenant(database, made, now=now())
        shown = _shown(database, tenant)
    say(json_, shown, f"tenant {tenant}: {made.display_name}")


@tenant_app.command("set")
def set_(
    tenant: TenantArgument,
    max_live: Annotated[int | None, typer.Option(help="Simultaneous calls.")] = None,
    calls_per_s: Annotated[float | None, typer.Option(help="Calls placed per second.")] = None,
    weight: Annotated[float | None, typer.Option(help="Share of the lines among tenants.")] = None,
    needs_consent: Annotated[
        bool | None, typer.Option("--needs-consent/--no-consent", help="Call only numbers with a consent on file.")
    ] = None,
    limits: Annotated[Path | None, typer.Option(help="JSON with any of its limits; null removes one.")] = None,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Set a tenant's limits; what is not given stays."""
    wanted = json_file(limits)
    flow = {name: value for name, value in (("max_live", max_live), ("calls_per_s", calls_per_s)) if value is not None}
    wanted |= {
        name: value for name, value in (("weight", weight), ("needs_consent", needs_consent)) if value is not None
    }
    with record(data) as (database, _):
        if flow:
            before = limits_spec(campaigns.limits_of(database, tenant)).get("flow", {})
            wanted["flow"] = {**before, **wanted.get("flow", {}), **flow}
        campaign_service.set_limits(database, tenant, wanted)
        shown = _shown(database, tenant)
    say(json_, shown, f"tenant {tenant}: {shown['limits'] or 'no limits of its own'}")


@tenant_app.command("list")
def list_(json_: JsonOption = False, data: DataOption = None) -> None:
    """List all tenants."""
    with record(data) as (database, _):
        rows = [_shown(database, row.tenant_id) for row in directory.all_tenants(database)]
    say_rows(json_, rows, title="tenants", nothing="there are no tenants")


@tenant_app.command()
def show(tenant: TenantArgument, json_: JsonOption = False, data: DataOption = None) -> None:
    """Show one tenant."""
    with record(data) as (database, _):
        shown = _shown(database, tenant)
    say(json_, shown, "\n".join(f"{name:10} {value}" for name, value in shown.items()))


def _shown(database: Database, tenant_id: str) -> dict[str, Any]:
    row = directory.tenant(database, tenant_id)
    if row is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="run `opendeep tenant list`")
    return {
        "tenant": row.tenant_id,
        "name": row.display_name,
        "time_zone": row.time_zone,
        "region": row.default_region,
        "limits": limits_spec(campaigns.limits_of(database, tenant_id)),
    }

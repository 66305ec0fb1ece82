"""`opendeep dnc …` and `opendeep consent …`: who must not be called, and who agreed to be.

Given a command line, calls the record and prints. History is never deleted: removed entries and withdrawn consents stay
with their end.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import Campaign, Consent
from opendeep_kit.commands.options import (
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
from opendeep_kit.record import consents, directory, dnc
from opendeep_kit.record.database import Database
from opendeep_kit.record.dnc import EVERYONE, DncEntry
from opendeep_kit.tenants import DEFAULT_TENANT

dnc_app = typer.Typer(no_args_is_help=True, help="Manage the do-not-call lists.")
consent_app = typer.Typer(no_args_is_help=True, help="Manage consents to be called.")
EntryArgument = Annotated[str, typer.Argument(help="A number, or a prefix such as '+1900*'.")]
NumberArgument = Annotated[str, typer.Argument(help="The callee's number.")]
EveryoneOption = Annotated[
    bool, typer.Option("--everyone", help="The installation's list, which holds for all tenants.")
]
BY_PERSON = "added by hand"


@dnc_app.command("add")
def forbid(
    entry: EntryArgument,
    reason: Annotated[str, typer.Option(help="Why.")] = BY_PERSON,
    everyone: EveryoneOption = False,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Add a number or a prefix. Its waiting calls are cancelled."""
    with record(data) as (database, _):
        list_id = EVERYONE if everyone else tenant
        written = _entry(database, tenant, entry)
        made = DncEntry(entry=written, reason=reason, source="person", added_by=by(), added_at=now())
        added, waiting = dnc.forbid(database, list_id, made)
    shown = {"entry": written, "list": list_id, "added": int(added), "cancelled": waiting}
    say(json_, shown, f"{'added' if added else 'already on the list'}; {waiting} waiting calls cancelled")


@dnc_app.command("remove")
def remove_entry(
    entry: EntryArgument,
    reason: Annotated[str, typer.Option(help="Why it may be called again.")],
    everyone: EveryoneOption = False,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Remove an entry. Its history is kept."""
    with record(data) as (database, _):
        list_id = EVERYONE if everyone else tenant
        written = _entry(database, tenant, entry)
        if not dnc.remove(database, list_id, written, reason=reason, by=by(), now=now()):
            raise BadInput("it is not on this list", do="run `opendeep dnc list`")
    say(json_, {"entry": written, "list": list_id, "removed": True}, "removed")


@dnc_app.command("import")
def import_entries(
    path: Annotated[Path, typer.Argument(help="Text file with one number or prefix per line.")],
    everyone: EveryoneOption = False,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Add a file's numbers. The first line that is neither a number nor a prefix stops the import."""
    with record(data) as (database, _):
        added = dnc.add(database, EVERYONE if everyone else tenant, _entries(database, tenant, path))
    say(json_, {"added": added}, f"{added} added")


@dnc_app.command("list")
def list_entries(
    everyone: EveryoneOption = False,
    after: Annotated[str, typer.Option(help="Last entry of the previous page.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 1000,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show a list, one page at a time."""
    with record(data) as (database, _):
        entries = dnc.entries_of(database, EVERYONE if everyone else tenant, after=after, limit=limit)
    rows = [
        {
            "entry": entry.entry,
            "reason": entry.reason,
            "source": entry.source,
            "added_at": entry.added_at,
            "by": entry.added_by,
            "call_id": entry.call_id,
            "utterance": entry.utterance,
        }
        for entry in entries
    ]
    say_rows(json_, rows, title="do not call", nothing="the list is empty")


def _entries(database: Database, tenant: str, path: Path) -> Iterator[DncEntry]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for place, line in enumerate(file, start=1):
                text = line.split("#")[0].strip()
                if not text:
                    continue
                try:
                    written = _entry(database, tenant, text)
                    yield DncEntry(entry=written, reason="imported", source=path.name, added_by=by(), added_at=now())
                except BadInput as error:
                    raise BadInput(f"{path}, line {place}: {error.what}", do=error.do) from None
    except OSError as error:
        raise BadInput(f"cannot read {path} ({error.strerror})", do="check the path") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text", do="save it as UTF-8") from None


@consent_app.command("add")
def add_consent(
    number: NumberArgument,
    reference: Annotated[str, typer.Option(help="Where the consent is on file, such as 'form 7'.")],
    given: Annotated[str | None, typer.Option(help="Valid from, such as 2026-12-01T09:00+01:00; default: now.")] = None,
    expires: Annotated[str | None, typer.Option(help="Valid until.")] = None,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Record that somebody agreed to be called. Contacts given up for lack of consent wait for a call again."""
    given_at, expires_at = time_from(given, "--given") or now(), time_from(expires, "--expires")
    if expires_at is not None and expires_at <= given_at:
        raise BadInput("the consent ends before it begins", do="give an --expires after it")
    with record(data) as (database, _):
        written = _number(database, tenant, number)
        made = Consent(number=written, reference=reference, given_at=given_at, expires_at=expires_at)
        back = campaign_service.agree(database, tenant, made, by=by(), now=now())
        where = [_described(campaign_service.existing(database, tenant, campaign)) for campaign in sorted(back)]
    shown = {"number": written, "reference": reference, "brought_back": dict(back)}
    say(json_, shown, f"recorded; waiting again in: {', '.join(where)}" if back else "recorded")


@consent_app.command("withdraw")
def withdraw_consents(
    number: NumberArgument, tenant: TenantOption = DEFAULT_TENANT, json_: JsonOption = False, data: DataOption = None
) -> None:
    """End all consents of a number now."""
    with record(data) as (database, _):
        written = _number(database, tenant, number)
        ended = consents.withdraw(database, tenant, written, now=now())
    if not ended:
        raise BadInput("this number has no valid consent", do="run `opendeep consent list`")
    say(json_, {"number": written, "withdrawn": ended}, f"{ended} withdrawn")


@consent_app.command("list")
def list_consents(
    number: Annotated[str | None, typer.Option(help="Only this number's.")] = None,
    after: Annotated[str, typer.Option(help="Last number of the previous page.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many numbers at most.")] = 1000,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show who agreed, one page at a time."""
    with record(data) as (database, _):
        if number is None:
            on_file = consents.consents_of_all(database, tenant, after=after, limit=limit)
        else:
            on_file = consents.consents_of(database, tenant, _number(database, tenant, number))
    at = now()
    rows = [
        {
            "number": consent.number,
            "reference": consent.reference,
            "given_at": consent.given_at,
            "expires_at": consent.expires_at,
            "is_in_force": consent.given_at <= at and (consent.expires_at is None or consent.expires_at > at),
        }
        for consent in on_file
    ]
    say_rows(json_, rows, title="consents", nothing="no consent is on file")


def _described(campaign: Campaign) -> str:
    """Its id and state, and what must happen before it places calls."""
    do = {TaskState.READY: ": start it", TaskState.PAUSED: ": resume it"}.get(TaskState(campaign.state), "")
    return f"{campaign.campaign_id} ({campaign.state}{do})"


def _entry(database: Database, tenant_id: str, entry: str) -> str:
    """A do-not-call entry in canonical form: a prefix as written, a number in E.164."""
    return entry if entry.endswith("*") else _number(database, tenant_id, entry)


def _number(database: Database, tenant_id: str, number: str) -> str:
    """The number in E.164, read in the tenant's region."""
    tenant = directory.tenant(database, tenant_id)
    if tenant is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="run `opendeep tenant list`")
    return e164(number, tenant.default_region)

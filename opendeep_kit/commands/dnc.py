"""`opendeep dnc …`: the do-not-call lists, a tenant's own or the whole installation's.

Given a command line, calls the record and prints. What is taken off a list is kept with its story.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from opendeep_kit.commands.record import DataOption, JsonOption, TenantOption, by, now, record, say, say_rows
from opendeep_kit.errors import BadInput
from opendeep_kit.numbers import e164
from opendeep_kit.record import directory, dnc
from opendeep_kit.record.database import Database
from opendeep_kit.record.dnc import EVERYONE, Entry
from opendeep_kit.tenants import DEFAULT_TENANT

dnc_app = typer.Typer(no_args_is_help=True, help="The do-not-call lists.")
EntryArgument = Annotated[str, typer.Argument(help="A number, or a prefix such as '+1900*'.")]
EveryoneOption = Annotated[bool, typer.Option("--everyone", help="The installation's own list, for all tenants.")]
BY_PERSON = "a person forbade the number"


@dnc_app.command()
def add(
    entry: EntryArgument,
    reason: Annotated[str, typer.Option(help="Why.")] = BY_PERSON,
    everyone: EveryoneOption = False,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Forbid a number or a prefix; calls that wait for the number are cancelled."""
    with record(data) as (database, _):
        list_id = EVERYONE if everyone else tenant
        written = _written(database, tenant, entry)
        made = Entry(entry=written, reason=reason, source="person", added_by=by(), added_at=now())
        added, waiting = dnc.forbid(database, list_id, made)
    shown = {"entry": written, "list": list_id, "added": int(added), "cancelled": waiting}
    say(json_, shown, f"{'added' if added else 'it was there'}; {waiting} waiting calls cancelled")


@dnc_app.command()
def remove(
    entry: EntryArgument,
    reason: Annotated[str, typer.Option(help="Why it may be called again.")],
    everyone: EveryoneOption = False,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Take an entry off its list; its story is kept."""
    with record(data) as (database, _):
        list_id = EVERYONE if everyone else tenant
        written = _written(database, tenant, entry)
        if not dnc.remove(database, list_id, written, reason=reason, by=by(), now=now()):
            raise BadInput("it is not on this list", do="run `opendeep dnc list`")
    say(json_, {"entry": written, "list": list_id, "removed": True}, "removed")


@dnc_app.command("import")
def import_(
    path: Annotated[Path, typer.Argument(help="Text: a number or a prefix in each line.")],
    everyone: EveryoneOption = False,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Add a file's numbers; a line that is neither number nor prefix stops it, and says which."""
    with record(data) as (database, _):
        added = dnc.add(database, EVERYONE if everyone else tenant, _entries(database, tenant, path))
    say(json_, {"added": added}, f"{added} added")


@dnc_app.command("list")
def list_(
    everyone: EveryoneOption = False,
    after: Annotated[str, typer.Option(help="The last entry of the page before.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 1000,
    tenant: TenantOption = DEFAULT_TENANT,
    json_: JsonOption = False,
    data: DataOption = None,
) -> None:
    """Show a list, a page at a time."""
    with record(data) as (database, _):
        found = dnc.entries_of(database, EVERYONE if everyone else tenant, after=after, limit=limit)
    rows = [
        {
            "entry": one.entry,
            "reason": one.reason,
            "source": one.source,
            "added_at": one.added_at,
            "by": one.added_by,
            "call_id": one.call_id,
            "utterance": one.utterance,
        }
        for one in found
    ]
    say_rows(json_, rows, title="do not call", nothing="the list is empty")


def _entries(database: Database, tenant: str, path: Path) -> Iterator[Entry]:
    try:
        with path.open(encoding="utf-8-sig") as file:
            for place, line in enumerate(file, start=1):
                text = line.split("#")[0].strip()
                if not text:
                    continue
                try:
                    written = _written(database, tenant, text)
                    yield Entry(entry=written, reason="imported", source=path.name, added_by=by(), added_at=now())
                except BadInput as error:
                    raise BadInput(f"{path}, line {place}: {error.what}", do=error.do) from None
    except OSError as error:
        raise BadInput(f"cannot read {path} ({error.strerror})", do="check the path") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text", do="save it as UTF-8") from None


def _written(database: Database, tenant_id: str, entry: str) -> str:
    """The entry as the list keeps it."""
    if entry.endswith("*"):
        return entry
    tenant = directory.tenant(database, tenant_id)
    return e164(entry, tenant.default_region if tenant else "US")

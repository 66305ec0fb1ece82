"""What commands on the record share: opening it, common options, and the two ways of printing.

Given a command's result, prints it for a person, or as JSON for a machine. Never holds logic of a command.
"""

from __future__ import annotations

import contextlib
import getpass
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from opendeep_kit.config import Settings, load_settings
from opendeep_kit.errors import BadInput
from opendeep_kit.record import directory
from opendeep_kit.record.database import Database, open_database

TenantOption = Annotated[str, typer.Option("--tenant", help="The tenant.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DataOption = Annotated[Path | None, typer.Option("--data", help="Data folder: database and recordings.")]


@contextlib.contextmanager
def record(data: Path | None) -> Iterator[tuple[Database, Settings]]:
    """Open the record that the settings name; the default tenant exists in it."""
    settings = load_settings(**({"data_dir": data} if data is not None else {}))
    database = open_database(settings.store_url)
    try:
        directory.ensure_default_tenant(database, now=now())
        yield database, settings
    finally:
        database.close()


def by() -> str:
    """Who gives the command, for the history."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return "operator"


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def say(as_json: bool, data: Any, text: str) -> None:
    """Print `data` as JSON, or `text`."""
    typer.echo(json.dumps(data, indent=2, default=str, ensure_ascii=False) if as_json else text)


def say_rows(as_json: bool, rows: Sequence[Mapping[str, Any]], *, title: str, nothing: str) -> None:
    """Print rows as a table, or as a list of objects."""
    if as_json or not rows:
        say(as_json, list(rows), nothing)
        return
    table = Table(title=title, title_justify="left")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*("-" if value is None else escape(str(value)) for value in row.values()))
    Console(highlight=False).print(table)


def json_file(path: Path | None) -> dict[str, Any]:
    """The object in a JSON file; empty without a path.

    Raises:
        BadInput: it cannot be read, or holds no JSON object.
    """
    if path is None:
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read {path} ({error.strerror})", do="check the path") from None
    except ValueError as error:
        raise BadInput(f"{path} is not JSON ({error})", do="correct the file") from None
    if not isinstance(data, dict):
        raise BadInput(f"{path} holds no JSON object", do='write {"windows": …}')
    return data


def time_from(text: str | None, name: str) -> datetime | None:
    """The time that a person wrote.

    Raises:
        BadInput: it is no time, or has no UTC offset.
    """
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{name} {text!r} is not a time", do="write it as 2026-12-01T09:00+01:00") from None
    if at.tzinfo is None:
        raise BadInput(f"{name} has no UTC offset", do="write it as 2026-12-01T09:00+01:00")
    return at

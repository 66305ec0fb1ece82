"""`opendeep demo`: calls everybody in a contacts file, a few at a time, and prints what came of it.

Given settings, contacts and a script, prints a table and the places where everything lies. Never retries: campaigns
do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from opendeep_kit import events
from opendeep_kit.app import Service, open_service
from opendeep_kit.call_floor import CallOutcome, CallRequest
from opendeep_kit.campaigns.contacts import Contact, Contacts, read_contacts
from opendeep_kit.config import Settings
from opendeep_kit.errors import BadInput, OpenDeepError
from opendeep_kit.insight.latency import percentile, turns
from opendeep_kit.lab.reports import execute_report
from opendeep_kit.line_choice import LineName
from opendeep_kit.record import directory
from opendeep_kit.record.database import utc_now
from opendeep_kit.tasks.script import CallScript, load_script
from opendeep_kit.tenants import DEFAULT_TENANT

CAMPAIGN = "demo"
WIDE = 100
"""Characters; a narrower terminal's table leaves the recordings out (the JSON has them)."""
UNSEEN_WIDTH = 120
"""Where there is no terminal: a log file."""
REPORT = Path("notebooks/report.ipynb")
"""In the checkout, as the contacts and the script."""


async def run_demo(
    settings: Settings, contacts_path: Path, script_path: Path, *, line: LineName, parallel: int, json_path: Path | None
) -> int:
    """Call everybody. Returns 0 when every contact got an outcome.

    Raises:
        BadInput: the script, the contacts or the place for the JSON is wrong; nothing was called.
    """
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=UNSEEN_WIDTH)
    script = load_script(script_path)
    contacts = read_contacts(contacts_path, needs=script.task.facts)
    if not contacts.accepted:
        raise BadInput(f"{contacts_path} contains nobody who can be called", do=_first_reason(contacts))
    if json_path is not None:
        _check_writable(json_path)
    for row in contacts.refused:
        console.print(f"[yellow]{contacts_path}, line {row.line} is not called:[/] {escape(row.reason)}")
    async with contextlib.AsyncExitStack() as stack:
        with console.status("starting the voice model and the telephones"):
            service = await stack.enter_async_context(open_service(settings, line=line))
        outcomes = await _call_all(service, script, contacts.accepted, parallel, console)
    results = [_row(contact, outcome) for contact, outcome in zip(contacts.accepted, outcomes, strict=True)]
    totals = _totals([outcome for outcome in outcomes if outcome is not None], len(contacts.accepted))
    _print(console, results, totals, settings)
    if json_path is not None:
        _write_json(json_path, {"calls": results, "totals": totals})
        console.print(f"results      {json_path}")
    await asyncio.to_thread(_leave_report, console, settings)
    return 0 if totals["without_outcome"] == 0 else 1


def _leave_report(console: Console, settings: Settings) -> None:
    """The report beside the data. Without it the demo's result stands all the same."""
    folder = settings.data_dir.resolve()
    try:
        with console.status("writing the report"):
            report = execute_report(
                REPORT, {"data_dir": str(folder), "campaign": CAMPAIGN}, settings.data_dir / "report"
            )
    except OpenDeepError as error:
        console.print(f"[yellow]no report:[/] {escape(str(error))}")
    else:
        console.print(f"report       {report.page}\nnotebook     {report.notebook}")


def _check_writable(path: Path) -> None:
    """Before anybody is called: afterwards the results would be lost."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        with path.open("a", encoding="utf-8"):
            pass
        if is_new:
            path.unlink()
    except OSError as error:
        raise BadInput(f"the results cannot be written to {path} ({error.strerror})", do="name another file") from None


def _write_json(path: Path, data: dict[str, Any]) -> None:
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


async def _call_all(
    service: Service, script: CallScript, contacts: list[Contact], parallel: int, console: Console
) -> list[CallOutcome | None]:
    version = await service.save_script(script)
    people = [_person(contact) for contact in contacts]
    await asyncio.to_thread(
        directory.save_contacts, service.database, DEFAULT_TENANT, people, campaign=CAMPAIGN, now=utc_now()
    )
    gate = asyncio.Semaphore(parallel)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )

    async def one(contact: Contact) -> CallOutcome | None:
        request = CallRequest(
            number=contact.number,
            script=script,
            script_version=version,
            task_id=script.name,
            contact_id=_person(contact).contact_id,
            facts=contact.facts,
            campaign=CAMPAIGN,
        )
        async with gate:
            task = bar.add_task(f"  {contact.name}: dialling", total=None)
            try:
                return await service.floor.call(
                    request, watch=lambda event: bar.update(task, description=_doing(contact, event) or None)
                )
            except OpenDeepError as error:
                console.print(f"[red]{escape(contact.name)}: {escape(str(error))}[/]")
                return None
            finally:
                bar.remove_task(task)
                bar.advance(whole)

    with bar:
        whole = bar.add_task("calls", total=len(contacts))
        return list(await asyncio.gather(*(one(contact) for contact in contacts)))


def _person(contact: Contact) -> Contact:
    """As the record keeps it: by an id of the demo's own, so that no campaign's contact is changed by it."""
    return Contact(contact_id=f"{CAMPAIGN}-{contact.contact_id}", number=contact.number)


def _doing(contact: Contact, event: events.Event) -> str:
    match event:
        case events.Answered():
            return f"  {contact.name}: answered"
        case events.AgentSaid(heard=text) | events.CalleeSaid(text=text) if text:
            return f"  {contact.name}: {text[:60]}"
    return ""


def _row(contact: Contact, outcome: CallOutcome | None) -> dict[str, Any]:
    row: dict[str, Any] = {"contact": contact.name, "number": contact.number, "call_id": None, "recording": None}
    if outcome is None:
        return row | {"phone_result": None, "disposition": None}
    summary = asdict(outcome.summary)
    return row | summary | {"call_id": outcome.call_id, "recording": str(outcome.recording or "") or None}


def _totals(outcomes: list[CallOutcome], contacts: int) -> dict[str, Any]:
    waits = [turn.voice_to_voice_ms for outcome in outcomes for turn in turns(outcome.events)]
    stops = [stop for outcome in outcomes for stop in outcome.summary.barge_in_stops_ms]
    lines = {event.line for outcome in outcomes for event in outcome.events if isinstance(event, events.Dialled)}
    media = [event for outcome in outcomes for event in outcome.events if isinstance(event, events.MediaMeasured)]
    return {
        "contacts": contacts,
        "line": ", ".join(sorted(lines)),
        "without_outcome": contacts - len(outcomes),
        "voice_to_voice_p50_ms": percentile(waits, 0.5),
        "voice_to_voice_p95_ms": percentile(waits, 0.95),
        "barge_ins": len(stops),
        "barge_in_stop_p95_ms": percentile(stops, 0.95),
        "frames_sent": sum(event.frames_sent for event in media),
        "slots_skipped": sum(event.slots_skipped for event in media),
    }


def _print(console: Console, results: list[dict[str, Any]], totals: dict[str, Any], settings: Settings) -> None:
    table = Table(
        title="What came of the calls",
        caption="s: seconds since the answer; wait: voice to voice p50 in ms; cuts: the callee spoke over the agent",
    )
    for heading in ("contact", "phone", "disposition"):
        table.add_column(heading, no_wrap=True)
    table.add_column("answers", overflow="fold", min_width=16)
    for heading in ("s", "turns", "wait", "cuts"):
        table.add_column(heading, justify="right", no_wrap=True)
    if console.width >= WIDE:
        table.add_column("recording", no_wrap=True)
    for row in results:
        if row["disposition"] is None:
            table.add_row(escape(row["contact"]), "-", "[red]none[/]")
            continue
        answers = ", ".join(f"{name}={value}" for name, value in row["answers"].items())
        recording = f"{row['call_id'][:8]}…" if row["recording"] and row["duration_ms"] else "-"
        table.add_row(
            escape(row["contact"]),
            str(row["phone_result"]),
            str(row["disposition"]),
            escape(answers) or "-",
            f"{row['duration_ms'] / 1000:.0f}",
            str(row["turns"]),
            _ms(row["voice_to_voice_p50_ms"]),
            str(row["barge_ins"]),
            *([recording] if console.width >= WIDE else []),
        )
    console.print(table)
    console.print(
        f"voice to voice p50 {_ms(totals['voice_to_voice_p50_ms'])} ms, p95 {_ms(totals['voice_to_voice_p95_ms'])} ms; "
        f"{totals['barge_ins']} barge-ins, the agent stopped within {_ms(totals['barge_in_stop_p95_ms'])} ms (p95); "
        f"{totals['slots_skipped']} of {totals['frames_sent']} frames skipped"
    )
    console.print(f"line         {totals['line']}")
    console.print(
        f"database     {settings.store_url.removeprefix('sqlite:///')}\nrecordings   {settings.recordings_dir}"
    )


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _first_reason(contacts: Contacts) -> str:
    first = contacts.refused[0] if contacts.refused else None
    return f"line {first.line}: {first.reason.rstrip(chr(46))}" if first else "add some rows"

"""`opendeep demo`: calls everybody in a contacts file, a few at a time, and prints what came of it.

Given settings, contacts and a script, runs a campaign of its own with a service of its own, prints a table and the
places where everything lies. Everybody is called once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from opendeep_kit import events
from opendeep_kit.campaigns.contacts import Contact, Contacts, read_contacts
from opendeep_kit.campaigns.lifecycle import TaskFact, TaskState
from opendeep_kit.campaigns.retries import OutcomeKind
from opendeep_kit.config import Settings
from opendeep_kit.engine.campaign_moves import move
from opendeep_kit.errors import BadInput, OpenDeepError
from opendeep_kit.insight.analysis import Summary, summarise
from opendeep_kit.insight.latency import percentile, turns
from opendeep_kit.lab.campaign_run import CampaignRun, run_campaign
from opendeep_kit.lab.own_thread import Work
from opendeep_kit.lab.reports import execute_report
from opendeep_kit.line_choice import LineName
from opendeep_kit.numbers import masked
from opendeep_kit.record import attempts, campaigns, counters, directory, enrolments
from opendeep_kit.record.database import Database, open_database, utc_now
from opendeep_kit.record.event_log import read_events
from opendeep_kit.tasks.script import CallScript, load_script
from opendeep_kit.tenants import DEFAULT_TENANT

CAMPAIGN = "demo"
"""The first; a later one in the same folder is called `demo-2` and so on."""
_IS_DEMO = re.compile(r"demo(-[0-9]+)?")
ONCE: dict[str, Any] = {"rules": {kind.value: None for kind in OutcomeKind}, "max_callbacks": 0}
"""Who asks to be called back waits for nobody: the demo's service ends with it."""
MINUTES, LOOK_S = 240.0, 0.5
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
    with contextlib.closing(await asyncio.to_thread(open_database, settings.store_url)) as database:
        directory.ensure_default_tenant(database, now=utc_now())
        campaign = await asyncio.to_thread(_new_campaign, database)
        work = run_campaign(
            contacts_path,
            script,
            campaign=campaign,
            settings=settings,
            parallel=parallel,
            rules={"retries": ONCE},
            line=line,
            minutes=MINUTES,
        )
        run = await _watched(console, database, campaign, contacts.accepted, work)
        if not run.is_over:
            console.print(f"[yellow]{escape(run.told)}[/]")
        called = [_called(database, settings, campaign, contact, script) for contact in contacts.accepted]
    results = [_row(call) for call in called]
    totals = _totals(called)
    _print(console, results, totals, settings)
    if json_path is not None:
        _write_json(json_path, {"calls": results, "totals": totals})
        console.print(f"results      {json_path}")
    await asyncio.to_thread(_leave_report, console, settings, campaign)
    return 0 if totals["without_outcome"] == 0 else 1


def _leave_report(console: Console, settings: Settings, campaign: str) -> None:
    """The report beside the data. Without it the demo's result stands all the same."""
    folder = settings.data_dir.resolve()
    try:
        with console.status("writing the report"):
            report = execute_report(
                REPORT, {"data_dir": str(folder), "campaign": campaign}, settings.data_dir / "report"
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


# ---- the campaign -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Called:
    """A contact and what came of the call."""

    contact: Contact
    call_id: str | None = None
    summary: Summary | None = None
    """None: nobody was called."""
    happened: tuple[events.Event, ...] = ()
    recording: Path | None = None
    refused: str = ""
    """By which words of the rules nobody was called."""


def _new_campaign(database: Database) -> str:
    """An id that no campaign has; what an interrupted demo left is stopped: nobody else is called for it."""
    taken = {row.campaign_id: row for row in campaigns.campaigns_of(database, DEFAULT_TENANT)}
    for name, row in taken.items():
        if _IS_DEMO.fullmatch(name) and row.state in (TaskState.READY, TaskState.RUNNING, TaskState.PAUSED):
            reason = "another demo begins"
            move(database, DEFAULT_TENANT, name, TaskFact.STOPPED, reason=reason, by=CAMPAIGN, now=utc_now())
    return next(name for name in chain([CAMPAIGN], (f"{CAMPAIGN}-{n}" for n in count(2))) if name not in taken)


async def _watched(
    console: Console, database: Database, campaign: str, contacts: list[Contact], work: Work[CampaignRun]
) -> CampaignRun:
    """Wait for its end, and show what is said meanwhile."""
    names = {contact.number: contact.name for contact in contacts}
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    shown: dict[str, TaskID] = {}

    async def follow() -> None:
        whole = bar.add_task("starting a service", total=len(contacts))
        while True:
            done, doing = await asyncio.to_thread(_look, database, campaign)
            for call_id in [call_id for call_id in shown if call_id not in doing]:
                bar.remove_task(shown.pop(call_id))
            for call_id, (number, text) in doing.items():
                words = f"  {names.get(number, masked(number))}: {text}"
                if call_id in shown:
                    bar.update(shown[call_id], description=words)
                else:
                    shown[call_id] = bar.add_task(words, total=None)
            bar.update(whole, completed=done, description="calls" if done or doing else "starting a service")
            await asyncio.sleep(LOOK_S)

    with bar:
        following = asyncio.create_task(follow(), name="follow-demo")
        try:
            return await work
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


def _look(database: Database, campaign: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """How many contacts are done; and of each live call, by its id, the number and what is being said."""
    live = [row for row in attempts.open_attempts(database) if row.campaign_id == campaign]
    doing = {row.attempt_id: (row.number, _doing(read_events(database, row.tenant_id, row.attempt_id))) for row in live}
    return counters.counts(database, DEFAULT_TENANT, campaign).final, doing


def _doing(happened: Sequence[events.Event]) -> str:
    for event in reversed(happened):
        match event:
            case events.AgentSaid(heard=text) | events.CalleeSaid(text=text) if text:
                return text[:60]
            case events.Answered():
                return "answered"
    return "dialling"


def _called(database: Database, settings: Settings, campaign: str, contact: Contact, script: CallScript) -> _Called:
    """As the record has it."""
    tried = attempts.attempts_of(database, DEFAULT_TENANT, campaign_id=campaign, number=contact.number, limit=1)
    if not tried or tried[0].state in attempts.OPEN:
        who = enrolments.enrolment(database, DEFAULT_TENANT, campaign, contact.number)
        return _Called(contact=contact, refused=(who.final_reason or "") if who is not None else "")
    happened = tuple(read_events(database, DEFAULT_TENANT, tried[0].attempt_id))
    saved = [event.path for event in happened if isinstance(event, events.RecordingSaved)]
    return _Called(
        contact=contact,
        call_id=tried[0].attempt_id,
        summary=summarise(happened, script.task.required),
        happened=happened,
        recording=settings.recordings_dir / saved[-1] if saved else None,
    )


# ---- what came of it --------------------------------------------------------------------------------


def _row(called: _Called) -> dict[str, Any]:
    contact = called.contact
    row: dict[str, Any] = {"contact": contact.name, "number": contact.number, "call_id": None, "recording": None}
    if called.summary is None:
        return row | {"phone_result": None, "disposition": None, "detail": called.refused}
    where = {"call_id": called.call_id, "recording": str(called.recording or "") or None}
    return row | asdict(called.summary) | where


def _totals(called: Sequence[_Called]) -> dict[str, Any]:
    happened = [event for call in called for event in call.happened]
    waits = [turn.voice_to_voice_ms for call in called for turn in turns(call.happened)]
    stops = [stop for call in called if call.summary for stop in call.summary.barge_in_stops_ms]
    lines = {event.line for event in happened if isinstance(event, events.Dialled)}
    media = [event for event in happened if isinstance(event, events.MediaMeasured)]
    return {
        "contacts": len(called),
        "line": ", ".join(sorted(lines)),
        "without_outcome": sum(call.summary is None and not call.refused for call in called),
        "refused": sum(bool(call.refused) for call in called),
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
            table.add_row(escape(row["contact"]), "-", "[red]none[/]", escape(row["detail"]))
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

"""`opendeep rehearse`: one call against a persona, its transcript as it happens, its figures at the end.

Given settings, a script and a persona, prints to the terminal. Never holds logic of its own: notebooks use the same
`Service`.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from opendeep_kit import events
from opendeep_kit.app import open_service
from opendeep_kit.commands.rehearsed_before import print_difference
from opendeep_kit.config import Settings
from opendeep_kit.engine.by_hand import CallOutcome, CallRequest
from opendeep_kit.errors import BadInput
from opendeep_kit.insight.latency import TurnLatency, turns
from opendeep_kit.line_choice import LineName
from opendeep_kit.numbers import e164
from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import directory
from opendeep_kit.record.database import open_database
from opendeep_kit.rehearsal.personas import PERSONAS, persona
from opendeep_kit.rehearsal.public import check_language, number_of
from opendeep_kit.tasks.prompt import render
from opendeep_kit.tasks.script import load_script
from opendeep_kit.tasks.spec import TaskSpec
from opendeep_kit.tenants import DEFAULT_TENANT


def list_personas() -> None:
    """Print the personas."""
    for who in PERSONAS.values():
        Console().print(f"[bold]{who.name:15}[/] {escape(who.about)}")


async def rehearse_once(
    settings: Settings, script_path: Path, persona_name: str, facts: list[str], *, line: LineName
) -> int:
    """Rehearse once and print everything worth knowing. Returns 1 when the voice model or the line was lost.

    Raises:
        BadInput: the script, the persona or a fact is wrong.
    """
    console = Console(highlight=False)
    script = load_script(script_path)
    who = persona(persona_name)
    values = script.task.example_facts | _facts(facts, script.task)
    console.print(f"[bold]{script.name}[/] with [bold]{who.name}[/], who {escape(who.about)}\n")
    number = number_of(who.name)
    request = CallRequest(number=number, script=script, facts=values, is_rehearsal=True)
    outcome, version = await _call(console, settings, request, line)
    is_other = await asyncio.to_thread(
        print_difference, console, settings, outcome, script=script.name, version=version, number=number
    )
    console.print(f"\n{_next_step(script_path, who.name, is_other)}", soft_wrap=True)
    return 1 if outcome.summary.disposition is Disposition.FAILED else 0


def _next_step(script_path: Path, who: str, is_other: bool) -> str:
    if is_other:
        return (
            "next       `make lab`, then notebooks/01_rehearse_a_call: both versions with many personas, side by side"
        )
    return f"next       edit {script_path}, then rehearse with {who} again: what differs is told here"


async def dial_once(
    settings: Settings, number: str, script_path: Path, facts: list[str], *, line: LineName, consent: str
) -> int:
    """Place one call to this number and print it as it happens. Returns 1 when nobody was reached.

    Args:
        consent: where it is on file that the callee agreed; empty: the record's own counts.

    Raises:
        BadInput: the script, the number or a fact is wrong; nothing was dialled.
        Refused: the rules do not allow it; nothing was dialled.
    """
    console = Console(highlight=False)
    script = load_script(script_path)
    dialled = e164(number, await asyncio.to_thread(_region, settings))
    request = CallRequest(number=dialled, script=script, facts=_facts(facts, script.task), consent=consent)
    outcome, _ = await _call(console, settings, request, line)
    return 0 if outcome.summary.phone_result is PhoneResult.ANSWERED else 1


def _region(settings: Settings) -> str:
    """In which a number without a country code is read. A number that is wrong makes no record."""
    if settings.store.url is None and not settings.data_dir.is_dir():
        return "US"
    with contextlib.closing(open_database(settings.store_url)) as database:
        return directory.region(database, DEFAULT_TENANT)


async def _call(console: Console, settings: Settings, request: CallRequest, line: LineName) -> tuple[CallOutcome, int]:
    """The call, and the number of the script's version."""
    script = request.script
    render(script, request.facts)  # a fact that is missing is told before anything is started, and so is a language
    check_language(settings, script.task.language, request.number)
    async with contextlib.AsyncExitStack() as stack:
        with console.status("starting the voice model and the line"):
            service = await stack.enter_async_context(open_service(settings, line=line))
        version = await service.save_script(script)
        outcome = await service.by_hand.call(replace(request, script_version=version), watch=Terminal(console))
    _print_summary(console, outcome)
    console.print(_latency_table(turns(outcome.events)))
    path = _write_events(settings, outcome)
    console.print(f"\nrecording  {outcome.recording or 'none'}", soft_wrap=True)
    console.print(f"events     {path}\nscript     {script.name}, version {version}", soft_wrap=True)
    return outcome, version


class Terminal:
    """Prints a call as it happens."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, event: events.Event) -> None:
        text = self._text(event)
        if text:
            self._console.print(f"[dim]{event.at_ms / 1000:6.1f}s[/]  {text}")

    @staticmethod
    def _text(event: events.Event) -> str:
        match event:
            case events.Answered():
                return "[dim]answered[/]"
            case events.AgentSaid(heard=heard, meant=meant, is_cut=True):
                unheard = meant[len(heard) :].strip() if meant.startswith(heard) else meant
                return f"[cyan]agent[/]   {escape(heard)} [red]|[/] [dim strike]{escape(unheard)}[/]"
            case events.AgentSaid(heard=heard) if heard:
                return f"[cyan]agent[/]   {escape(heard)}"
            case events.CalleeSaid(text=text) if text:
                return f"[yellow]callee[/]  {escape(text)}"
            case events.ToolCalled(name=name, arguments=arguments):
                return f"[magenta]tool[/]    {escape(name)} {escape(arguments)}"
            case events.DisclosureHeard():
                return "[green]the callee has heard that an AI speaks[/]"
            case events.ModelLost(reason=reason):
                return f"[red]the voice model is lost ({escape(reason)})[/]"
            case events.ModelConnected(attempt=attempt) if attempt > 1:
                return f"[green]the voice model is back (connection {attempt})[/]"
            case events.CallEnded(ended_by=by, detail=detail):
                return f"[dim]ended by {by}{': ' + escape(detail) if detail else ''}[/]"
        return ""


def _facts(pairs: list[str], task: TaskSpec) -> dict[str, str]:
    given: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name not in task.facts:
            raise BadInput(f"the fact {pair!r} is not used", do=f"write NAME=VALUE; names: {', '.join(task.facts)}")
        given[name] = value
    return given


def _print_summary(console: Console, outcome: CallOutcome) -> None:
    summary = outcome.summary
    detail = f" ({summary.phone_result}: {escape(summary.detail)})" if not summary.duration_ms else ""
    console.print(
        f"\n[bold]{summary.disposition}[/]{detail} after {summary.duration_ms / 1000:.0f} s, {summary.turns} turns"
    )
    for question, value in summary.answers.items():
        console.print(f"  {escape(question)} = [bold]{escape(value)}[/]")
    if summary.barge_in_stops_ms:
        stops = ", ".join(f"{stop:.0f}" for stop in summary.barge_in_stops_ms)
        console.print(f"  the agent stopped {stops} ms after it was interrupted")
    console.print()


def _latency_table(latencies: list[TurnLatency]) -> Table:
    table = Table(title="From the callee's last sound to the agent's first (ms, at our socket)")
    stages = list(latencies[0].stages) if latencies else []
    for heading in ("at", *stages, "voice to voice", ""):
        table.add_column(heading, justify="right")
    for turn in latencies:
        cells = [f"{turn.stages[stage]:.0f}" for stage in stages]
        tool = "tool" if turn.has_tool else ""
        table.add_row(f"{turn.callee_stopped_ms / 1000:.1f}s", *cells, f"[bold]{turn.voice_to_voice_ms:.0f}[/]", tool)
    return table


def _write_events(settings: Settings, outcome: CallOutcome) -> Path:
    path = settings.data_dir / "rehearsals" / f"{outcome.call_id}.events.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{events.to_line(event)}\n" for event in outcome.events), encoding="utf-8")
    return path

"""Tells how a rehearsal differs from the one before it: other version, same persona.

Given settings and a call that is over, looks for the last call of another version to the same number, and prints what
came of both and which words were heard differently. Never places a call, never says which is better.
"""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from opendeep_kit.config import Settings
from opendeep_kit.engine.by_hand import CallOutcome
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.insight.differences import Pair, WordRun, differences
from opendeep_kit.insight.transcript import transcript
from opendeep_kit.lab.past_calls import PastCalls
from opendeep_kit.lab.placed_call import PlacedCall

_BEFORE = """
SELECT call_id FROM calls
WHERE script_name = $script AND number = $number AND script_version <> $version AND state = 'ended' AND is_answered
ORDER BY created_at DESC LIMIT 1"""


def print_difference(
    console: Console, settings: Settings, outcome: CallOutcome, *, script: str, version: int, number: str
) -> bool:
    """Print it; False when there is no other version to compare with."""
    earlier = call_before(settings, script=script, version=version, number=number)
    if earlier is None:
        return False
    old, new = f"version {earlier.script_version}", f"version {version}"
    table = Table(title=f"{new} beside the last call of {old}, same persona")
    for heading in ("", "outcome", "seconds", "turns", "reply p50", "cuts"):
        table.add_column(heading, justify="left" if heading in ("", "outcome") else "right")
    table.add_row(old, *_figures(earlier.summary))
    table.add_row(new, *_figures(outcome.summary))
    console.print(table)
    changed = [pair for pair in differences(earlier.lines, transcript(outcome.events)) if not pair.is_same]
    for pair in changed:
        _print_pair(console, pair)
    if not changed:
        console.print("[dim]both callees heard the same words[/]")
    console.print("[dim]waits vary from call to call: one call of each says little about them[/]")
    console.print(f"before     {earlier.recording or 'none'}", soft_wrap=True)
    return True


def call_before(settings: Settings, *, script: str, version: int, number: str) -> PlacedCall | None:
    """The last answered call of another version of this script to this number."""
    with PastCalls.open(settings.data_dir) as past:
        ids = past.df(_BEFORE, script=script, version=version, number=number)["call_id"].to_list()
        return past.call(str(ids[0])) if ids else None


def _figures(summary: Summary) -> tuple[str, ...]:
    wait = summary.voice_to_voice_p50_ms
    return (
        str(summary.disposition),
        f"{summary.duration_ms / 1000:.0f}",
        str(summary.turns),
        "-" if wait is None else f"{wait:.0f} ms",
        str(summary.barge_ins),
    )


def _print_pair(console: Console, pair: Pair) -> None:
    for sign, line, runs, style in (
        ("-", pair.before, pair.before_runs, "red"),
        ("+", pair.after, pair.after_runs, "green"),
    ):
        if line is not None:
            console.print(f"[{style}]{sign}[/] [dim]{line.speaker}[/] {_marked(runs, style)}")


def _marked(runs: tuple[WordRun, ...], style: str) -> str:
    return " ".join(f"[{style}]{escape(run.text)}[/]" if run.is_changed else escape(run.text) for run in runs)

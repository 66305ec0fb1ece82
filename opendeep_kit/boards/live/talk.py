"""The running talk of one call, as a supervisor follows it. A fold over the events so far. Pure.

Given what happened up to now, returns the lines that were said with what happened between them, the waits, and who
speaks at this moment. Never waits for the end of a call, never reads the record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opendeep_kit import events
from opendeep_kit.boards.live.board import TalkLine
from opendeep_kit.events import Event
from opendeep_kit.insight.latency import barge_ins, percentile, turns
from opendeep_kit.insight.transcript import Utterance, transcript
from opendeep_kit.widgets.call_marks import Mark, MarkKind, marks

LONGEST_NOTE = 140
"""Characters: a tool may return a page."""
STEPPED_IN = {
    "hang_up": "hung up",
    "say": "had said",
    "coach": "told the agent",
    "take_over": "took over",
    "transfer": "transferred the callee",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTalk:
    """The talk so far."""

    lines: tuple[TalkLine, ...]
    speaking: str
    """`agent`, `callee`; empty: nobody."""
    gap_p50_ms: float | None
    gap_worst_ms: float | None
    barge_ins: int


def running_talk(happened: Sequence[Event]) -> RunningTalk:
    """What there is to follow in these events."""
    waits = {turn.sounded_ms: turn.voice_to_voice_ms for turn in turns(happened)}
    said = [_line(line, waits) for line in transcript(happened)]
    noted = [TalkLine(at_ms=mark.at_ms, speaker="note", text=_noted(mark)) for mark in marks(happened)]
    gaps = list(waits.values())
    return RunningTalk(
        lines=tuple(sorted((*said, *noted, *_stepped_in(happened)), key=lambda line: line.at_ms)),
        speaking=_speaking(happened),
        gap_p50_ms=percentile(gaps, 0.5),
        gap_worst_ms=max(gaps, default=None),
        barge_ins=len(barge_ins(happened)),
    )


def _noted(mark: Mark) -> str:
    """In a line; the words of the disclosure stand in the line before."""
    if not mark.detail or mark.kind is MarkKind.DISCLOSURE:
        return mark.label
    detail = mark.detail if len(mark.detail) <= LONGEST_NOTE else f"{mark.detail[:LONGEST_NOTE]}…"
    return f"{mark.label}: {detail}"


def _line(line: Utterance, waits: dict[float, float]) -> TalkLine:
    unheard = line.meant
    if unheard.startswith(line.text):
        unheard = unheard[len(line.text) :].strip()
    return TalkLine(
        at_ms=line.at_ms,
        speaker=line.speaker,
        text=line.text,
        unheard=unheard,
        gap_ms=waits.get(line.at_ms) if line.speaker == "agent" else None,
    )


def _stepped_in(happened: Sequence[Event]) -> list[TalkLine]:
    return [
        TalkLine(
            at_ms=event.at_ms,
            speaker="note",
            text=f"{event.by} {STEPPED_IN.get(event.what, event.what)}"
            + (f": {event.argument}" if event.argument else ""),
        )
        for event in happened
        if isinstance(event, events.Supervised)
    ]


def _speaking(happened: Sequence[Event]) -> str:
    """Whoever began to sound last and has not stopped."""
    agent = callee = None
    for event in happened:
        match event:
            case events.AgentSoundStarted(item_id=item_id, first_sound_ms=at):
                agent = (item_id, at)
            case events.AgentSaid(item_id=item_id) if agent is not None and agent[0] == item_id:
                agent = None
            case events.CalleeSoundStarted(at_ms=at):
                callee = at
            case events.CalleeSoundStopped() | events.CallEnded():
                callee = None
            case _:
                pass
    if agent is not None and (callee is None or agent[1] > callee):
        return "agent"
    return "callee" if callee is not None else ""

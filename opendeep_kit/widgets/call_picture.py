"""What there is to see of one call: turns, reply gaps, barge-ins, what was heard of each sentence, and marks beneath.

Given a call's events and the length of its recording, returns plain data that a widget draws and a report prints.
Never reads a file, never knows HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from opendeep_kit import events
from opendeep_kit.insight.latency import TurnLatency, barge_ins, percentile, turns
from opendeep_kit.insight.transcript import transcript

SLOW_MS = 1200.0
"""A longer wait is painted orange: callees begin to say "hello?"."""
SHORTEST_MS = 200.0
"""A line whose end was not seen is shown this long."""
LONGEST_DETAIL = 400
"""Characters; a tool may return a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordlessSound:
    """One stretch of speech of which no words are known."""

    begin_ms: float
    end_ms: float
    speaker: str
    """`agent` or `callee`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenLine:
    """One utterance, as heard, and what was meant but not heard."""

    begin_ms: float
    end_ms: float
    speaker: str
    """`agent` or `callee`."""
    heard: str
    unheard: str = ""
    """The rest of what the agent meant to say."""
    wait_ms: float | None = None
    """How long the callee had waited for it; None: it is no reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """The callee waited from `begin_ms` to `end_ms`."""

    begin_ms: float
    """The callee's last sound."""
    end_ms: float
    """The agent's first sound."""
    is_slow: bool
    has_tool: bool
    stages: dict[str, float]
    """Where the milliseconds went, see `insight.latency`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The callee spoke over the agent, who talked on until `end_ms`."""

    begin_ms: float
    end_ms: float


class MarkKind(StrEnum):
    """How a mark is painted."""

    LINE = "line"
    """The telephone line: answered, ended, keys."""
    TOOL = "tool"
    """The model used a tool."""
    FAILED_TOOL = "failed_tool"
    """A tool failed or ran out of time."""
    DISCLOSURE = "disclosure"
    """The callee had heard that an AI speaks."""
    ANSWER = "answer"
    """A question was answered."""
    WISH = "wish"
    """The callee wants another time, a human, or never to be called again."""
    TROUBLE = "trouble"
    """The voice model was lost or erred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One happening."""

    at_ms: float
    kind: MarkKind
    label: str
    """A word or two."""
    detail: str = ""
    """One line more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadlineFigure:
    """One figure of the headline."""

    name: str
    value: str
    is_bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All there is to see of one call. Times on the call's clock, which is the recording's too."""

    call_id: str
    """Empty when nothing is known."""
    duration_ms: float
    lines: tuple[SpokenLine, ...]
    sounds: tuple[WordlessSound, ...]
    """Speech that is in no line."""
    gaps: tuple[Gap, ...]
    cuts: tuple[Cut, ...]
    marks: tuple[Mark, ...]
    facts: tuple[HeadlineFigure, ...]


def picture(happened: Sequence[events.Event], *, recorded_ms: float = 0.0) -> Picture:
    """What there is to see of a call.

    Args:
        recorded_ms: length of the recording; 0 when there is none.
    """
    duration_ms = max([recorded_ms, *(event.at_ms for event in happened)], default=0.0)
    replies = turns(happened)
    lines = spoken_lines(happened, replies)
    return Picture(
        call_id=happened[0].call_id if happened else "",
        duration_ms=duration_ms,
        lines=tuple(lines),
        sounds=tuple(_wordless(happened, lines, duration_ms)),
        gaps=tuple(_gap(reply) for reply in replies),
        cuts=tuple(Cut(begin_ms=cut.callee_began_ms, end_ms=cut.last_frame_ms) for cut in barge_ins(happened)),
        marks=tuple(marks(happened)),
        facts=tuple(_facts(happened, replies)),
    )


def clock(ms: float) -> str:
    """Minutes and seconds into the call.

    >>> clock(83_900), clock(3_723_000)
    ('1:23', '1:02:03')
    """
    minutes, seconds = divmod(int(ms // 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def spoken_lines(happened: Sequence[events.Event], replies: Iterable[TurnLatency]) -> list[SpokenLine]:
    """Every utterance with its begin and end, sentences of which nothing was heard among them."""
    waits = {reply.sounded_ms: reply.voice_to_voice_ms for reply in replies}
    ends = _ends(happened)
    sounds = _callee_sounds(happened)
    lines = [_never_heard(event) for event in happened if isinstance(event, events.AgentSaid) and not event.heard]
    for line in transcript(happened):
        begin, end = line.at_ms, ends.get(line.item_id, line.at_ms)
        if line.speaker == "callee":
            overlapping = [sound for sound in sounds if sound[1] > begin and sound[0] <= max(begin, end)]
            begin, end = min((b for b, _ in overlapping), default=begin), max((e for _, e in overlapping), default=end)
        lines.append(
            SpokenLine(
                begin_ms=begin,
                end_ms=max(end, begin + SHORTEST_MS),
                speaker=line.speaker,
                heard=line.text,
                unheard=_unheard(line.text, line.meant),
                wait_ms=waits.get(line.at_ms) if line.speaker == "agent" else None,
            )
        )
    return sorted((line for line in lines if line.heard or line.unheard), key=lambda line: line.begin_ms)


def _never_heard(said: events.AgentSaid) -> SpokenLine:
    begin_ms = max(0.0, said.at_ms - said.heard_ms)
    return SpokenLine(
        begin_ms=begin_ms, end_ms=max(said.at_ms, begin_ms + SHORTEST_MS), speaker="agent", heard="", unheard=said.meant
    )


def _unheard(heard: str, meant: str) -> str:
    """The rest of `meant`; all of it where the two do not begin alike."""
    return meant[len(heard) :].strip() if meant.startswith(heard) else meant


def _ends(happened: Iterable[events.Event]) -> dict[str, float]:
    """By item: when its sound ended, as near as is known."""
    ends: dict[str, float] = {}
    for event in happened:
        match event:
            case events.SpeechStopped(item_id=item_id, at_ms=at) | events.AgentSaid(item_id=item_id, at_ms=at):
                ends.setdefault(item_id, at)
            case events.AgentInterrupted(item_id=item_id, last_frame_ms=at):
                ends[item_id] = at
    return ends


def _callee_sounds(happened: Iterable[events.Event]) -> list[tuple[float, float]]:
    """Begin and end of every sound of the callee, by our own detector."""
    sounds: list[tuple[float, float]] = []
    began: float | None = None
    for event in sorted(happened, key=lambda event: event.at_ms):
        if isinstance(event, events.CalleeSoundStarted):
            began = event.at_ms
        elif isinstance(event, events.CalleeSoundStopped) and began is not None:
            sounds.append((began, event.at_ms))
            began = None
    return sounds


def _wordless(happened: Sequence[events.Event], lines: Sequence[SpokenLine], duration_ms: float) -> list[WordlessSound]:
    """What the callee uttered without a word being understood, and what the agent was saying when the events end."""
    talk = [line for line in lines if line.speaker == "callee"]
    sounds = [
        WordlessSound(begin_ms=begin, end_ms=end, speaker="callee")
        for begin, end in _callee_sounds(happened)
        if not any(line.begin_ms < end and begin < line.end_ms for line in talk)
    ]
    over = {event.item_id for event in happened if isinstance(event, events.AgentSaid)}
    sounds += [
        WordlessSound(begin_ms=event.first_sound_ms, end_ms=max(event.first_sound_ms, duration_ms), speaker="agent")
        for event in happened
        if isinstance(event, events.AgentSoundStarted) and event.item_id not in over
    ]
    return sorted(sounds, key=lambda sound: sound.begin_ms)


def _gap(reply: TurnLatency) -> Gap:
    return Gap(
        begin_ms=reply.callee_stopped_ms,
        end_ms=reply.sounded_ms,
        is_slow=reply.voice_to_voice_ms > SLOW_MS,
        has_tool=reply.has_tool,
        stages=reply.stages,
    )


def _facts(happened: Sequence[events.Event], replies: Sequence[TurnLatency]) -> list[HeadlineFigure]:
    kinds = {type(event): event for event in happened}
    judged, ended = kinds.get(events.CallJudged), kinds.get(events.CallEnded)
    facts = []
    if isinstance(judged, events.CallJudged):
        facts.append(HeadlineFigure(name="outcome", value=judged.disposition.replace("_", " ")))
    if isinstance(ended, events.CallEnded):
        who = f"{ended.phone_result}, ended by {ended.ended_by}".replace("_", " ")
        facts.append(HeadlineFigure(name="phone", value=who))
    waits = [reply.voice_to_voice_ms for reply in replies]
    typical = percentile(waits, 0.5)
    if typical is not None:
        facts.append(HeadlineFigure(name="replies", value=str(len(waits))))
        facts.append(HeadlineFigure(name="typical reply", value=f"{typical:.0f} ms", is_bad=typical > SLOW_MS))
        facts.append(HeadlineFigure(name="slowest", value=f"{max(waits):.0f} ms", is_bad=max(waits) > SLOW_MS))
    cuts = barge_ins(happened)
    if cuts:
        facts.append(HeadlineFigure(name="barge-ins", value=str(len(cuts))))
    if any(isinstance(event, events.AgentSaid) for event in happened):
        heard_at = min((event.at_ms for event in happened if isinstance(event, events.DisclosureHeard)), default=None)
        heard = "never heard" if heard_at is None else clock(heard_at)
        facts.append(HeadlineFigure(name="AI disclosed", value=heard, is_bad=heard_at is None))
    return facts


# ---- marks ------------------------------------------------------------------------------------------


def marks(happened: Iterable[events.Event]) -> list[Mark]:
    """The happenings worth a mark, in order."""
    happened = list(happened)
    returned = {event.tool_call_id: event for event in happened if isinstance(event, events.ToolReturned)}
    worth = []
    for event in happened:
        mark = _tool(event, returned.get(event.tool_call_id)) if isinstance(event, events.ToolCalled) else _of(event)
        if mark is not None:
            worth.append(mark)
    return sorted(worth, key=lambda mark: mark.at_ms)


def _tool(called: events.ToolCalled, returned: events.ToolReturned | None) -> Mark:
    kind = MarkKind.FAILED_TOOL if returned is not None and returned.is_failure else MarkKind.TOOL
    came = f"{returned.output} ({returned.took_ms:.0f} ms)" if returned is not None else "it never returned"
    return _mark(called, kind, called.name, f"{called.arguments} → {came}")


def _of(event: events.Event) -> Mark | None:
    match event:
        case events.DisclosureHeard():
            return _mark(event, MarkKind.DISCLOSURE, "AI disclosed", event.text)
        case events.AnswerRecorded():
            return _mark(event, MarkKind.ANSWER, event.question, event.value)
        case events.OptedOut():
            return _mark(event, MarkKind.WISH, "opted out", event.utterance)
        case events.CallbackScheduled():
            return _mark(event, MarkKind.WISH, "callback", f"{event.when} {event.note}")
        case events.TransferAsked():
            return _mark(event, MarkKind.WISH, "transfer", event.reason)
        case events.ModelLost():
            return _mark(event, MarkKind.TROUBLE, "model lost", f"{event.code} {event.reason}")
        case events.ModelGivenUp():
            return _mark(event, MarkKind.TROUBLE, "model given up", event.reason)
        case events.ModelErred(benign=False):
            return _mark(event, MarkKind.TROUBLE, "model erred", f"{event.code} {event.message}")
        case _:
            return _of_line(event)


def _of_line(event: events.Event) -> Mark | None:
    match event:
        case events.Answered():
            return _mark(event, MarkKind.LINE, "answered")
        case events.DigitReceived():
            return _mark(event, MarkKind.LINE, f"pressed {event.digit}")
        case events.DigitsSent():
            return _mark(event, MarkKind.LINE, f"sent {event.digits}")
        case events.VoicemailLeft():
            return _mark(event, MarkKind.LINE, "voicemail", event.message)
        case events.Nudged():
            return _mark(event, MarkKind.LINE, "silence: nudged")
        case events.CallEnded():
            return _mark(event, MarkKind.LINE, "ended", f"by {event.ended_by} {event.detail}")
        case _:
            return None


def _mark(event: events.Event, kind: MarkKind, label: str, detail: str = "") -> Mark:
    detail = " ".join(detail.split())
    short = detail if len(detail) <= LONGEST_DETAIL else f"{detail[:LONGEST_DETAIL]}…"
    return Mark(at_ms=event.at_ms, kind=kind, label=label, detail=short)

"""Presents the calls now: looks at the record once a tick, and gives a supervisor's word to a call.

Given a tenant's record, fills the board with that tenant's calls alone. Never waits for a command to be
carried out: what came of it is seen at the next look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opendeep_kit import events
from opendeep_kit.boards.board import Act, Ticker
from opendeep_kit.boards.live.board import CallRow, LiveBoard, LiveView, LoopRow, Order, Talk, TalkLine
from opendeep_kit.boards.live.figures import CallNow, LiveCalls, Look, Loop, Stage
from opendeep_kit.boards.presenter import TenantRecord, epoch_ms, named, unknown_action
from opendeep_kit.errors import BadInput
from opendeep_kit.events import Event
from opendeep_kit.insight.latency import barge_ins, percentile, turns
from opendeep_kit.insight.transcript import Utterance, transcript
from opendeep_kit.numbers import HOW, is_e164, masked
from opendeep_kit.record import call_commands
from opendeep_kit.record.call_commands import Command, CommandKind
from opendeep_kit.settings import ServiceSettings
from opendeep_kit.widgets.call_picture import Mark, MarkKind, marks

GAP_SHARE_HEARD = 0.01
"""Of 20 ms slots skipped: from here on callees hear it."""
OVER = (Stage.ENDED, Stage.ENDING, Stage.LOST)
GIVEN = {
    CommandKind.HANG_UP: "Hanging up.",
    CommandKind.SAY: "Given to the agent to say.",
    CommandKind.COACH: "The agent is being told.",
    CommandKind.TAKE_OVER: "Taking over.",
    CommandKind.TRANSFER: "Asked for the transfer.",
}

LONGEST_NOTE = 140
"""Characters: a tool may return a page."""
STEPPED_IN = {
    "hang_up": "hung up",
    "say": "had said",
    "coach": "told the agent",
    "take_over": "took over",
    "transfer": "transferred the callee",
}


class LivePresenter:
    """One supervisor's view of the calls now."""

    def __init__(self, record: TenantRecord) -> None:
        self._record = record
        self._service = record.settings.service
        self._live = LiveCalls(record.database, record.tenant_id, dead_after_s=self._service.worker_dead_after_s)
        self._chosen = ""
        self._is_pinned = False
        """A person chose it; else the board follows whichever call talks."""
        self._events: tuple[str, list[Event]] = ("", [])
        """The events of the chosen call so far."""
        self.board = LiveBoard(self._act)
        self.ticker = Ticker(self.refresh)

    def refresh(self) -> bool:
        """Look again. False: that failed; the board says why and keeps what it showed."""
        return self.board.look(self._look)

    def _look(self) -> None:
        now = self._record.clock()
        look = self._live.look(now=now, chosen=self._chosen)
        if self._follow(look):
            look = self._live.look(now=now, chosen=self._chosen)
        record, given = self._record, []
        if look.chosen is not None:
            given = call_commands.commands_of(record.database, record.tenant_id, self._chosen)
        self.board.show(
            LiveView(
                calls=tuple(_row(call) for call in look.calls),
                loops=tuple(_loop(loop, self._service) for loop in look.loops),
                talk=self._talk(look, given),
            ),
            as_of_ms=epoch_ms(now),
        )

    def _follow(self, look: Look) -> bool:
        """Choose a call for a supervisor who has not chosen. True: another one than was looked at."""
        is_over = look.chosen is None or look.chosen.stage in OVER
        talking = [call for call in look.calls if call.stage is Stage.TALKING]
        if self._is_pinned or not is_over or not talking:
            return False
        self._chosen = talking[-1].call_id
        return True

    def _talk(self, look: Look, given: list[Command]) -> Talk | None:
        call = look.chosen
        if call is None:
            return None
        if self._events[0] != call.call_id:
            self._events = (call.call_id, [])
        self._events[1].extend(look.news)
        talk = running_talk(self._events[1])
        version = f" v{call.script_version}" if call.script_version else ""
        return Talk(
            call=_row(call),
            script=f"{call.script_name}{version}" if call.script_name else "",
            lines=talk.lines,
            speaking="" if call.stage in OVER else talk.speaking,
            gap_p50_ms=talk.gap_p50_ms,
            gap_worst_ms=talk.gap_worst_ms,
            barge_ins=talk.barge_ins,
            outcome=_outcome(call),
            orders=tuple(_order(command) for command in given),
        )

    # ---- actions ------------------------------------------------------------------------------------

    def _act(self, act: Act) -> str:
        if act.what == "choose":
            self._chosen, self._is_pinned = act.on, bool(act.on)
            self.refresh()
            return ""
        if act.what not in list(CommandKind):
            raise unknown_action()
        kind = CommandKind(act.what)
        text = act.text.strip()
        if kind in (CommandKind.TRANSFER, CommandKind.TAKE_OVER) and text:
            text = "".join(text.split())
            if not is_e164(text):
                raise BadInput("this is not a telephone number", do=HOW)
        record = self._record
        call_commands.give(
            record.database, record.tenant_id, act.on, kind, argument=text, by=named(act.by), now=record.clock()
        )
        self.refresh()
        return GIVEN[kind]


def _row(call: CallNow) -> CallRow:
    return CallRow(
        call_id=call.call_id,
        who=call.name,
        number=masked(call.number),
        campaign=call.campaign,
        stage=call.stage,
        since_ms=epoch_ms(call.since),
    )


def _loop(loop: Loop, service: ServiceSettings) -> LoopRow:
    is_silent = loop.silent_s > max(3.0, 3 * service.heartbeat_s)
    return LoopRow(
        name=loop.worker_id[:14],
        note=f"silent for {loop.silent_s:.0f} s" if is_silent else "serving" if loop.is_serving else "draining",
        lag_ms=loop.lag_ms,
        gap_share=loop.gap_share,
        is_bad=is_silent or loop.lag_ms >= service.lag_bad_ms or loop.gap_share >= GAP_SHARE_HEARD,
    )


def _outcome(call: CallNow) -> str:
    if call.stage is not Stage.ENDED:
        return ""
    words = (call.disposition or "ended").replace("_", " ")
    return f"{words}, ended by {call.ended_by}" if call.ended_by else words


def _order(given: Command) -> Order:
    if given.done_at is None:
        state = "waiting" if given.taken_at is None else "taken"
    else:
        state = "done" if given.outcome == "done" else "failed"
    return Order(what=given.kind, text=given.argument, by=given.by, state=state, words=given.outcome or "")


# ---- the running talk: a fold over the events so far ------------------------------------------------


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
    spoken = [_line(line, waits) for line in transcript(happened)]
    notes = [TalkLine(at_ms=mark.at_ms, speaker="note", text=_noted(mark)) for mark in marks(happened)]
    gaps = list(waits.values())
    return RunningTalk(
        lines=tuple(sorted((*spoken, *notes, *_stepped_in(happened)), key=lambda line: line.at_ms)),
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

"""SEAM between the record and the board of calls now: looks once a tick, and gives a supervisor's word to a call.

Given an open record and a tenant, fills the board with that tenant's calls alone. Never waits for a command to be
carried out: what came of it is seen at the next look.
"""

from __future__ import annotations

from opendeep_kit.boards.board import Act
from opendeep_kit.boards.live.board import CallRow, LiveBoard, LiveView, LoopRow, Order, Talk
from opendeep_kit.boards.live.figures import CallNow, LiveCalls, Look, Loop, Stage
from opendeep_kit.boards.live.talk import running_talk
from opendeep_kit.boards.terms import epoch_ms, named
from opendeep_kit.boards.ticker import Ticker
from opendeep_kit.errors import BadInput
from opendeep_kit.events import Event
from opendeep_kit.numbers import HOW, is_e164, masked
from opendeep_kit.record import call_commands
from opendeep_kit.record.call_commands import Command, CommandKind
from opendeep_kit.record.database import Clock, Database, utc_now
from opendeep_kit.settings import ServiceSettings

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


class LiveDesk:
    """One supervisor's view of the calls now."""

    def __init__(self, database: Database, tenant_id: str, service: ServiceSettings, *, clock: Clock = utc_now) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._service = service
        self._clock = clock
        self._live = LiveCalls(database, tenant_id, dead_after_s=service.worker_dead_after_s)
        self._chosen = ""
        self._is_pinned = False
        """A person chose it; else the desk follows whichever call talks."""
        self._told: tuple[str, list[Event]] = ("", [])
        """The events of the chosen call so far."""
        self.board = LiveBoard(self._act)
        self.ticker = Ticker(self.refresh)

    def refresh(self) -> bool:
        """Look again. False: that failed; the board says why and keeps what it showed."""
        return self.board.look(self._look)

    def _look(self) -> None:
        now = self._clock()
        look = self._live.look(now=now, chosen=self._chosen)
        if self._follow(look):
            look = self._live.look(now=now, chosen=self._chosen)
        given = call_commands.commands_of(self._database, self._tenant_id, self._chosen) if look.chosen else []
        self.board.show(
            LiveView(
                calls=tuple(_row(one) for one in look.calls),
                loops=tuple(_loop(one, self._service) for one in look.loops),
                talk=self._talk(look, given),
            ),
            as_of_ms=epoch_ms(now),
        )

    def _follow(self, look: Look) -> bool:
        """Choose a call for a supervisor who has not chosen. True: another one than was looked at."""
        is_over = look.chosen is None or look.chosen.stage in OVER
        talking = [one for one in look.calls if one.stage is Stage.TALKING]
        if self._is_pinned or not is_over or not talking:
            return False
        self._chosen = talking[-1].call_id
        return True

    def _talk(self, look: Look, given: list[Command]) -> Talk | None:
        call = look.chosen
        if call is None:
            return None
        if self._told[0] != call.call_id:
            self._told = (call.call_id, [])
        self._told[1].extend(look.news)
        talk = running_talk(self._told[1])
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
            orders=tuple(_order(one) for one in given),
        )

    # ---- actions ------------------------------------------------------------------------------------

    def _act(self, act: Act) -> str:
        if act.what == "choose":
            self._chosen, self._is_pinned = act.on, bool(act.on)
            self.refresh()
            return ""
        if act.what not in list(CommandKind):
            raise BadInput("this board knows no such action", do="reload the page")
        kind = CommandKind(act.what)
        text = act.text.strip()
        if kind in (CommandKind.TRANSFER, CommandKind.TAKE_OVER) and text:
            text = "".join(text.split())
            if not is_e164(text):
                raise BadInput("that is no telephone number", do=HOW)
        call_commands.give(
            self._database, self._tenant_id, act.on, kind, argument=text, by=named(act.by), now=self._clock()
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


def _loop(one: Loop, service: ServiceSettings) -> LoopRow:
    is_silent = one.silent_s > max(3.0, 3 * service.heartbeat_s)
    return LoopRow(
        name=one.worker_id[:14],
        note=f"silent for {one.silent_s:.0f} s" if is_silent else "serving" if one.is_serving else "draining",
        lag_ms=one.lag_ms,
        gap_share=one.gap_share,
        is_bad=is_silent or one.lag_ms >= service.lag_bad_ms or one.gap_share >= GAP_SHARE_HEARD,
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

"""SEAM where this process places calls and holds them itself: order → line → media worker → record.

Given a line, a media worker and a store, places one call at a time per `call`, many at once, and writes down what came
of it. Whom to call a rehearsal, a single dial and the demo decide; whether they may, the rules do, as for a campaign:
only numbers that are made up are called without asking them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

from opendeep_kit import events
from opendeep_kit.config import Settings
from opendeep_kit.engine import hand_calls
from opendeep_kit.engine.caller_ids import caller_id_of
from opendeep_kit.engine.permission import RATE_TRIES, RATE_WAIT_S
from opendeep_kit.errors import OpenDeepError, Unavailable
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.line_choice import check_reach
from opendeep_kit.logs import log
from opendeep_kit.media.call_end import NO_SOUND, insist, judge, result_of
from opendeep_kit.media.duty import reached_at
from opendeep_kit.media.worker import Brief, HandOver, HeldCall, MediaWorker, Watch
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.line import HINTED_BY, MACHINE_HINT, CallOrder, Line, LineResult, Progress
from opendeep_kit.record import calls as call_rows
from opendeep_kit.record import dnc
from opendeep_kit.record.calls import MediaEnd
from opendeep_kit.record.database import Database
from opendeep_kit.record.event_log import EventLog
from opendeep_kit.rehearsal.public import check_language, is_made_up
from opendeep_kit.tasks.prompt import render
from opendeep_kit.tasks.script import CallScript
from opendeep_kit.tenants import DEFAULT_TENANT
from opendeep_kit.voice.tools import Tool

MEDIA_END_WITHIN_S = 20.0
"""After the line says that the call is over, its media handler gets this long (including a polite goodbye)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest:
    """One call to place, as a campaign or a person wants it."""

    number: str = field(repr=False)
    """E.164."""
    script: CallScript
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The contact's, by the names the script's task lists."""
    tenant_id: str = DEFAULT_TENANT
    script_version: int | None = None
    """As the store numbered it; None: this script is not in the store (a draft)."""
    contact_id: str | None = None
    task_id: str | None = None
    campaign: str | None = None
    tools: tuple[Tool, ...] = ()
    """In addition to those every call has."""
    consent: str = ""
    """Where it is on file that the callee agreed, as whoever calls says; empty: the record's own counts."""
    is_rehearsal: bool = False
    """A persona is called: its wish not to be called again is not an opt-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """A call that is over."""

    call_id: str
    summary: Summary
    events: tuple[events.Event, ...] = field(repr=False)
    recording: Path | None
    """None when no sound was ever exchanged."""


def _ignore(event: events.Event) -> None:
    del event


class _Placed:
    """One call that this process places."""

    def __init__(self, request: CallRequest, event_log: EventLog, watch: Watch) -> None:
        self.call_id = uuid4()
        self.request = request
        self.happened: list[events.Event] = []
        self.marking: asyncio.Task[bool] | None = None
        self._event_log = event_log
        self._watch = watch

    def emit(self, event: events.Event) -> None:
        """Append to the call's one event list."""
        self._event_log.append(event, self.request.tenant_id)
        self.happened.append(event)
        self._watch(event)


class CallFloor:
    """The calls that this process places."""

    def __init__(
        self, settings: Settings, *, database: Database, event_log: EventLog, line: Line, media: MediaWorker
    ) -> None:
        self._settings = settings
        self._database = database
        self._event_log = event_log
        self._line = line
        self.media = media

    async def call(self, request: CallRequest, watch: Watch = _ignore) -> CallOutcome:
        """Place one call and return when it is over and written down. Cancelling hangs up.

        Args:
            watch: gets every event as it happens.

        Raises:
            BadInput: the contact lacks a fact that the script uses, the tenant a tool, or a local model its language.
            Refused: the rules do not allow this call now; the text says which, and what to do.
            Unavailable: the record cannot be written: no call is placed that could not be accounted for.
        """
        check_language(self._settings, request.script.task.language, request.number)
        render(request.script, request.facts)
        await asyncio.to_thread(self.media.own_tools.named, request.tenant_id, request.script.task.tools)
        placed = _Placed(request, self._event_log, watch)
        call_id = str(placed.call_id)
        caller_id = await asyncio.to_thread(caller_id_of, self._database, request.tenant_id)
        if not is_made_up(request.number):
            check_reach(self._line, request.number)
            await self._permit(placed)
        await asyncio.to_thread(self._expect, placed)
        brief = Brief(tenant_id=request.tenant_id, script=request.script, facts=request.facts, tools=request.tools)
        held = self.media.announce(call_id, brief, placed.emit)
        try:
            result = await self._place(placed, held, caller_id)
            media = await self._media_end(held, result)
        finally:
            self.media.forget(call_id)
        return await self._write_down(placed, result, media)

    async def _permit(self, placed: _Placed) -> None:
        """As the rules say; a call that comes too early for a rate waits, when it is not for long."""
        for tries_left in reversed(range(RATE_TRIES)):
            wait_s = await asyncio.to_thread(self._ask, placed, RATE_WAIT_S if tries_left else 0.0)
            if not wait_s:
                return
            await asyncio.sleep(wait_s)

    def _ask(self, placed: _Placed, waits_s: float) -> float:
        request = placed.request
        return hand_calls.permit(
            self._database,
            request.tenant_id,
            request.number,
            call_id=str(placed.call_id),
            consent=request.consent,
            settings=self._settings.service,
            now=datetime.now(UTC),
            waits_s=waits_s,
        )

    def _expect(self, placed: _Placed) -> None:
        request, now = placed.request, datetime.now(UTC)
        row = call_rows.ExpectedCall(
            call_id=str(placed.call_id),
            tenant_id=request.tenant_id,
            number=request.number,
            line=self._line.name,
            expected_until=now + timedelta(seconds=self._settings.phone.expected_within_s),
            task_id=request.task_id,
            script_name=request.script.name if request.script_version is not None else None,
            script_version=request.script_version,
            contact_id=request.contact_id,
            campaign=request.campaign,
            facts=request.facts,
        )
        call_rows.expect(self._database, row, now=now)

    async def _place(self, placed: _Placed, held: HeldCall, caller_id: str) -> LineResult:
        order = CallOrder(
            call_id=placed.call_id,
            number=placed.request.number,
            media_host=reached_at(self._settings.phone),
            media_port=self.media.port,
            line_format=self._settings.phone.line_format,
            ring_limit_s=self._settings.call.ring_limit_s,
            caller_id=caller_id,
        )
        placed.emit(events.Dialled(call_id=held.call_id, at_ms=0.0, line=self._line.name))
        try:
            return await self._line.place(order, lambda progress: self._report(placed, progress))
        except OpenDeepError as error:  # nobody was called, and the record says why
            return LineResult(phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, detail=error.what)
        except asyncio.CancelledError:
            # The line has hung up; what came of the call is still written down before we go.
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
            return LineResult(
                phone_result=PhoneResult.ANSWERED if held.is_answered else PhoneResult.CANCELLED,
                ended_by=EndedBy.SUPERVISOR,
                detail="stopped by us",
            )

    def _report(self, placed: _Placed, progress: Progress) -> None:
        if progress is Progress.MACHINE:
            self._hint(str(placed.call_id))
        if progress is not Progress.ANSWERED or placed.marking is not None:
            return
        call_id, now = str(placed.call_id), datetime.now(UTC)
        self.media.answered(call_id)
        marking = asyncio.to_thread(call_rows.mark_answered, self._database, placed.request.tenant_id, call_id, at=now)
        placed.marking = asyncio.create_task(marking, name="mark-answered")

    def _hint(self, call_id: str) -> None:
        """A word to the agent: it decides, by what it hears."""
        held = self.media.held.get(call_id)
        if held is None or held.bridge is None:
            return
        bridge = held.bridge
        bridge.emit(
            events.Supervised(call_id=call_id, at_ms=bridge.now_ms, what="coach", argument=MACHINE_HINT, by=HINTED_BY)
        )
        bridge.coach(MACHINE_HINT)

    async def _media_end(self, held: HeldCall, result: LineResult) -> MediaEnd | None:
        """How the sound ended; None when it never came."""
        if held.bridge is None:
            if result.phone_result is PhoneResult.ANSWERED:
                log().error("! a call was answered without sound", call_id=held.call_id, what=NO_SOUND)
            return None
        try:
            async with asyncio.timeout(MEDIA_END_WITHIN_S):
                return await asyncio.shield(held.end)
        except TimeoutError:
            log().error("! a call's media did not end with the call", call_id=held.call_id)
            return MediaEnd(media_ms=held.now_ms)

    async def _write_down(self, placed: _Placed, result: LineResult, media: MediaEnd | None) -> CallOutcome:
        request, call_id = placed.request, str(placed.call_id)
        if placed.marking is not None:
            await asyncio.wait({placed.marking})
            if isinstance(error := placed.marking.exception(), Unavailable):
                log().warning("! an answer could not be recorded", what=error.what)
        await self._honour_opt_out(placed)
        required = request.script.task.required
        judgement = judge(call_id, tuple(placed.happened), result, media, required)
        summary = judgement.summary
        for event in (judgement.ended, judgement.judged):
            placed.emit(event)
        await asyncio.to_thread(self._event_log.flush)
        closing = partial(call_rows.end, at=datetime.now(UTC))
        await asyncio.to_thread(closing, self._database, request.tenant_id, call_id, result_of(summary, media))
        path = self._settings.recordings_dir / media.recording if media is not None and media.recording else None
        return CallOutcome(call_id=call_id, summary=summary, events=tuple(placed.happened), recording=path)

    async def _honour_opt_out(self, placed: _Placed) -> None:
        request, call_id = placed.request, str(placed.call_id)
        if request.is_rehearsal:
            return
        opting_out = partial(dnc.opt_out, self._database, request.tenant_id, request.number, call_id=call_id)
        for event in placed.happened:
            if isinstance(event, events.OptedOut):
                await insist(partial(opting_out, utterance=event.utterance, now=datetime.now(UTC)))


def line_hand_over(line: Line) -> HandOver:
    """Hand-overs by the line of this process."""

    async def hand_over(call_id: str, target: str) -> None:
        await line.transfer(UUID(call_id), target)

    return hand_over


def line_sound(line: Line) -> Callable[[str, bool], None]:
    """Tells the line of this process when a call's sound comes and goes."""

    def tell(call_id: str, is_open: bool) -> None:
        (line.media_opened if is_open else line.media_closed)(UUID(call_id))

    return tell

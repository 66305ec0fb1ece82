"""SEAM where calls take place: order → line → bridge → events → record.

Given a line, a voice client and a store, places one call at a time per `call`, many at once; admits its AudioSocket,
lets the bridge hold it, and writes down what came of it. Never decides whom to call or when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import openai

from opendeep_kit import events
from opendeep_kit.audio.pcm import LINE_RATES_HZ
from opendeep_kit.audio.playout import Playout
from opendeep_kit.audio.prepared import GOODBYE_WORDS, ONE_MOMENT_WORDS, goodbye, one_moment
from opendeep_kit.audio.recording import Recording
from opendeep_kit.bridge import Bridge, CallParts
from opendeep_kit.config import Settings
from opendeep_kit.errors import Unavailable
from opendeep_kit.insight.analysis import Summary, summarise
from opendeep_kit.logs import log
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.phone.line import CallOrder, Line, LineResult, Progress
from opendeep_kit.store import calls as call_rows
from opendeep_kit.store.database import Database
from opendeep_kit.store.event_log import EventLog
from opendeep_kit.tasks.prompt import render
from opendeep_kit.tasks.script import CallScript
from opendeep_kit.tenants import DEFAULT_TENANT
from opendeep_kit.voice.call_tools import CALL_TOOLS
from opendeep_kit.voice.conversation import Conversation
from opendeep_kit.voice.own_words import Own
from opendeep_kit.voice.realtime_client import RealtimeVoice, Session
from opendeep_kit.voice.tools import Tool, Toolbox

MEDIA_END_WITHIN_S = 20.0
"""After the line says that the call is over, its media handler has so long (a polite goodbye included)."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """A call that is over."""

    call_id: str
    summary: Summary
    events: tuple[events.Event, ...] = field(repr=False)
    recording: Path | None
    """None when no sound was ever exchanged."""


Watch = Callable[[events.Event], None]


def _ignore(event: events.Event) -> None:
    del event


class LiveCall:
    """One call's state while it is under way."""

    def __init__(self, request: CallRequest, instructions: str, emit: Watch) -> None:
        self.call_id = uuid4()
        self.request = request
        self.instructions = instructions
        self.happened: list[events.Event] = []
        self.bridge: Bridge | None = None
        self.recording: Recording | None = None
        self.media_done = asyncio.Event()
        self.is_answered = False
        self.we_hung_up = False
        """The socket was closed by our side."""
        self._emit = emit

    def emit(self, event: events.Event) -> None:
        """Append to the call's one event list."""
        self.happened.append(event)
        self._emit(event)

    @property
    def now_ms(self) -> float:
        """On the call's clock; 0 while there is none."""
        return self.bridge.now_ms if self.bridge is not None else 0.0

    def progress(self, progress: Progress) -> None:
        """The line reports."""
        if progress is Progress.ANSWERED and not self.is_answered:
            self.is_answered = True
            if self.bridge is not None:
                self.bridge.answer()


class CallFloor:
    """All live calls of this process.

    Args:
        voice: the Realtime client, shared by all calls.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        event_log: EventLog,
        line: Line,
        voice: openai.AsyncOpenAI,
    ) -> None:
        self._settings = settings
        self._database = database
        self._event_log = event_log
        self._line = line
        self._voice = voice
        self._live: dict[UUID, LiveCall] = {}
        self.media = AudioSocketServer(admit=self._admit, handle=self._hold, settings=settings.phone)

    @property
    def live(self) -> tuple[LiveCall, ...]:
        """Calls under way."""
        return tuple(self._live.values())

    async def call(self, request: CallRequest, watch: Watch = _ignore) -> CallOutcome:
        """Place one call and return when it is over and written down. Cancelling hangs up.

        Args:
            watch: gets every event as it happens.

        Raises:
            BadInput: the contact lacks a fact that the script uses.
            Unavailable: the record cannot be written: no call is placed that could not be accounted for.
        """
        instructions = render(request.script, request.facts)

        def emit(event: events.Event) -> None:
            self._event_log.append(event, request.tenant_id)
            watch(event)

        live = LiveCall(request, instructions, emit)
        await asyncio.to_thread(self._expect, live)
        self._live[live.call_id] = live
        try:
            result = await self._place(live)
        finally:
            del self._live[live.call_id]
        return await self._write_down(live, result)

    # ---- the line -----------------------------------------------------------------------------------

    def _expect(self, live: LiveCall) -> None:
        request, now = live.request, datetime.now(UTC)
        row = call_rows.ExpectedCall(
            call_id=str(live.call_id),
            tenant_id=request.tenant_id,
            number=request.number,
            line=self._line.name,
            expected_until=now + timedelta(seconds=self._settings.phone.expected_within_s),
            task_id=request.task_id,
            script_name=request.script.name if request.script_version is not None else None,
            script_version=request.script_version,
            contact_id=request.contact_id,
            campaign=request.campaign,
        )
        call_rows.expect(self._database, row, now=now)

    async def _place(self, live: LiveCall) -> LineResult:
        order = CallOrder(
            call_id=live.call_id,
            number=live.request.number,
            media_host=self._settings.phone.host,
            media_port=self.media.port,
            line_format=self._settings.phone.line_format,
            ring_limit_s=self._settings.call.ring_limit_s,
        )
        live.emit(events.Dialled(call_id=str(live.call_id), at_ms=0.0, line=self._line.name))
        try:
            result = await self._line.place(order, live.progress)
        except Unavailable as error:
            result = LineResult(phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, detail=error.what)
        except asyncio.CancelledError:
            # The line has hung up; what came of the call is still written down before we go.
            result = LineResult(
                phone_result=PhoneResult.ANSWERED if live.is_answered else PhoneResult.CANCELLED,
                ended_by=EndedBy.SUPERVISOR,
                detail="stopped by us",
            )
            if (task := asyncio.current_task()) is not None:
                task.uncancel()
        if live.bridge is None and result.phone_result is PhoneResult.ANSWERED:
            detail = "answered, but the sound connection never came"
            return LineResult(phone_result=PhoneResult.FAILED, ended_by=EndedBy.FAILURE, detail=detail)
        if live.bridge is not None:
            try:
                async with asyncio.timeout(MEDIA_END_WITHIN_S):
                    await live.media_done.wait()
            except TimeoutError:
                log().error("! a call's media did not end with the call", call_id=str(live.call_id))
        return result

    # ---- the media ----------------------------------------------------------------------------------

    async def _admit(self, call_id: UUID) -> bool:
        if call_id not in self._live:
            return False
        return await asyncio.to_thread(call_rows.admit, self._database, str(call_id), now=datetime.now(UTC))

    async def _hold(self, connection: AudioSocketConnection) -> None:
        """One admitted connection, to its end."""
        live = self._live.get(connection.call_id)
        if live is None:
            return
        self._line.media_opened(live.call_id)
        try:
            await self._hold_live(live, connection)
        finally:
            live.media_done.set()
            self._line.media_closed(live.call_id)

    async def _hold_live(self, live: LiveCall, connection: AudioSocketConnection) -> None:
        rate_hz = LINE_RATES_HZ[self._settings.phone.line_format]
        playout = Playout(rate_hz)
        toolbox = Toolbox((*tools_for(live.request.script), *live.request.tools))
        bridge = live.bridge = Bridge(self._parts(live, playout, toolbox, rate_hz), connection)
        if live.is_answered:
            bridge.answer()
        await bridge.run(self._engine(live, bridge, playout, toolbox, rate_hz))
        live.we_hung_up = connection.closed.result() == "we_hung_up"

    def _parts(self, live: LiveCall, playout: Playout, toolbox: Toolbox, rate_hz: int) -> CallParts:
        settings, request = self._settings, live.request
        day = datetime.now(UTC).date().isoformat()
        path = settings.recordings_dir / request.tenant_id / day / f"{live.call_id}.wav"
        live.recording = Recording(path, rate_hz)
        longest = min(settings.call.max_duration_s, request.script.task.limits.max_duration_s)
        return CallParts(
            call_id=str(live.call_id),
            settings=settings.call.model_copy(update={"max_duration_s": longest}),
            line_rate_hz=rate_hz,
            playout=playout,
            toolbox=toolbox,
            emit=live.emit,
            recording=live.recording,
            facts=request.facts,
            goodbye=Own(goodbye(rate_hz), GOODBYE_WORDS),
            one_moment=Own(one_moment(rate_hz), ONE_MOMENT_WORDS),
            transfer=self._transfer(live),
        )

    def _transfer(self, live: LiveCall) -> Callable[[str], Awaitable[None]] | None:
        target = live.request.script.task.transfer_to
        if target is None:
            return None

        async def transfer(reason: str) -> None:
            del reason
            await self._line.transfer(live.call_id, target)

        return transfer

    def _engine(
        self, live: LiveCall, bridge: Bridge, playout: Playout, toolbox: Toolbox, rate_hz: int
    ) -> RealtimeVoice:
        task, settings = live.request.script.task, self._settings
        voice = settings.voice.model_copy(update={"voice": task.voice}) if task.voice else settings.voice
        conversation = Conversation(
            str(live.call_id),
            playout,
            in_flight_ms=settings.call.lead_ms + settings.call.downlink_ms,
            interrupts=voice.turn_detection.interrupt_response,
            model_replies=voice.turn_detection.create_response,
            disclosure=task.disclosure,
        )
        return RealtimeVoice(
            self._voice,
            voice,
            Session(instructions=live.instructions, tools=toolbox.schemas()),
            conversation,
            call_id=str(live.call_id),
            line_rate_hz=rate_hz,
            chunk_ms=settings.call.chunk_ms,
            now_ms=lambda: bridge.now_ms,
            emit=bridge.emit,
            run_tool=bridge.run_tool,
        )

    # ---- the record ---------------------------------------------------------------------------------

    async def _write_down(self, live: LiveCall, result: LineResult) -> CallOutcome:
        recording, digest = await self._save_recording(live)
        ended_by, detail = _who_ended(live, result)
        call_id, now_ms = str(live.call_id), live.now_ms
        live.emit(
            events.CallEnded(
                call_id=call_id, at_ms=now_ms, phone_result=result.phone_result, ended_by=ended_by, detail=detail
            )
        )
        summary = summarise(live.happened, live.request.script.task.required)
        live.emit(events.CallJudged(call_id=call_id, at_ms=now_ms, disposition=summary.disposition, by="rules"))
        row = call_rows.CallResult(
            **{name: getattr(summary, name) for name in Summary.__dataclass_fields__}, recording_sha256=digest
        )
        await asyncio.to_thread(self._end, live, row)
        return CallOutcome(call_id=call_id, summary=summary, events=tuple(live.happened), recording=recording)

    def _end(self, live: LiveCall, row: call_rows.CallResult) -> None:
        now = datetime.now(UTC)
        tenant_id, call_id = live.request.tenant_id, str(live.call_id)
        if live.is_answered:
            answered_at = now - timedelta(milliseconds=row.duration_ms)
            call_rows.mark_answered(self._database, tenant_id, call_id, at=answered_at)
        call_rows.end(self._database, tenant_id, call_id, row, at=now)
        self._event_log.flush()

    async def _save_recording(self, live: LiveCall) -> tuple[Path | None, str]:
        if live.recording is None:
            return None, ""
        try:
            saved = await asyncio.to_thread(live.recording.close, live.now_ms)
        except Unavailable as error:
            log().error("! a recording was lost", call_id=str(live.call_id), what=error.what)
            return None, ""
        live.emit(
            events.RecordingSaved(
                call_id=str(live.call_id),
                at_ms=live.now_ms,
                path=saved.path.relative_to(self._settings.recordings_dir).as_posix(),
                sha256=saved.sha256,
                duration_ms=saved.duration_ms,
            )
        )
        return saved.path, saved.sha256


def tools_for(script: CallScript) -> tuple[Tool, ...]:
    """The tools every call has; the hand-over only where there is somebody to hand over to."""
    return tuple(tool for tool in CALL_TOOLS if tool.name != "transfer_to_human" or script.task.transfer_to)


def _who_ended(live: LiveCall, result: LineResult) -> tuple[EndedBy, str]:
    """Our own side knows best why it hung up; of everything else the line does."""
    bridge = live.bridge
    if any(isinstance(event, events.TransferAsked) for event in live.happened) and result.ended_by is None:
        return EndedBy.AGENT, result.detail
    if bridge is not None and (live.we_hung_up or bridge.ended_by is EndedBy.FAILURE):
        return bridge.ended_by, bridge.detail
    if result.phone_result is not PhoneResult.ANSWERED:
        return result.ended_by or EndedBy.NETWORK, result.detail
    return result.ended_by or EndedBy.CALLEE, result.detail

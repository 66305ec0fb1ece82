"""Holds the sound of calls: AudioSocket on one side, the voice model on the other, a bridge in between.

Given a record that expects calls, admits each UUID once, holds its call to the end, saves its recording and reports how
its sound ended. Never places or judges a call: whoever placed it does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Self
from uuid import UUID

import openai

from opendeep_kit import events
from opendeep_kit.audio.pacing import SlotCounts
from opendeep_kit.audio.pcm import LINE_RATES_HZ
from opendeep_kit.audio.playout import Playout
from opendeep_kit.audio.prepared import goodbye, one_moment
from opendeep_kit.audio.recording import Recording
from opendeep_kit.audio.resample import warm_up
from opendeep_kit.bridge import Bridge, CallParts
from opendeep_kit.config import Settings
from opendeep_kit.errors import BadInput, OpenDeepError
from opendeep_kit.logs import log
from opendeep_kit.media.call_end import MediaEnds
from opendeep_kit.media.provider_watch import ProviderWatch
from opendeep_kit.outcomes import EndedBy
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.record import calls
from opendeep_kit.record.calls import MediaEnd
from opendeep_kit.record.database import Database
from opendeep_kit.record.event_log import EventLog
from opendeep_kit.tasks.prompt import render, spoken_task
from opendeep_kit.tasks.script import CallScript, parse_script
from opendeep_kit.voice.call_tools import tools_for
from opendeep_kit.voice.conversation import Conversation
from opendeep_kit.voice.prepared_speech import PreparedSpeech
from opendeep_kit.voice.realtime_client import RealtimeVoice
from opendeep_kit.voice.session_setup import SessionSetup
from opendeep_kit.voice.tenant_tools import TenantTools
from opendeep_kit.voice.tools import Tool, Toolbox

Watch = Callable[[events.Event], None]
HandOver = Callable[[str, str], Awaitable[None]]
"""Connects the callee of this call with the human at this number, or raises why not."""
NOT_HELD = MediaEnd(ended_by=EndedBy.FAILURE, detail="its sound could not be held")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """What a call is about."""

    tenant_id: str
    script: CallScript
    facts: Mapping[str, str] = field(default_factory=dict, repr=False)
    tools: tuple[Tool, ...] = ()
    """In addition to those every call has."""


def _ignore(call_id: str, is_open: bool) -> None:
    del call_id, is_open


class HeldCall:
    """One call's state while its sound is held, or awaited."""

    def __init__(self, call_id: str, brief: Brief, emit: Watch) -> None:
        self.call_id = call_id
        self.brief = brief
        self.emit = emit
        self.bridge: Bridge | None = None
        self.recording: Recording | None = None
        self.is_answered = False
        self.end: asyncio.Future[MediaEnd] = asyncio.get_running_loop().create_future()

    @property
    def now_ms(self) -> float:
        """On the call's clock; 0 before it starts."""
        return self.bridge.now_ms if self.bridge is not None else 0.0


class MediaWorker:
    """All calls whose sound this process holds; `async with` it.

    Args:
        worker_id: names it in the record.
        voice: the Realtime client, shared by all calls.
        hand_over: how a callee is connected with a human.
        on_sound: told when a call's AudioSocket comes (True) and goes (False).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        worker_id: str,
        database: Database,
        event_log: EventLog,
        voice: openai.AsyncOpenAI,
        hand_over: HandOver,
        on_sound: Callable[[str, bool], None] = _ignore,
    ) -> None:
        self.settings = settings
        self.worker_id = worker_id
        self._database = database
        self._event_log = event_log
        self._voice = voice
        self._hand_over = hand_over
        self._on_sound = on_sound
        self._expected: dict[str, HeldCall] = {}
        """Announced by this process; others are known from the record alone."""
        self._held: dict[str, HeldCall] = {}
        self.rate_hz = LINE_RATES_HZ[settings.phone.line_format]
        self.provider = ProviderWatch()
        self.own_tools = TenantTools(settings.data_dir / "knowledge")
        self.ends = MediaEnds(database, event_log)
        self.is_draining = False
        self._ended = SlotCounts()
        """Slots of all calls that ended here."""
        self.server = AudioSocketServer(admit=self._admit, handle=self._hold, settings=settings.phone)

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.server.port

    @property
    def held(self) -> Mapping[str, HeldCall]:
        """Calls whose sound flows, by id."""
        return self._held

    @property
    def slots(self) -> SlotCounts:
        """The slots of all calls so far, of those that live as well."""
        return sum((call.bridge.slots for call in self._held.values() if call.bridge is not None), self._ended)

    async def __aenter__(self) -> Self:
        goodbye(self.rate_hz), one_moment(self.rate_hz)  # decoded once, before there is a call to disturb
        warm_up()  # a line may send another rate than it was asked for
        await self.server.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.server.close()
        await self.ends.written()

    # ---- for whoever places calls in this process ---------------------------------------------------

    def announce(self, call_id: str, brief: Brief, emit: Watch) -> HeldCall:
        """Expect this call, with what the record cannot hold: a script that is a draft, tools, a listener."""
        held = self._expected[call_id] = HeldCall(call_id, brief, emit)
        return held

    def forget(self, call_id: str) -> None:
        """Stop expecting it."""
        self._expected.pop(call_id, None)

    def answered(self, call_id: str) -> None:
        """The callee picked up."""
        held = self._held.get(call_id) or self._expected.get(call_id)
        if held is not None and not held.is_answered:
            held.is_answered = True
            if held.bridge is not None:
                held.bridge.answer()

    # ---- the door -----------------------------------------------------------------------------------

    async def _admit(self, uuid: UUID) -> bool:
        call_id = str(uuid)
        if self.is_draining:
            return False
        asking = asyncio.create_task(asyncio.to_thread(self._ask, call_id), name="admission")
        try:
            # The record's answer is acted upon even when the line has left meanwhile: a call is admitted only once.
            admitted = await asyncio.shield(asking)
        except asyncio.CancelledError:
            asking.add_done_callback(lambda task: self._give_up(call_id, task))
            raise
        if admitted is None:
            return False
        held = self._expected.pop(call_id, None) or self._from_record(call_id, admitted)
        if held is None:
            await self.ends.tell(call_id, NOT_HELD)
            return False
        self._held[call_id] = held
        return True

    def _ask(self, call_id: str) -> calls.Admitted | None:
        return calls.admit_at(self._database, call_id, self.worker_id, now=datetime.now(UTC))

    def _give_up(self, call_id: str, asked: asyncio.Task[calls.Admitted | None]) -> None:
        """The line left before the record had answered."""
        if not asked.cancelled() and asked.exception() is None and asked.result() is not None:
            held = self._expected.pop(call_id, None)
            if held is not None and not held.end.done():
                held.end.set_result(NOT_HELD)
            self.ends.tell_soon(call_id, NOT_HELD)

    def _from_record(self, call_id: str, admitted: calls.Admitted) -> HeldCall | None:
        if admitted.script_text is None:
            log().error("! a call has no script in the record", call_id=call_id)
            return None
        script = parse_script(admitted.script_text, name=admitted.script_name or "script", source="the saved script")
        brief = Brief(tenant_id=admitted.tenant_id, script=script, facts=admitted.facts)
        return HeldCall(call_id, brief, lambda event: self._event_log.append(event, admitted.tenant_id))

    # ---- one call -----------------------------------------------------------------------------------

    async def _hold(self, connection: AudioSocketConnection) -> None:
        """One admitted connection, to its end."""
        call_id = str(connection.call_id)
        held = self._held[call_id]
        self._on_sound(call_id, True)
        try:
            await self._talk(held, connection)
        finally:
            self._on_sound(call_id, False)
            await self._conclude(held, connection)
            del self._held[call_id]
            if held.bridge is not None:
                self._ended += held.bridge.slots

    async def _talk(self, held: HeldCall, connection: AudioSocketConnection) -> None:
        brief = held.brief
        playout = Playout(self.rate_hz)
        toolbox = Toolbox((*tools_for(brief.script.task), *await self._tenant_tools(brief), *brief.tools))
        session = SessionSetup(
            instructions=render(brief.script, brief.facts),
            tools=toolbox.schemas(),
            language=brief.script.task.language,
            task=spoken_task(brief.script, brief.facts),
        )
        bridge = held.bridge = Bridge(self._parts(held, playout, toolbox), connection)
        if held.is_answered:
            bridge.answer()
        await bridge.run(self._engine(held, bridge, playout, session))

    async def _tenant_tools(self, brief: Brief) -> tuple[Tool, ...]:
        """The tenant's, where they can be had: a call goes on without them."""
        names = brief.script.task.tools
        try:
            return await asyncio.to_thread(self.own_tools.named, brief.tenant_id, names) if names else ()
        except BadInput as error:
            log().error("! a call goes without its tenant's tools", what=error.what)
            return ()

    async def _conclude(self, held: HeldCall, connection: AudioSocketConnection) -> None:
        """Save what remains of the call's sound, and say how it ended."""
        bridge = held.bridge
        by_us = bridge is not None and (
            (connection.closed.done() and connection.closed.result() == "we_hung_up")
            or bridge.ended_by is EndedBy.FAILURE
        )
        ended_by, detail = (bridge.ended_by, bridge.detail) if bridge is not None and by_us else (None, "")
        now_ms = held.now_ms
        path, digest = await self._save_recording(held)
        end = NOT_HELD
        if bridge is not None:
            end = MediaEnd(ended_by=ended_by, detail=detail, media_ms=now_ms, recording=path, recording_sha256=digest)
        await self.ends.tell(held.call_id, end)
        if not held.end.done():
            held.end.set_result(end)

    def _parts(self, held: HeldCall, playout: Playout, toolbox: Toolbox) -> CallParts:
        settings, brief, task = self.settings, held.brief, held.brief.script.task
        day = datetime.now(UTC).date().isoformat()
        path = settings.recordings_dir / brief.tenant_id / day / f"{held.call_id}.wav"
        held.recording = Recording(path, self.rate_hz)
        longest = min(settings.call.max_duration_s, task.limits.max_duration_s)
        return CallParts(
            call_id=held.call_id,
            settings=settings.call.model_copy(update={"max_duration_s": longest}),
            line_rate_hz=self.rate_hz,
            playout=playout,
            toolbox=toolbox,
            emit=held.emit,
            recording=held.recording,
            facts=brief.facts,
            language=task.language,
            goodbye=PreparedSpeech(*goodbye(self.rate_hz, task.language)),
            one_moment=PreparedSpeech(*one_moment(self.rate_hz, task.language)),
            transfer=partial(self._hand_over, held.call_id),
            transfer_to=task.transfer_to,
        )

    def _engine(self, held: HeldCall, bridge: Bridge, playout: Playout, session: SessionSetup) -> RealtimeVoice:
        task, settings = held.brief.script.task, self.settings
        voice = settings.voice.model_copy(update={"voice": task.voice}) if task.voice else settings.voice
        conversation = Conversation(
            held.call_id,
            playout,
            in_flight_ms=settings.call.lead_ms + settings.call.downlink_ms,
            interrupts=voice.turn_detection.interrupt_response,
            model_replies=voice.turn_detection.create_response,
            disclosure=task.disclosure,
        )
        return RealtimeVoice(
            self._voice,
            voice,
            session,
            conversation,
            call_id=held.call_id,
            line_rate_hz=self.rate_hz,
            chunk_ms=settings.call.chunk_ms,
            now_ms=lambda: bridge.now_ms,
            emit=bridge.emit,
            run_tool=bridge.run_tool,
            on_limits=lambda limits, wait_s: self.provider.note(limits, wait_s, now=datetime.now(UTC)),
        )

    async def _save_recording(self, held: HeldCall) -> tuple[str, str]:
        """Its path below the recordings folder and its digest; both empty without a recording."""
        if held.recording is None:
            return "", ""
        try:
            saved = await asyncio.to_thread(held.recording.close, held.now_ms)
        except OpenDeepError as error:
            log().error("! a recording was lost", call_id=held.call_id, what=error.what)
            return "", ""
        path = saved.path.relative_to(self.settings.recordings_dir).as_posix()
        held.emit(
            events.RecordingSaved(
                call_id=held.call_id,
                at_ms=held.now_ms,
                path=path,
                sha256=saved.sha256,
                duration_ms=saved.duration_ms,
            )
        )
        return path, saved.sha256

"""One session of the local Realtime server: acts on client events, one reply at a time in the conversation.

Given client events and engines, emits the server events in OpenAI's order; every refusal becomes an `error` event and
the session continues. Never touches the socket: its owner writes what it emits, in order.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from opendeep_kit.logs import log
from opendeep_kit.rehearsal.engines import Dialogue, Ears, Mouth, VoiceProbability
from opendeep_kit.rehearsal.realtime import client_events as wire
from opendeep_kit.rehearsal.realtime.conversation_items import Context, ItemGraph, context_of, item_from
from opendeep_kit.rehearsal.realtime.faults import SessionFault
from opendeep_kit.rehearsal.realtime.input_audio import piece_of
from opendeep_kit.rehearsal.realtime.listening import Listener, announce, decoded
from opendeep_kit.rehearsal.realtime.rejections import Rejected, already_responding, nothing_to_cancel
from opendeep_kit.rehearsal.realtime.response_events import Emit, ResponsePlan, ResponseStream
from opendeep_kit.rehearsal.realtime.responses import Responder
from opendeep_kit.rehearsal.realtime.session_settings import SessionSettings, new_id
from opendeep_kit.settings import RehearsalSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """The engines a session listens, thinks and speaks with."""

    dialogue: Dialogue
    ears: Ears
    mouth: Mouth
    new_detector: Callable[[], VoiceProbability]


class RealtimeSession:
    """One connection's session.

    Args:
        emit: takes every server event, in order, without its `event_id`.
        faults: what should go wrong in responses.
    """

    def __init__(
        self,
        model: str,
        engines: Engines,
        settings: RehearsalSettings,
        *,
        emit: Emit,
        rng: random.Random,
        faults: Sequence[SessionFault] = (),
    ) -> None:
        self._engines = engines
        self._rehearsal = settings
        self._emit = emit
        self._rng = rng
        self._faults = faults
        self._settings = SessionSettings(model, expires_at=int(time.time() + settings.session_limit_s))
        self._graph = ItemGraph()
        self._conversation_id = new_id("conv")
        self._listener = Listener(
            self._settings,
            self._graph,
            engines.ears,
            engines.new_detector,
            emit=emit,
            interrupt=self._interrupted,
            reply=self._reply_to_turn,
        )
        self._running: dict[str, tuple[Responder, asyncio.Task[None]]] = {}
        self._active = ""
        """Response under way in the conversation; out-of-band responses run beside it."""
        self._responses = 0
        self._has_spoken = False

    def begin(self) -> None:
        """The first event of a connection."""
        self._emit({"type": "session.created", "session": self._settings.echo})

    async def receive(self, frame: str | bytes) -> None:
        """Act on one frame; answers come through `emit`."""
        event_id = None
        try:
            event = wire.parse(frame)
            event_id = event.event_id
            if isinstance(event, wire.AppendAudio):
                await self._listener.append(event.audio)
            else:
                self._act(event)
        except Rejected as rejected:
            rejected.event_id = rejected.event_id or event_id
            self._emit(rejected.to_event())

    def close(self) -> None:
        """The connection is gone: nothing more is emitted."""
        self._listener.close()
        for responder, task in self._running.values():
            responder.stream.is_over = True
            task.cancel()

    # ---- client events ------------------------------------------------------------------------------

    def _act(self, event: wire.ClientEvent) -> None:
        match event:
            case wire.UpdateSession():
                self._update(event.session)
            case wire.CommitAudio():
                self._listener.commit()
            case wire.ClearAudio():
                self._listener.clear()
            case wire.CreateItem():
                self._create_item(event)
            case wire.RetrieveItem():
                item = self._graph.get(event.item_id, "retrieving")
                self._emit({"type": "conversation.item.retrieved", "item": item.to_wire(with_sound=True)})
            case wire.TruncateItem():
                self._graph.truncate(event.item_id, event.content_index, event.audio_end_ms)
                cut = event.model_dump(include={"item_id", "content_index", "audio_end_ms"})
                self._emit({"type": "conversation.item.truncated"} | cut)
            case wire.DeleteItem():
                self._graph.delete(event.item_id)
                self._emit({"type": "conversation.item.deleted", "item_id": event.item_id})
            case wire.CreateResponse():
                self._respond(event.response)
            case wire.CancelResponse():
                self._cancel(event.response_id)

    def _update(self, wanted: wire.SessionUpdate) -> None:
        before = self._settings.input
        speaks = any(responder.stream.spoken_ms for responder, _ in self._running.values())
        self._settings.update(wanted, has_spoken=self._has_spoken or speaks)
        after = self._settings.input
        if any(before[name] != after[name] for name in ("format", "turn_detection")):
            self._listener.reconfigure()
        self._emit({"type": "session.updated", "session": self._settings.echo})

    def _create_item(self, event: wire.CreateItem) -> None:
        item = item_from(event.item)
        sounds = [part.audio for part in event.item.content if part.audio] if event.item.type == "message" else []
        if not sounds:
            announce(self._graph, item, self._emit, after=event.previous_item_id)
            return
        encoded = b"".join(decoded(sound, "item.content[0].audio") for sound in sounds)
        piece = piece_of(encoded, self._settings.input["format"])
        self._listener.take_in(item, piece, after=event.previous_item_id)

    def _cancel(self, response_id: str | None) -> None:
        running = self._running.get(response_id or self._active)
        if running is None:
            raise nothing_to_cancel()
        self._stop(*running, "client_cancelled")

    # ---- responses ----------------------------------------------------------------------------------

    def _interrupted(self) -> None:
        if self._active:
            self._stop(*self._running[self._active], "turn_detected")

    def _reply_to_turn(self) -> None:
        """The callee's turn is over: reply, unless a reply is already under way."""
        try:
            self._respond(wire.ResponseParams())
        except Rejected as rejected:
            self._emit(rejected.to_event())

    def _respond(self, params: wire.ResponseParams) -> None:
        is_in_band = params.conversation == "auto"
        if is_in_band and self._active:
            raise already_responding(self._active)
        plan = self._plan(params)
        self._listener.disarm()
        stream = ResponseStream(plan, self._graph, self._emit)
        responder = Responder(
            stream,
            dialogue=self._engines.dialogue,
            mouth=self._engines.mouth,
            settings=self._rehearsal,
            rng=self._rng,
            faults=self._faults,
        )
        stream.created()
        task = asyncio.create_task(responder.run(self._history), name="rehearsal-response")
        self._running[plan.response_id] = (responder, task)
        if is_in_band:
            self._active = plan.response_id
        task.add_done_callback(lambda task: self._finished(responder, task))

    def _plan(self, params: wire.ResponseParams) -> ResponsePlan:
        echo, self._responses = self._settings.echo, self._responses + 1
        given = params.model_dump(mode="json", exclude_unset=True)
        sound = self._settings.output | (given.get("audio") or {}).get("output", {})
        tools = echo["tools"] if params.tools is None else given["tools"]
        return ResponsePlan(
            number=self._responses,
            conversation_id=self._conversation_id if params.conversation == "auto" else None,
            instructions=echo["instructions"] if params.instructions is None else params.instructions,
            is_one_off=params.instructions is not None,
            session_instructions=echo["instructions"],
            task=self._settings.task,
            tools=_allowed(tools, given.get("tool_choice") or echo["tool_choice"]),
            modality=(params.output_modalities or echo["output_modalities"])[0],
            audio_format=sound["format"],
            voice=sound["voice"],
            speed=sound["speed"],
            max_output_tokens=params.max_output_tokens or echo["max_output_tokens"],
            metadata=params.metadata,
            own_input=None if params.input is None else self._own_input(params.input),
        )

    def _own_input(self, shapes: Sequence[wire.InputItem]) -> Context:
        return context_of(
            self._graph.get(shape.id, "retrieving") if isinstance(shape, wire.ItemReference) else item_from(shape)
            for shape in shapes
        )

    async def _history(self) -> Context:
        await self._listener.words_known()
        return self._graph.context()

    def _stop(self, responder: Responder, task: asyncio.Task[None], reason: str) -> None:
        responder.stop(reason)
        self._over(responder)
        task.cancel()

    def _finished(self, responder: Responder, task: asyncio.Task[None]) -> None:
        """The task ended. A bug in an engine must not leave a response without `response.done`."""
        if not task.cancelled() and (fault := task.exception()) is not None:
            log().error("! a response broke", exc_info=fault)
            failure = {"type": "server_error", "code": "server_error", "message": "The server had an error."}
            responder.stream.done("failed", error=failure)
        self._over(responder)

    def _over(self, responder: Responder) -> None:
        plan, stream = responder.plan, responder.stream
        if self._running.pop(plan.response_id, None) is None:
            return
        self._has_spoken |= stream.spoken_ms > 0
        if plan.response_id == self._active:
            self._active = ""
            self._listener.arm(stream.spoken_ms)
        self._emit(self._rate_limits())

    def _rate_limits(self) -> dict[str, Any]:
        is_limited = any(fault.name == "rate_limited" and fault.hits(self._responses) for fault in self._faults)
        # Limits of a large account: the planner respects them, and only this machine should limit a rehearsal.
        remaining = 0 if is_limited else 39_900_000
        tokens = {"name": "tokens", "limit": 40_000_000, "remaining": remaining, "reset_seconds": 1.5}
        return {"type": "rate_limits.updated", "rate_limits": [tokens]}


def _allowed(tools: Sequence[dict[str, Any]], choice: str | dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """The tools that the dialogue may use under this `tool_choice`."""
    if choice == "none":
        return ()
    if isinstance(choice, dict):
        return tuple(tool for tool in tools if tool["name"] == choice["name"])
    return tuple(tools)

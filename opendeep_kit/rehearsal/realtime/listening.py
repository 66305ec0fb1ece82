"""One session's listening side: buffers, turns, commits, transcription and silence.

Given the client's sound and settings, emits the input events in OpenAI's order, adds user items to the conversation,
and asks for interruptions and replies. Never produces a reply itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pybase64

from opendeep_kit.errors import OpenDeepError
from opendeep_kit.logs import log
from opendeep_kit.rehearsal.engines import Ears, VoiceProbability
from opendeep_kit.rehearsal.realtime.conversation_items import ConversationItem, ItemGraph
from opendeep_kit.rehearsal.realtime.input_audio import InputAudio, Piece
from opendeep_kit.rehearsal.realtime.rejections import not_audio, too_little_sound
from opendeep_kit.rehearsal.realtime.response_events import Emit
from opendeep_kit.rehearsal.realtime.session_settings import SessionSettings, new_id
from opendeep_kit.rehearsal.turns import Started, Stopped

MIN_COMMIT_MS = 100


class Listener:
    """What a session hears.

    Args:
        interrupt: cuts the response under way, if any.
        reply: starts a response.
    """

    def __init__(
        self,
        settings: SessionSettings,
        graph: ItemGraph,
        ears: Ears,
        new_detector: Callable[[], VoiceProbability],
        *,
        emit: Emit,
        interrupt: Callable[[], None],
        reply: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._graph = graph
        self._ears = ears
        self._new_detector = new_detector
        self._emit = emit
        self._interrupt = interrupt
        self._reply = reply
        self._input = InputAudio(settings.input["format"], settings.detection, new_detector)
        self._speech_id = ""
        """Item of the turn under way; empty when nobody speaks."""
        self._speech_start_ms = 0.0
        self._idle: asyncio.TimerHandle | None = None
        self._recognitions: set[asyncio.Task[None]] = set()

    # ---- what the client sends ----------------------------------------------------------------------

    async def append(self, audio: str) -> None:
        """Take sound, as base64. Long sound is analysed in slices, so that other sessions are not held up.

        Raises:
            Rejected: it is not sound in the session's format.
        """
        encoded = decoded(audio, "audio")
        if not self._input.is_whole(encoded):
            raise not_audio("audio")
        for place, piece in enumerate(self._input.slices(encoded)):
            if place:
                await asyncio.sleep(0)
            for edge in self._input.hear(piece):
                if isinstance(edge, Started):
                    self._speech_started(edge)
                else:
                    self._speech_stopped(edge)

    def commit(self) -> None:
        """The client ends the turn.

        Raises:
            Rejected: there is less than 100 ms to commit.
        """
        if self._input.buffered_ms < MIN_COMMIT_MS:
            raise too_little_sound(self._input.buffered_ms)
        self._input.forget_turn()
        item_id, self._speech_id = self._speech_id or new_id("item"), ""
        self._commit(item_id, self._input.take())

    def clear(self) -> None:
        """The client discards its sound."""
        self._input.clear()
        self._speech_id = ""
        self._emit({"type": "input_audio_buffer.cleared"})

    def reconfigure(self) -> None:
        """The session's input settings changed: start listening again; the count of sound continues."""
        appended_ms = self._input.appended_ms
        detection = self._settings.detection
        self._input = InputAudio(self._settings.input["format"], detection, self._new_detector, appended_ms=appended_ms)
        self._speech_id = ""
        if not (detection or {}).get("idle_timeout_ms"):
            self.disarm()

    async def words_known(self) -> None:
        """Wait until everything heard so far is transcribed."""
        if self._recognitions:
            await asyncio.wait(tuple(self._recognitions))

    def close(self) -> None:
        """The session is over."""
        self.disarm()
        for task in tuple(self._recognitions):
            task.cancel()

    # ---- silence ------------------------------------------------------------------------------------

    def arm(self, sound_ms: float) -> None:
        """A response is done: count `idle_timeout_ms` from the end of its sound, which plays for `sound_ms`."""
        self.disarm()
        idle_ms = (self._settings.detection or {}).get("idle_timeout_ms")
        if idle_ms and not self._speech_id:
            loop = asyncio.get_running_loop()
            self._idle = loop.call_later((sound_ms + idle_ms) / 1000, self._nobody_spoke, float(idle_ms))

    def disarm(self) -> None:
        """Something is happening: do not count silence."""
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _nobody_spoke(self, idle_ms: float) -> None:
        self._idle = None
        now_ms = self._input.appended_ms
        start_ms = max(0.0, now_ms - idle_ms)
        item_id = new_id("item")
        place = {"audio_start_ms": int(start_ms), "audio_end_ms": int(now_ms), "item_id": item_id}
        self._emit({"type": "input_audio_buffer.timeout_triggered"} | place)
        self._commit(item_id, Piece())
        self._reply()

    # ---- turns --------------------------------------------------------------------------------------

    def _speech_started(self, edge: Started) -> None:
        self.disarm()
        self._speech_id, self._speech_start_ms = new_id("item"), edge.at_ms
        start = {"audio_start_ms": int(edge.at_ms), "item_id": self._speech_id}
        self._emit({"type": "input_audio_buffer.speech_started"} | start)
        if (self._settings.detection or {}).get("interrupt_response"):
            self._interrupt()

    def _speech_stopped(self, edge: Stopped) -> None:
        item_id, self._speech_id = self._speech_id, ""
        end = {"audio_end_ms": int(edge.at_ms), "item_id": item_id}
        self._emit({"type": "input_audio_buffer.speech_stopped"} | end)
        self._commit(item_id, self._input.take(self._speech_start_ms, edge.at_ms))
        if (self._settings.detection or {}).get("create_response"):
            self._reply()

    def _commit(self, item_id: str, piece: Piece) -> None:
        self.disarm()
        before = self._graph.last_id
        self._emit({"type": "input_audio_buffer.committed", "item_id": item_id, "previous_item_id": before})
        item = ConversationItem(type="message", role="user", id=item_id)
        item.content = [{"type": "input_audio", "transcript": None}]
        self.take_in(item, piece)

    def take_in(self, item: ConversationItem, piece: Piece, *, after: str | None = None) -> None:
        """Add a user item with sound to the conversation and transcribe it.

        Raises:
            Rejected: its place or its id is impossible.
        """
        item.sound, item.sound_ms = piece.encoded, piece.length_ms
        announce(self._graph, item, self._emit, after=after)
        if piece.pcm_24k:
            task = asyncio.create_task(self._recognise(item, piece.pcm_24k), name="rehearsal-ears")
            self._recognitions.add(task)
            task.add_done_callback(self._recognitions.discard)

    @property
    def _language(self) -> str:
        """The language that the client announced."""
        return (self._settings.input["transcription"] or {}).get("language") or "en"

    async def _recognise(self, item: ConversationItem, pcm: bytes) -> None:
        head = {"item_id": item.id, "content_index": 0}
        kind = "conversation.item.input_audio_transcription"
        try:
            item.text = (await self._ears.transcribe(pcm, language=self._language)).strip()
        except OpenDeepError as error:
            log().warning("! the rehearsal's ears failed", error=type(error).__name__)
            if self._settings.input["transcription"]:
                failure = {"type": "server_error", "code": "audio_unintelligible", "message": str(error), "param": None}
                self._emit({"type": f"{kind}.failed"} | head | {"error": failure})
            return
        if self._settings.input["transcription"]:
            item.content[0]["transcript"] = item.text
            if item.text:
                self._emit({"type": f"{kind}.delta"} | head | {"delta": item.text})
            usage = {"type": "duration", "seconds": round(item.sound_ms / 1000, 3)}
            self._emit({"type": f"{kind}.completed"} | head | {"transcript": item.text, "usage": usage})


def announce(graph: ItemGraph, item: ConversationItem, emit: Emit, *, after: str | None = None) -> None:
    """Add a complete item to the conversation and tell the client."""
    previous = graph.add(item, after=after)
    graph.forget_old_sound()
    place: dict[str, Any] = {"previous_item_id": previous, "item": item.to_wire()}
    emit({"type": "conversation.item.added"} | place)
    emit({"type": "conversation.item.done"} | place)


def decoded(audio: str, param: str) -> bytes:
    """The bytes of this base64.

    Raises:
        Rejected: it is not base64.
    """
    try:
        return pybase64.b64decode(audio, validate=True)
    except ValueError:
        raise not_audio(param) from None

"""A client of the local Realtime server for tests: validates every event strictly and keeps them all."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, get_args

import websockets
from openai.types.realtime import RealtimeServerEvent
from pydantic import TypeAdapter
from websockets.exceptions import ConnectionClosed

from opendeep_kit.audio.pcm import silence
from opendeep_kit.audio.tones import tone
from opendeep_kit.rehearsal.engines import (
    FixedDialogue,
    FixedEars,
    LoudnessVoice,
    ReplyRequest,
    Say,
    ToneMouth,
    UseTool,
)
from opendeep_kit.rehearsal.realtime_server import RealtimeServer
from opendeep_kit.settings import RehearsalSettings

LONG = "This sentence is long enough to be interrupted while the model is still speaking it aloud."
QUICK = {"audio_speed": 1000, "think_ms": 0}
SLOW = {"audio_speed": 4, "think_ms": 0}
_ADAPTER: TypeAdapter[Any] = TypeAdapter(RealtimeServerEvent)
_CLASSES = {get_args(cls.model_fields["type"].annotation)[0]: cls for cls in get_args(get_args(RealtimeServerEvent)[0])}


class RecordingDialogue(FixedDialogue):
    """Keeps what it was asked."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.requests: list[ReplyRequest] = []

    async def reply(self, request: ReplyRequest) -> AsyncIterator[Say | UseTool]:
        self.requests.append(request)
        async for part in super().reply(request):
            yield part


def loud(ms: int) -> bytes:
    """Something the loudness detector takes for a voice, 24 kHz."""
    return tone(440, 24000, ms)


class Peer:
    """One connection. With `is_faulty` the server is meant to break the protocol."""

    def __init__(
        self, connection: websockets.ClientConnection, dialogue: RecordingDialogue, *, is_faulty: bool
    ) -> None:
        self.connection = connection
        self.dialogue = dialogue
        self.is_faulty = is_faulty
        self.events: list[dict[str, Any]] = []

    async def send(self, kind: str, **fields: Any) -> None:
        """One client event."""
        await self.connection.send(json.dumps({"type": kind} | fields))

    async def update(self, **session: Any) -> dict[str, Any]:
        """A `session.update`; returns the session in force."""
        await self.send("session.update", session={"type": "realtime"} | session)
        return (await self.until("session.updated"))["session"]

    async def listen_with(self, **source: Any) -> dict[str, Any]:
        """A `session.update` of `audio.input`."""
        return await self.update(audio={"input": source})

    async def say(self, text: str, **fields: Any) -> dict[str, Any]:
        """A user item with words."""
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        await self.send("conversation.item.create", item=item | fields.pop("item", {}), **fields)
        return await self.until("conversation.item.done")

    async def hear(self, *sounds: bytes, chunk: int = 4800) -> None:
        """Append sound, 100 ms of PCM at a time."""
        for sound in sounds:
            for at in range(0, len(sound), chunk):
                audio = base64.b64encode(sound[at : at + chunk]).decode()
                await self.send("input_audio_buffer.append", audio=audio)

    async def receive(self) -> dict[str, Any]:
        """The next event, strictly valid."""
        async with asyncio.timeout(8):
            event: dict[str, Any] = json.loads(await self.connection.recv())
        if not self.is_faulty:
            assert type(_ADAPTER.validate_python(event)) is _CLASSES[event["type"]]
        self.events.append(event)
        return event

    async def until(self, kind: str) -> dict[str, Any]:
        """Receive up to an event of this type."""
        while (event := await self.receive())["type"] != kind:
            pass
        return event

    async def until_closed(self) -> tuple[int, str]:
        """Receive until the server closes; returns its code and reason."""
        try:
            while True:
                await self.receive()
        except ConnectionClosed as closed:
            return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")

    async def error(self) -> dict[str, Any]:
        """The next event's error."""
        event = await self.receive()
        assert event["type"] == "error"
        error: dict[str, Any] = event["error"]
        return error

    async def respond(self, **response: Any) -> dict[str, Any]:
        """A whole response; returns it as done."""
        await self.send("response.create", **({"response": response} if response else {}))
        done = await self.until("response.done")
        await self.until("rate_limits.updated")
        response_done: dict[str, Any] = done["response"]
        return response_done

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of this type so far."""
        return [event for event in self.events if event["type"] == kind]

    def order(self) -> list[str]:
        """The types so far, runs of deltas told once, transcription and rate limits left out."""
        collapsed: list[str] = []
        for event in self.events:
            kind = event["type"]
            if "transcription" in kind or kind == "rate_limits.updated":
                continue
            if kind.endswith(".delta") and kind in collapsed[-2:]:
                continue
            collapsed.append(kind)
        return collapsed

    def sound(self) -> bytes:
        """All sound received."""
        return b"".join(base64.b64decode(event["delta"]) for event in self.of("response.output_audio.delta"))


def check_invariants(events: Sequence[dict[str, Any]]) -> None:
    """What holds in every session, however it went."""
    open_responses: dict[str, bool] = {}
    finished: set[str] = set()
    words: dict[str, str] = {}
    items: set[str] = set()
    for event in events:
        kind = event["type"]
        if kind == "response.created":
            response = event["response"]
            is_in_band = response["conversation_id"] is not None
            assert not (is_in_band and any(open_responses.values())), "two responses in the conversation"
            open_responses[response["id"]] = is_in_band
        elif kind == "response.done":
            assert event["response"]["id"] in open_responses, "done twice or never created"
            del open_responses[event["response"]["id"]]
            finished.add(event["response"]["id"])
        elif kind.startswith("response."):
            assert event["response_id"] not in finished, "something after response.done"
        if kind in ("response.output_audio_transcript.delta", "response.output_text.delta"):
            words[event["item_id"]] = words.get(event["item_id"], "") + event["delta"]
        elif kind == "response.output_audio_transcript.done":
            assert event["transcript"] == words.get(event["item_id"], "")
        elif kind == "response.output_text.done":
            assert event["text"] == words.get(event["item_id"], "")
        elif kind == "conversation.item.added":
            assert event["previous_item_id"] in items | {None}, "hangs on an item nobody was told of"
            assert event["item"]["id"] not in items
            items.add(event["item"]["id"])
    assert len({event["event_id"] for event in events}) == len(events)


@asynccontextmanager
async def serving(
    replies: Iterable[Sequence[Say | UseTool]] = ((Say("Hello there."),),),
    *,
    dialogue: Any = None,
    ears: Any = None,
    mouth: Any = None,
    api_keys: frozenset[str] | None = None,
    rng: random.Random | None = None,
    faults: Sequence[str] = (),
    **settings: Any,
) -> AsyncIterator[RealtimeServer]:
    """A running server with the prerecorded engines."""
    server = RealtimeServer(
        dialogue=dialogue or RecordingDialogue(tuple(replies)),
        ears=ears or FixedEars(),
        mouth=mouth or ToneMouth(),
        new_detector=LoudnessVoice,
        settings=RehearsalSettings(**(QUICK | settings)),
        api_keys=api_keys,
        rng=rng,
        faults=faults,
    )
    async with server:
        yield server


def address(server: RealtimeServer, query: str = "") -> str:
    """Where a WebSocket client connects."""
    return f"ws://127.0.0.1:{server.port}/v1/realtime?model=gpt-realtime-2.1{query}"


@asynccontextmanager
async def talking(
    replies: Iterable[Sequence[Say | UseTool]] = ((Say("Hello there."),),),
    *,
    query: str = "",
    **options: Any,
) -> AsyncIterator[Peer]:
    """A server and one connection whose session is created; invariants are checked at the end."""
    dialogue = options.pop("dialogue", None) or RecordingDialogue(tuple(replies))
    async with (
        serving(dialogue=dialogue, **options) as server,
        websockets.connect(address(server, query), compression=None, max_size=None) as connection,
    ):
        peer = Peer(connection, dialogue, is_faulty=bool(query))
        await peer.until("session.created")
        yield peer
    if not peer.is_faulty:
        check_invariants(peer.events)


SILENCE = silence(24000, 700)
"""Ends a turn under the default settings."""

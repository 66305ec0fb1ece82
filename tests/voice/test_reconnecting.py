"""Our voice client against servers that break off: when it tries again, and when it gives up."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
import websockets

from opendeep_kit import events
from opendeep_kit.audio.playout import Playout
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.settings import VoiceSettings
from opendeep_kit.voice import realtime_client, reconnect_policy
from opendeep_kit.voice.conversation import Conversation
from opendeep_kit.voice.realtime_client import RealtimeVoice
from opendeep_kit.voice.session_setup import SessionSetup

WITHIN_S = 1.0
Peer = websockets.ServerConnection
Act = Callable[[Peer], Awaitable[None]]


async def send(peer: Peer, kind: str, **fields: Any) -> None:
    """One server event."""
    await peer.send(json.dumps({"type": kind, "event_id": "e"} | fields))


async def configured(peer: Peer) -> None:
    """The beginning of a session as it should be."""
    await send(peer, "session.created", session={"id": "s"})
    await peer.recv()
    await send(peer, "session.updated", session={"id": "s"})


async def stay(peer: Peer) -> None:
    """A session that stands until the client ends it."""
    await configured(peer)
    async for _ in peer:
        pass


async def drop(peer: Peer) -> None:
    """A session that breaks a moment after its beginning."""
    await configured(peer)
    await asyncio.sleep(0.05)


async def hang_up_early(peer: Peer) -> None:
    """Accepted, but closed before it is configured."""
    await send(peer, "session.created", session={"id": "s"})


async def stall_early(peer: Peer) -> None:
    """Accepted, then nothing."""
    async for _ in peer:
        pass


async def refuse(peer: Peer, code: str = "server_error") -> None:
    """The configuration is answered with an error."""
    await send(peer, "session.created", session={"id": "s"})
    await peer.recv()
    await send(peer, "error", error={"type": "server_error", "code": code, "message": "Not now."})


async def refuse_for_good(peer: Peer) -> None:
    """The configuration is answered with an error that another attempt cannot mend."""
    await refuse(peer, "insufficient_quota")


async def stop_reading(peer: Peer) -> None:
    """A server that is lost in the middle of a talk, and whose network takes up nothing more."""
    await configured(peer)
    while '"response.create"' not in await peer.recv():
        pass
    peer.transport.pause_reading()
    await asyncio.sleep(3.5)
    peer.transport.abort()


async def listen_long(peer: Peer) -> None:
    """The callee speaks on and on, while a tool's result waits."""
    await configured(peer)
    await send(peer, "input_audio_buffer.speech_started", item_id="u1")
    await asyncio.sleep(1.0)


async def run_dry(peer: Peer) -> None:
    """The account's money is spent in the middle of a sentence."""
    await configured(peer)
    await peer.recv()
    await send(peer, "response.created", response={"id": "r1"})
    sound = base64.b64encode(bytes(4800)).decode()
    await send(peer, "response.output_audio.delta", response_id="r1", item_id="a1", content_index=0, delta=sound)
    await send(peer, "error", error={"code": "insufficient_quota", "message": "Over quota."})
    await asyncio.sleep(1)


ODD_FRAMES = (
    "ping",
    b"\x00\xff",
    '{"type":"error","error":"no"}',
    '{"type":"error","error":{"code":["insufficient_quota"],"event_id":7}}',
    '{"type":"conversation.item.added","item":{"id":1,"type":"message","role":"user","content":["text",null]}}',
    '{"type":"response.created","response":{"id":null}}',
    '{"type":"response.output_audio.delta","response_id":"r:1","item_id":"a:1","delta":"AQID"}',
    '{"type":"response.done","response":{"id":"r:1","status":"completed","usage":{"input_tokens":"many"}}}',
    '{"type":"rate_limits.updated","rate_limits":[{"name":"tokens","remaining":1,"reset_seconds":1e300}]}',
    '{"type":"response.output_audio.delta","delta":5,"response_id":nonsense',
)


async def speak_oddly(peer: Peer) -> None:
    """A server of whose frames few are as expected, and then a callee who speaks."""
    await configured(peer)
    for frame in ODD_FRAMES:
        await peer.send(frame)
    await send(peer, "input_audio_buffer.speech_started", item_id="u1")
    async for _ in peer:
        pass


class Call:
    """Our client, and how often it connected."""

    def __init__(self, address: str, **voice: Any) -> None:
        self.client = openai.AsyncOpenAI(api_key="x", base_url=address)
        self.playout = Playout(24000)
        self.talk = Conversation("c", self.playout, in_flight_ms=40)
        self.connections = 0
        self.events: list[events.Event] = []
        self._changed = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.voice = RealtimeVoice(
            self.client,
            VoiceSettings(**{"reconnect_within_s": WITHIN_S, "connect_timeout_s": 0.2} | voice),
            SessionSetup(instructions="You call about teeth.", tools=[]),
            self.talk,
            call_id="c",
            line_rate_hz=24000,
            chunk_ms=40,
            now_ms=lambda: loop.time() * 1000,
            emit=self._take,
            run_tool=lambda call_id, name, arguments: None,
        )

    def _take(self, event: events.Event) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, kind: type[events.Event], count: int = 1) -> None:
        """Wait for the Nth event of this class."""
        async with asyncio.timeout(10):
            while sum(isinstance(event, kind) for event in self.events) < count:
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def calling(*acts: Act, **voice: Any) -> AsyncIterator[Call]:
    """A client whose Nth connection meets the Nth act; the last one repeats."""

    async def serve(peer: Peer) -> None:
        call.connections += 1
        await acts[min(call.connections, len(acts)) - 1](peer)

    async with websockets.serve(serve, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        call = Call(f"http://127.0.0.1:{port}/v1", **voice)
        yield call
        call.voice.close()
        await call.client.close()


@pytest.mark.parametrize("act", [hang_up_early, stall_early, refuse])
async def test_server_that_never_configures_again_is_given_up(act: Act) -> None:
    """Each attempt counts and is waited after; when the time is over, the call hears of it as something that passes."""
    async with calling(drop, act) as call:
        async with asyncio.timeout(5):
            with pytest.raises(Unavailable, match="stayed away"):
                await call.voice.run()

        assert 3 <= call.connections <= 6


@pytest.mark.parametrize("act", [hang_up_early, stall_early, refuse])
async def test_server_that_recovers_goes_on(act: Act) -> None:
    """One attempt that came to nothing is followed by one that holds."""
    async with calling(drop, act, stay) as call:
        run = asyncio.create_task(call.voice.run())
        await call.until(events.ModelConnected, 2)
        call.voice.close()
        await run

        assert call.connections == 3


@pytest.mark.parametrize(
    ("act", "error"), [(hang_up_early, Unavailable), (stall_early, Unavailable), (refuse, BadInput)]
)
async def test_first_attempt_is_the_only_one(act: Act, error: type[Exception]) -> None:
    """Before the talk began nothing is tried again: the callee should not wait for it."""
    async with calling(act) as call:
        with pytest.raises(error):
            await call.voice.run()

        assert call.connections == 1


async def test_refusal_for_good_is_not_tried_again() -> None:
    """An account without money has none in a second either."""
    async with calling(drop, refuse_for_good) as call:
        with pytest.raises(BadInput):
            await call.voice.run()

        assert call.connections == 2


async def test_refusal_in_the_middle_of_a_sentence_ends_it() -> None:
    """What came of it is played to its end, and nothing waits for the rest: a goodbye can be heard."""
    async with calling(run_dry) as call:
        run = asyncio.create_task(call.voice.run())
        await call.until(events.ModelConnected)
        call.voice.speak_now()
        with pytest.raises(BadInput, match="quota"):
            await run
        for slot in range(10):
            call.playout.next_frame(slot)

        assert [lost.reason for lost in call.events if isinstance(lost, events.ModelLost)] == ["Over quota."]
        assert not call.playout.items


async def test_session_that_breaks_at_once_is_no_recovery() -> None:
    """A server that configures every session and drops it is waited for like one that does not answer."""
    async with calling(drop) as call:
        async with asyncio.timeout(5):
            with pytest.raises(Unavailable, match="stayed away"):
                await call.voice.run()

        assert 3 <= call.connections <= 5


async def test_lost_server_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It owes a reply, takes up no sound and answers no goodbye: it is left within the time of a stall and a second."""
    monkeypatch.setattr(realtime_client, "STALL_S", 0.3)
    async with calling(stop_reading, stay, reconnect_within_s=5) as call:
        run = asyncio.create_task(call.voice.run())
        await call.until(events.ModelConnected)
        call.voice.speak_now()
        async with asyncio.timeout(4):
            while call.connections < 2:
                call.voice.hear(bytes(480_000))
                await asyncio.sleep(0.005)
        await call.until(events.ModelConnected, 2)
        call.voice.close()
        await run

        assert [lost.reason for lost in call.events if isinstance(lost, events.ModelLost)] == ["stalled"]


async def test_odd_frames_end_no_session() -> None:
    """Whatever a server writes, the session stands, and the next event is taken."""
    async with calling(speak_oddly) as call:
        run = asyncio.create_task(call.voice.run())
        await call.until(events.SpeechStarted)
        call.voice.close()
        await run

        assert call.connections == 1
        assert not any(isinstance(event, events.ModelLost) for event in call.events)
        assert sum(isinstance(event, events.Unknown) for event in call.events) >= 4


async def test_server_that_never_replies_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """It configures every session and lets it stand, but owes each its reply: that is no recovery."""
    monkeypatch.setattr(realtime_client, "STALL_S", 0.2)
    monkeypatch.setattr(reconnect_policy, "STEADY_S", 0.1)
    async with calling(stay) as call:
        run = asyncio.create_task(call.voice.run())
        await call.until(events.ModelConnected)
        call.talk.history.said("u1", "callee", "Hello?")
        call.voice.speak_now()
        async with asyncio.timeout(5):
            with pytest.raises(Unavailable, match="stayed away"):
                await run

        assert 2 <= call.connections <= 5


async def test_callee_who_speaks_long_is_not_taken_for_a_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wanted but cannot be asked for yet is nothing that the model owes: its session stays."""
    monkeypatch.setattr(realtime_client, "STALL_S", 0.2)
    async with calling(listen_long) as call:
        run = asyncio.create_task(call.voice.run())
        await call.until(events.SpeechStarted)
        call.voice.tool_finished("t1", "ok", wants_reply=True)
        await asyncio.sleep(0.6)
        call.voice.close()
        await run

        assert call.connections == 1
        assert not any(isinstance(event, events.ModelLost) for event in call.events)

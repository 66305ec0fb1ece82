"""The official SDK and our own voice client against the local Realtime server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest

from opendeep_kit import events
from opendeep_kit.audio.pcm import silence
from opendeep_kit.audio.playout import Playout
from opendeep_kit.errors import Unavailable
from opendeep_kit.rehearsal.engines import Say, UseTool
from opendeep_kit.rehearsal.realtime_server import RealtimeServer
from opendeep_kit.settings import VoiceSettings
from opendeep_kit.voice.conversation import Conversation
from opendeep_kit.voice.realtime_client import RealtimeVoice
from opendeep_kit.voice.session_setup import SessionSetup
from opendeep_kit.voice.wire import RateLimit
from tests.rehearsal.realtime_peer import LONG, SILENCE, RecordingDialogue, loud, serving

TOOL = {"type": "function", "name": "note", "description": "Note it.", "parameters": {"type": "object"}}
FRAME = 960


class Call:
    """A call without a phone: a line that plays faster than life, and our client."""

    def __init__(self, server: RealtimeServer, *, slot_s: float = 0.001, **voice: Any) -> None:
        self.client = openai.AsyncOpenAI(api_key="x", base_url=server.base_url)
        self.playout = Playout(24000)
        self.talk = Conversation("c", self.playout, in_flight_ms=40)
        self.events: list[events.Event] = []
        self.limits: list[tuple[list[float], float]] = []
        """Remaining tokens, and for how long we were turned away."""
        self.is_told = asyncio.Event()
        self.slot = 0
        self._slot_s = slot_s
        self._changed = asyncio.Event()
        self.voice = RealtimeVoice(
            self.client,
            VoiceSettings(reconnect_attempts=8, **voice),
            SessionSetup(instructions="You call about teeth.", tools=[TOOL]),
            self.talk,
            call_id="c",
            line_rate_hz=24000,
            chunk_ms=40,
            now_ms=lambda: self.slot * 20.0,
            emit=self._take,
            run_tool=self._run_tool,
            on_limits=self._note_limits,
        )

    def _take(self, event: events.Event) -> None:
        self.events.append(event)
        self._changed.set()

    def _note_limits(self, limits: Sequence[RateLimit], wait_s: float) -> None:
        self.limits.append(([one.remaining for one in limits], wait_s))
        self.is_told.set()

    def _run_tool(self, call_id: str, name: str, arguments: str) -> None:
        self.voice.tool_finished(call_id, f"{name} got {arguments}", wants_reply=True)

    async def line(self) -> None:
        """20 ms of line time per `slot_s`."""
        while True:
            frame = self.playout.next_frame(self.slot)
            self.slot += 1
            if frame.item:
                self.voice.frame_sent(frame)
            self._changed.set()
            await asyncio.sleep(self._slot_s)

    def hear(self, pcm: bytes) -> None:
        """The callee's sound, in frames."""
        for at in range(0, len(pcm), FRAME):
            self.voice.hear(pcm[at : at + FRAME])

    def happened(self, kind: type[events.Event]) -> list[Any]:
        """Events of this class so far."""
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type[events.Event], count: int = 1) -> Any:
        """Wait for the Nth event of this class."""
        await self.when(lambda: len(self.happened(kind)) >= count)
        return self.happened(kind)[count - 1]

    async def when(self, condition: Callable[[], bool]) -> None:
        """Wait until it is so."""
        async with asyncio.timeout(30):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def calling(server: RealtimeServer, **options: Any) -> AsyncIterator[Call]:
    """A running call, connected."""
    call = Call(server, **options)
    tasks = [asyncio.create_task(call.voice.run()), asyncio.create_task(call.line())]
    try:
        await call.until(events.ModelConnected)
        yield call
    finally:
        call.voice.close()
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await call.client.close()
    assert tasks[0].exception() is None


def assert_no_errors(call: Call) -> None:
    """The model never complained."""
    assert call.happened(events.ModelErred) == []
    assert call.happened(events.Unknown) == []


async def test_official_sdk() -> None:
    """The SDK connects, sends raw, receives bytes and parses a whole response."""
    async with serving() as server:
        client = openai.AsyncOpenAI(api_key="x", base_url=server.base_url)
        async with client.realtime.connect(model="gpt-realtime-2.1") as connection:
            created = connection.parse_event(await connection.recv_bytes())
            await connection.send_raw(json.dumps({"type": "response.create"}))
            kinds = []
            async for event in connection:
                kinds.append(event.type)
                if event.type == "response.done":
                    break
        await client.close()

        assert (created.type, kinds[0], event.response.status) == ("session.created", "response.created", "completed")
        assert event.response.usage.total_tokens > 0


async def test_our_client_opens_and_answers() -> None:
    """A text turn and a turn found by the detector are both played to their end."""
    dialogue = RecordingDialogue([[Say("Hello."), Say("Is it you?")], [Say("Thank you.")]])
    async with serving(dialogue=dialogue) as server, calling(server) as call:
        call.voice.speak_now()
        opened = await call.until(events.AgentSaid)
        call.hear(loud(400) + SILENCE)
        answered = await call.until(events.AgentSaid, 2)

        assert (opened.heard, opened.is_cut) == ("Hello. Is it you?", False)
        assert (answered.heard, answered.is_cut) == ("Thank you.", False)
        assert (await call.until(events.CalleeSaid)).text == "Yes, that is fine."
        assert [turn.text for turn in dialogue.requests[1].history] == ["Hello. Is it you?", "Yes, that is fine."]
        assert dialogue.requests[0].tools == (TOOL,)
        assert_no_errors(call)


@pytest.mark.parametrize(
    "voice",
    [
        {"audio_format": "pcmu"},
        {"audio_format": "pcma"},
        {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}},
        {"speed": 1.5, "voice": "cedar", "noise_reduction": "far_field", "max_output_tokens": 4096},
    ],
    ids=["pcmu", "pcma", "semantic_vad", "others"],
)
async def test_our_client_with_other_settings(voice: dict[str, Any]) -> None:
    """The callee's turn is found and the reply is played at its own length, in every form that the settings offer."""
    dialogue = RecordingDialogue([[Say("Is it you, or is it somebody else?")]])
    async with serving(dialogue=dialogue, lead_in_ms=0) as server, calling(server, **voice) as call:
        call.hear(loud(400) + SILENCE)
        said = await call.until(events.AgentSaid)

        assert (await call.until(events.CalleeSaid)).text == "Yes, that is fine."
        assert (said.heard, said.is_cut) == ("Is it you, or is it somebody else?", False)
        assert said.received_ms == pytest.approx(34 * 65 / voice.get("speed", 1.0), abs=5)
        assert_no_errors(call)


async def test_our_client_is_interrupted() -> None:
    """Barge-in: our client truncates to what was heard, and the dialogue learns just that much."""
    dialogue = RecordingDialogue([[Say(LONG)], [Say("Pardon?")]])
    async with serving(dialogue=dialogue) as server, calling(server, slot_s=0.004) as call:
        call.voice.speak_now()
        began = await call.until(events.AgentSoundStarted)
        await call.when(lambda: call.slot * 20 > began.first_sound_ms + 1000)
        call.hear(loud(400))
        cut = await call.until(events.AgentInterrupted)
        call.hear(SILENCE)
        await call.until(events.AgentSaid, 2)
        agent, callee = dialogue.requests[1].history

        assert cut.dropped_ms > 500
        assert LONG.startswith(agent.text)
        assert (agent.is_cut, callee.text) == (True, "Yes, that is fine.")
        assert 0 < len(agent.text) < len(LONG)
        assert_no_errors(call)


async def test_our_client_runs_a_tool() -> None:
    """A tool call is run and answered, and its result is in the history."""
    dialogue = RecordingDialogue([[UseTool("note", '{"a": 1}')]])
    async with serving(dialogue=dialogue) as server, calling(server) as call:
        call.voice.speak_now()
        said = await call.until(events.AgentSaid)

        assert call.happened(events.ToolCalled)[0].arguments == '{"a": 1}'
        assert said.heard == "I have noted that."
        assert [turn.text for turn in dialogue.requests[1].history] == ['{"a": 1}', 'note got {"a": 1}']
        assert_no_errors(call)


async def test_our_client_says_exactly() -> None:
    """A supervisor's sentence is a one-off instruction, said word for word."""
    async with serving() as server, calling(server) as call:
        call.voice.say("Hello, are you still there?")

        assert (await call.until(events.AgentSaid)).heard == "Hello, are you still there?"


async def test_our_client_reconnects() -> None:
    """When the server dies in a call, the history is replayed to the next one, which goes on."""
    first = RecordingDialogue([[Say("Hello.")]])
    second = RecordingDialogue([[Say("Hello.")], [Say("Where were we?")]])
    async with serving(dialogue=first) as server, calling(server) as call:
        call.voice.speak_now()
        await call.until(events.AgentSaid)
        call.hear(loud(400) + SILENCE)
        await call.until(events.AgentSaid, 2)
        await server.close()
        lost = await call.until(events.ModelLost)
        async with serving(dialogue=second, realtime_port=server.port):
            again = await call.until(events.ModelConnected, 2)
            call.voice.speak_now()
            await call.until(events.AgentSaid, 3)
            call.voice.close()

        assert (lost.code, again.attempt, again.replayed_items) == (1001, 2, 3)
        history = [(turn.role, turn.text) for turn in second.requests[0].history]
        assert history == [("assistant", "Hello."), ("user", "Yes, that is fine."), ("assistant", "Hello.")]
        assert call.happened(events.Unknown) == []


async def test_our_client_survives_mischief() -> None:
    """Late deltas, two items, unknown events and extra keys leave the talk as it should be."""
    faults = ["late_deltas,two_items,unknown_events,extra_keys"]
    async with serving([[Say(LONG)]], faults=faults) as server, calling(server) as call:
        call.voice.speak_now()
        await call.until(events.AgentSaid, 2)
        first, second = call.happened(events.AgentSaid)

        assert first.meant + second.meant == LONG
        assert {event.type for event in call.happened(events.Unknown)} == {"ping", "session.mood.updated"}
        assert call.happened(events.ModelErred) == []


@pytest.mark.parametrize(("fault", "told"), [("extra_keys", [39_900_000]), ("rate_limited@response=1", [0])])
async def test_our_client_hears_of_the_allowances(fault: str, told: list[float]) -> None:
    """What a response left of the account's tokens reaches whoever plans."""
    async with serving(faults=[fault]) as server, calling(server) as call:
        call.voice.speak_now()
        await call.until(events.ModelErred if told == [0] else events.AgentSaid)
        async with asyncio.timeout(5):
            await call.is_told.wait()

        assert call.limits[0] == (told, 0.0)


async def test_our_client_waits_for_a_spent_allowance() -> None:
    """A response that failed for want of tokens is asked for again when they are there, and is then heard."""
    async with serving(faults=["rate_limited@response=1"]) as server, calling(server) as call:
        call.voice.speak_now()
        said = await call.until(events.AgentSaid, 2)
        failed, again = call.happened(events.ReplyEnded)[0], call.happened(events.ReplyBegan)[1]

        assert said.heard == "Hello there."
        assert again.at_ms - failed.at_ms >= 1500


async def test_our_client_bears_responses_that_are_never_announced() -> None:
    """One after the other is asked for, played and over."""
    async with serving(faults=["no_created"]) as server, calling(server) as call:
        for turn in (1, 2):
            call.voice.speak_now()
            await call.until(events.AgentSaid, turn)
            await call.when(lambda: call.voice.is_quiet)

        assert_no_errors(call)


async def test_our_client_tells_that_it_is_turned_away() -> None:
    """HTTP 429 says for how long no further call should begin, and ends this one as something that may pass."""
    async with serving(faults=["http_429"]) as server:
        call = Call(server)
        with pytest.raises(Unavailable, match="no capacity for us"):
            await call.voice.run()

    assert call.limits == [([], 20.0)]
    await call.client.close()


async def test_our_client_stays_in_step() -> None:
    """Silence sent for minutes costs nothing and starts nothing."""
    async with serving() as server, calling(server) as call:
        for _ in range(50):
            call.hear(silence(24000, 200))
            await asyncio.sleep(0)
        call.voice.speak_now()
        await call.until(events.AgentSaid)

        assert call.happened(events.SpeechStarted) == []

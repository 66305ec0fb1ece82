"""One session of the local Realtime server: settings, turns, limits."""

import asyncio
import base64
import contextlib
import random

import pytest
import websockets
from websockets.exceptions import ConnectionClosed

from opendeep_kit.errors import Unavailable
from opendeep_kit.rehearsal import realtime_server
from opendeep_kit.rehearsal.engines import Say
from tests.rehearsal.realtime_peer import (
    LONG,
    SILENCE,
    SLOW,
    Peer,
    RecordingDialogue,
    address,
    loud,
    serving,
    talking,
)

TOOL = {"type": "function", "name": "note", "description": "Note it.", "parameters": {"type": "object"}}


# ---- settings ---------------------------------------------------------------------------------------


async def test_defaults() -> None:
    """A new session shows all its settings, as recorded from gpt-realtime-2.1."""
    async with talking() as peer:
        session = peer.events[0]["session"]

        assert session["audio"] == {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": None,
                "noise_reduction": None,
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "idle_timeout_ms": None,
                    "create_response": True,
                    "interrupt_response": True,
                },
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
        }
        assert (session["model"], session["tools"], session["max_output_tokens"]) == ("gpt-realtime-2.1", [], "inf")


async def test_updates_merge() -> None:
    """What an update does not name stays; empty values and null clear."""
    async with talking() as peer:
        await peer.update(instructions="Be brief.", tools=[TOOL])
        merged = await peer.listen_with(turn_detection={"type": "server_vad", "silence_duration_ms": 300})
        cleared = await peer.update(instructions="", tools=[], audio={"input": {"turn_detection": None}})

        assert (merged["instructions"], merged["tools"]) == ("Be brief.", [TOOL])
        assert merged["audio"]["input"]["turn_detection"]["silence_duration_ms"] == 300
        assert merged["audio"]["input"]["turn_detection"]["prefix_padding_ms"] == 300
        assert (cleared["instructions"], cleared["tools"]) == ("", [])
        assert cleared["audio"]["input"]["turn_detection"] is None
        assert cleared["audio"]["output"]["voice"] == "marin"


async def test_another_kind_of_turn_detection() -> None:
    """Changing the type brings that type's defaults."""
    async with talking() as peer:
        session = await peer.listen_with(turn_detection={"type": "semantic_vad", "eagerness": "high"})
        await peer.hear(loud(300), SILENCE)
        stopped = await peer.until("input_audio_buffer.speech_stopped")

        assert session["audio"]["input"]["turn_detection"] == {
            "type": "semantic_vad",
            "eagerness": "high",
            "create_response": True,
            "interrupt_response": True,
        }
        assert 650 <= stopped["audio_end_ms"] <= 690


# ---- turns ------------------------------------------------------------------------------------------


async def test_detection_without_replies() -> None:
    """With `create_response: false` turns are told and committed, not answered."""
    async with talking() as peer:
        await peer.listen_with(turn_detection={"type": "server_vad", "create_response": False})
        await peer.hear(loud(300), SILENCE, loud(300), SILENCE)
        await peer.until("input_audio_buffer.committed")
        second = await peer.until("input_audio_buffer.committed")
        await peer.update()

        assert second["previous_item_id"] == peer.of("input_audio_buffer.committed")[0]["item_id"]
        assert peer.of("response.created") == []


async def test_detection_without_interruption() -> None:
    """With `interrupt_response: false` a reply goes on while the callee speaks; a second one is refused."""
    async with talking([[Say(LONG)]], **SLOW) as peer:
        await peer.listen_with(turn_detection={"type": "server_vad", "interrupt_response": False})
        await peer.send("response.create")
        await peer.until("response.output_audio.delta")
        await peer.hear(loud(300), SILENCE)
        error = (await peer.until("error"))["error"]
        done = (await peer.until("response.done"))["response"]

        assert error["code"] == "conversation_already_has_active_response"
        assert done["status"] == "completed"


async def test_commit_by_hand_while_the_callee_speaks() -> None:
    """The turn's item is committed, and its stop is never told."""
    async with talking() as peer:
        await peer.hear(loud(400))
        started = await peer.until("input_audio_buffer.speech_started")
        await peer.send("input_audio_buffer.commit")
        committed = await peer.until("input_audio_buffer.committed")
        await peer.hear(SILENCE)
        await peer.update()

        assert committed["item_id"] == started["item_id"]
        assert peer.of("input_audio_buffer.speech_stopped") == []


async def test_cleared_sound() -> None:
    """`clear` forgets the buffer; the count of sound goes on."""
    async with talking() as peer:
        await peer.hear(loud(400))
        await peer.send("input_audio_buffer.clear")
        await peer.until("input_audio_buffer.cleared")
        await peer.hear(SILENCE, loud(300))
        started = await peer.until("input_audio_buffer.speech_started")

        assert peer.of("input_audio_buffer.committed") == []
        assert 760 <= started["audio_start_ms"] <= 820


async def test_count_of_sound_survives_new_settings() -> None:
    """Positions count all sound of the session, also after the turn detection was changed."""
    async with talking() as peer:
        await peer.hear(bytes(48 * 1000))
        await peer.listen_with(turn_detection={"type": "server_vad", "prefix_padding_ms": 100})
        await peer.hear(bytes(48 * 500), loud(300))
        started = await peer.until("input_audio_buffer.speech_started")

        assert 1370 <= started["audio_start_ms"] <= 1430


async def test_silence_of_the_callee() -> None:
    """After `idle_timeout_ms` from the end of the reply's sound an empty turn is committed and answered."""
    async with talking([[Say("Hi.")]], lead_in_ms=0) as peer:
        detection = {"type": "server_vad", "idle_timeout_ms": 100}
        await peer.listen_with(turn_detection=detection)
        await peer.hear(bytes(48 * 150))
        await peer.respond()
        timeout = await peer.until("input_audio_buffer.timeout_triggered")
        await peer.until("response.done")

        assert (timeout["audio_start_ms"], timeout["audio_end_ms"]) == (50, 150)
        order = peer.order()
        begin = order.index("input_audio_buffer.timeout_triggered")
        assert order[begin + 1 : begin + 5] == [
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            "response.created",
        ]


async def test_failing_ears() -> None:
    """Words that cannot be told are reported as failed, and the turn is answered all the same."""

    class Deaf:
        async def transcribe(self, pcm: bytes, *, language: str = "en") -> str:
            raise Unavailable("the ears are shut", do="open them")

    async with talking(ears=Deaf()) as peer:
        await peer.listen_with(transcription={"model": "whisper-1"})
        await peer.hear(loud(300), SILENCE)
        await peer.until("response.done")

        (failed,) = peer.of("conversation.item.input_audio_transcription.failed")
        assert failed["error"]["message"] == "the ears are shut: open them."


@pytest.mark.parametrize(("told", "heard"), [({"language": "de"}, "de"), ({}, "en")])
async def test_ears_are_told_the_language(told: dict[str, str], heard: str) -> None:
    """What the client says of the callee's language; without a word of it, English."""
    languages: list[str] = []

    class Noting:
        async def transcribe(self, pcm: bytes, *, language: str = "") -> str:
            languages.append(language)
            return "Ja."

    async with talking(ears=Noting()) as peer:
        await peer.listen_with(transcription={"model": "whisper-1"} | told)
        await peer.hear(loud(300), SILENCE)
        await peer.until("response.done")

    assert languages == [heard]


# ---- the connection ---------------------------------------------------------------------------------


async def test_session_expires() -> None:
    """At the session's limit the socket is closed as OpenAI does it."""
    async with talking(session_limit_s=0.05) as peer:
        assert await peer.until_closed() == (1001, "Your session hit the maximum duration of 60 minutes.")


async def test_server_goes_away() -> None:
    """Closing the server closes its sessions with 1001, also in the middle of a reply."""
    async with serving([[Say(LONG)]], **SLOW) as server, websockets.connect(address(server)) as connection:
        peer = Peer(connection, RecordingDialogue(), is_faulty=False)
        await peer.send("response.create")
        await peer.until("response.output_audio.delta")
        await server.close()
        code, _ = await peer.until_closed()

        assert code == 1001
        assert server.counts.live == 0


async def test_client_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that lets events pile up is cut off instead of filling the memory."""
    monkeypatch.setattr(realtime_server, "MAX_WAITING_BYTES", 500_000)
    async with serving() as server:
        connection = await websockets.connect(address(server), compression=None, max_queue=1)
        peer = Peer(connection, RecordingDialogue(), is_faulty=True)
        content = [{"type": "input_audio", "audio": base64.b64encode(loud(5000)).decode()}]
        item = {"id": "a", "type": "message", "role": "user", "content": content}
        await peer.send("conversation.item.create", item=item)
        with contextlib.suppress(ConnectionClosed):
            for _ in range(200):
                await peer.send("conversation.item.retrieve", item_id="a")
        await asyncio.wait_for(connection.wait_closed(), 5)

        assert connection.close_code == 1006
        assert server.counts.cut_off == 1


async def test_seeded_sessions_are_alike() -> None:
    """The same seed gives the same pauses and pieces of sound."""
    sizes: list[list[int]] = []
    for _ in range(2):
        async with talking([[Say(LONG)]], rng=random.Random(7)) as peer:
            await peer.respond()
            sizes.append([len(event["delta"]) for event in peer.of("response.output_audio.delta")])

    assert sizes[0] == sizes[1]
    assert len(sizes[0]) > 5

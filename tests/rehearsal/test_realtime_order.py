"""The order of the local Realtime server's events, against the orders recorded from OpenAI's."""

import base64

import numpy as np
import pytest

from opendeep_kit.audio.g711 import encode
from opendeep_kit.audio.pcm import to_samples
from opendeep_kit.audio.resample import Resampler
from opendeep_kit.rehearsal.engines import Say, UseTool
from tests.rehearsal.realtime_peer import LONG, SILENCE, SLOW, loud, talking

SPOKEN = [
    "response.output_item.added",
    "conversation.item.added",
    "response.content_part.added",
    "response.output_audio_transcript.delta",
    "response.output_audio.delta",
]
SPOKEN_DONE = [
    "response.output_audio.done",
    "response.output_audio_transcript.done",
    "response.content_part.done",
    "conversation.item.done",
    "response.output_item.done",
]
TURN = [
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "input_audio_buffer.committed",
    "conversation.item.added",
    "conversation.item.done",
]
CALLED = [
    "response.output_item.added",
    "conversation.item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "conversation.item.done",
    "response.output_item.done",
]


async def test_turn_found_by_the_detector() -> None:
    """A callee's turn and the reply to it come in OpenAI's order, on one item id, rate limits last."""
    async with talking() as peer:
        await peer.hear(loud(400), SILENCE)
        await peer.until("rate_limits.updated")

        spoken = [*SPOKEN, *SPOKEN_DONE]
        assert peer.order() == ["session.created", *TURN, "response.created", *spoken, "response.done"]
        ids = {event.get("item_id") or event["item"]["id"] for event in peer.events[1:6]}
        assert len(ids) == 1
        assert peer.events[1]["audio_start_ms"] == 0
        assert 900 <= peer.events[2]["audio_end_ms"] <= 940
        assert peer.of("conversation.item.added")[1]["previous_item_id"] in ids


async def test_tool_round() -> None:
    """A tool call has no content part; its output is acknowledged and answered by the next response."""
    async with talking([[UseTool("note", '{"value": "yes"}')]]) as peer:
        first = await peer.respond()
        (call,) = peer.of("response.function_call_arguments.done")
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "noted"}
        await peer.send("conversation.item.create", item=output)
        second = await peer.respond()

        assert peer.order()[1:10] == ["response.created", *CALLED, "response.done", "conversation.item.added"]
        assert (call["name"], call["arguments"]) == ("note", '{"value": "yes"}')
        assert first["output"][0]["status"] == "completed"
        assert second["output"][0]["content"] == [{"type": "output_audio", "transcript": "I have noted that."}]
        assert [turn.role for turn in peer.dialogue.requests[1].history] == ["tool_call", "tool_output"]


async def test_speech_and_parallel_tools() -> None:
    """All sentences make one message; the tools called meanwhile follow it in order."""
    reply = [Say("One moment."), UseTool("a", "{}"), Say("I look it up."), UseTool("b", "{}")]
    async with talking([reply]) as peer:
        done = await peer.respond()

        assert [item["type"] for item in done["output"]] == ["message", "function_call", "function_call"]
        assert done["output"][0]["content"][0]["transcript"] == "One moment. I look it up."
        assert [item.get("name") for item in done["output"]] == [None, "a", "b"]
        assert [event["output_index"] for event in peer.of("response.output_item.done")] == [0, 1, 2]


async def test_text_response() -> None:
    """With text output there is one text part and no sound."""
    async with talking() as peer:
        await peer.update(output_modalities=["text"])
        done = await peer.respond()

        assert peer.order()[2:] == [
            "response.created",
            *SPOKEN[:3],
            "response.output_text.delta",
            "response.output_text.done",
            *SPOKEN_DONE[2:],
            "response.done",
        ]
        assert done["output"][0]["content"] == [{"type": "output_text", "text": "Hello there."}]
        assert done["usage"]["output_token_details"] == {"text_tokens": 3, "audio_tokens": 0}


async def test_interruption_while_the_reply_is_generated() -> None:
    """The detector's start ends the reply: closing events with what was generated, then `cancelled`."""
    async with talking([[Say(LONG)]], **SLOW) as peer:
        await peer.send("response.create")
        await peer.until("response.output_audio.delta")
        await peer.hear(loud(200))
        done = (await peer.until("response.done"))["response"]

        order = peer.order()
        assert order[order.index("input_audio_buffer.speech_started") :] == [
            "input_audio_buffer.speech_started",
            *SPOKEN_DONE,
            "response.done",
        ]
        assert (done["status"], done["status_details"]) == (
            "cancelled",
            {"type": "cancelled", "reason": "turn_detected"},
        )
        assert done["output"][0]["status"] == "incomplete"
        assert LONG.startswith(done["output"][0]["content"][0]["transcript"])


async def test_interruption_after_the_reply_was_generated() -> None:
    """A reply that is only still being played is not mentioned; its truncation is acknowledged."""
    async with talking([[Say(LONG)]]) as peer:
        done = await peer.respond()
        await peer.hear(loud(200))
        await peer.until("input_audio_buffer.speech_started")
        cut = {"item_id": done["output"][0]["id"], "content_index": 0, "audio_end_ms": 900}
        await peer.send("conversation.item.truncate", **cut)
        event = await peer.until("conversation.item.truncated")

        assert {name: event[name] for name in cut} == cut
        assert peer.order()[-2:] == ["input_audio_buffer.speech_started", "conversation.item.truncated"]


async def test_client_cancels() -> None:
    """`response.cancel` ends the reply with its own reason, and the next may begin at once."""
    async with talking([[Say(LONG)]], **SLOW) as peer:
        await peer.send("response.create")
        created = await peer.until("response.created")
        await peer.until("response.output_audio.delta")
        await peer.send("response.cancel", response_id=created["response"]["id"])
        done = (await peer.until("response.done"))["response"]
        await peer.send("response.create")
        await peer.until("response.created")

        assert done["status_details"] == {"type": "cancelled", "reason": "client_cancelled"}


async def test_manual_turn() -> None:
    """Without turn detection the client commits, and nothing is answered until it asks."""
    async with talking() as peer:
        await peer.listen_with(turn_detection=None, transcription={"model": "whisper-1"})
        await peer.hear(loud(300))
        await peer.send("input_audio_buffer.commit")
        told = await peer.until("conversation.item.input_audio_transcription.completed")
        await peer.respond()

        assert peer.order()[2:6] == [*TURN[2:], "response.created"]
        assert (told["transcript"], told["usage"]) == ("Yes, that is fine.", {"type": "duration", "seconds": 0.3})
        assert [turn.text for turn in peer.dialogue.requests[0].history] == ["Yes, that is fine."]


async def test_words_run_ahead_of_sound() -> None:
    """Words come first and their share is never behind that of the sound."""
    async with talking([[Say(LONG)]]) as peer:
        await peer.respond()
        deltas = [event for event in peer.events if event["type"].endswith(".delta")]
        total_sound, total_words, sound, words = len(peer.sound()), len(LONG), 0, 0
        for event in deltas:
            if event["type"] == "response.output_audio.delta":
                sound += len(base64.b64decode(event["delta"]))
                assert words / total_words >= (sound / total_sound) - 0.1
            else:
                words += len(event["delta"])

        assert [event["type"] for event in deltas[:3]] == ["response.output_audio_transcript.delta"] * 3


async def test_sound_deltas_are_like_the_models() -> None:
    """Deltas hold 100–250 ms, and 40–200 ms of silence precede the first word."""
    async with talking([[Say(LONG)]]) as peer:
        await peer.respond()
        lengths = [len(base64.b64decode(event["delta"])) / 48 for event in peer.of("response.output_audio.delta")]
        quiet_ms = int(np.flatnonzero(to_samples(peer.sound()))[0]) / 24

        assert all(100 <= length <= 250 for length in lengths[:-1])
        assert 40 <= quiet_ms <= 201


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
async def test_telephone_codecs(law: str) -> None:
    """G.711 both ways: turns are found in it, and 8 bytes a millisecond come back."""
    async with talking() as peer:
        codec = {"type": f"audio/{law}"}
        await peer.update(audio={"input": {"format": codec}, "output": {"format": codec}})
        narrow = encode(Resampler(24000, 8000).feed(loud(400) + SILENCE), law)
        await peer.hear(narrow, chunk=800)
        done = (await peer.until("response.done"))["response"]
        spoken_ms = len(peer.sound()) / 8
        expected_ms = len("Hello there.") * 65

        assert expected_ms + 40 <= spoken_ms + 2
        assert spoken_ms <= expected_ms + 202
        assert done["audio"]["output"]["format"] == codec

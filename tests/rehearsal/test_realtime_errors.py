"""What the local Realtime server refuses, in OpenAI's words and codes; the session always goes on."""

from typing import Any

import pytest
import websockets
from websockets.exceptions import InvalidStatus

from opendeep_kit.rehearsal.engines import Say
from tests.rehearsal.realtime_peer import LONG, SLOW, address, loud, serving, talking

NO_ITEM = "item with id 'gone' does not exist."
TABLE: list[tuple[dict[str, Any], str, str, str | None]] = [
    ({"type": "response.cancel"}, "response_cancel_not_active", "Cancellation failed: no active response found", None),
    (
        {"type": "conversation.item.truncate", "item_id": "gone", "content_index": 0, "audio_end_ms": 1},
        "item_truncate_invalid_item_id",
        f"Error truncating item: the {NO_ITEM}",
        "item_id",
    ),
    (
        {"type": "conversation.item.delete", "item_id": "gone"},
        "item_delete_invalid_item_id",
        f"Error deleting item: the {NO_ITEM}",
        "item_id",
    ),
    (
        {"type": "conversation.item.retrieve", "item_id": "gone"},
        "item_retrieve_invalid_item_id",
        f"Error retrieving item: the {NO_ITEM}",
        "item_id",
    ),
    (
        {"type": "input_audio_buffer.commit"},
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        "but buffer only has 0.00ms of audio.",
        None,
    ),
    (
        {"type": "input_audio_buffer.append", "audio": "not base64!"},
        "invalid_value",
        "Invalid 'audio'. Expected base64-encoded audio bytes, but got an invalid value.",
        "audio",
    ),
    (
        {"type": "session.update", "session": {"instructions": "x"}},
        "missing_required_parameter",
        "Missing required parameter: 'session.type'.",
        "session.type",
    ),
    (
        {"type": "session.update", "session": {"modalities": ["text", "audio"], "voice": "alloy"}},
        "unknown_parameter",
        "Unknown parameter: 'session.modalities'.",
        "session.modalities",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "input_audio_format": "pcm16"}},
        "unknown_parameter",
        "Unknown parameter: 'session.input_audio_format'.",
        "session.input_audio_format",
    ),
    (
        {
            "type": "session.update",
            "session": {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}},
        },
        "invalid_value",
        "Invalid value: 8000. Supported values are: 24000.",
        "session.audio.input.format.rate",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "tools": [{"type": "function", "function": {}}]}},
        "unknown_parameter",
        "Unknown parameter: 'session.tools[0].function'.",
        "session.tools[0].function",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "audio": {"output": {"speed": 3}}}},
        "invalid_value",
        "Invalid 'session.audio.output.speed': input should be less than or equal to 1.5.",
        "session.audio.output.speed",
    ),
    (
        {"type": "session.update", "session": {"type": "realtime", "instructions": 7}},
        "invalid_type",
        "Invalid type for 'session.instructions': expected a string, but got an integer instead.",
        "session.instructions",
    ),
    (
        {"type": "session.update", "session": {"type": "transcription"}},
        "invalid_value",
        "Passing a transcription session update event to a realtime session is not allowed.",
        "session.type",
    ),
    (
        {
            "type": "conversation.item.create",
            "previous_item_id": "gone",
            "item": {"type": "message", "role": "user", "content": []},
        },
        "item_create_invalid_item_id",
        f"Error adding item: the previous {NO_ITEM}",
        "previous_item_id",
    ),
    (
        {
            "type": "conversation.item.create",
            "item": {"type": "message", "role": "assistant", "content": [{"type": "input_text", "text": "x"}]},
        },
        "invalid_value",
        "Invalid value: 'input_text'. Supported values are: 'output_text'.",
        "item.content[0].type",
    ),
]


@pytest.mark.parametrize(
    ("event", "code", "message", "param"), TABLE, ids=[f"{row[0]['type']}-{row[1]}" for row in TABLE]
)
async def test_refusals(event: dict[str, Any], code: str, message: str, param: str | None) -> None:
    """Each wrong event gets one error with OpenAI's code, words and place, and the client's own event id."""
    async with talking() as peer:
        await peer.send(**{"kind": event.pop("type"), "event_id": "mine"} | event)
        error = await peer.error()
        await peer.update()

        assert error == {
            "type": "invalid_request_error",
            "code": code,
            "message": message,
            "param": param,
            "event_id": "mine",
        }


async def test_unknown_event_type() -> None:
    """The error names the type and the types there are."""
    async with talking() as peer:
        await peer.send("response.crate")
        error = await peer.error()

        assert (error["code"], error["param"]) == ("invalid_value", "type")
        assert error["message"].startswith("Invalid value: 'response.crate'. Supported values are: 'session.update', ")


async def test_not_json() -> None:
    """A frame that is not JSON is an error, not the end."""
    async with talking() as peer:
        await peer.connection.send("{nope")
        assert (await peer.error())["code"] == "invalid_json"
        await peer.connection.send("[1]")
        assert (await peer.error())["code"] in ("invalid_type", "invalid_value")
        await peer.update()


async def test_second_response() -> None:
    """While one response is under way another is refused, naming the first."""
    async with talking([[Say(LONG)]], **SLOW) as peer:
        await peer.send("response.create")
        created = await peer.until("response.created")
        await peer.send("response.create")
        error = (await peer.until("error"))["error"]

        assert error["code"] == "conversation_already_has_active_response"
        assert error["message"] == (
            f"Conversation already has an active response in progress: {created['response']['id']}. "
            "Wait until the response is finished before creating a new one."
        )


async def test_truncation_past_the_end() -> None:
    """The error states the item's true length, with which the client may try again."""
    async with talking(lead_in_ms=0) as peer:
        item_id = (await peer.respond())["output"][0]["id"]
        await peer.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=5000)
        error = await peer.error()
        await peer.send("conversation.item.truncate", item_id=item_id, content_index=0, audio_end_ms=780)
        await peer.until("conversation.item.truncated")

        assert error["message"] == "Audio content of 780ms is already shorter than 5000ms"


async def test_truncation_of_words_without_sound() -> None:
    """Items without sound of the model's cannot be truncated."""
    async with talking() as peer:
        created = await peer.say("Hello.")
        await peer.send("conversation.item.truncate", item_id=created["item"]["id"], content_index=0, audio_end_ms=1)
        error = await peer.error()

        assert (error["code"], error["message"]) == (
            "unsupported_content_type",
            "Only model output audio messages can be truncated",
        )


async def test_voice_is_fixed_once_heard() -> None:
    """The voice may change before the first sound and not after it; the same voice may be named again."""
    async with talking() as peer:
        await peer.update(audio={"output": {"voice": "cedar"}})
        await peer.respond()
        await peer.send("session.update", session={"type": "realtime", "audio": {"output": {"voice": "ash"}}})
        error = await peer.error()
        session = await peer.update(audio={"output": {"voice": "cedar"}})

        assert error["code"] == "cannot_update_voice"
        assert error["message"] == "Cannot update a conversation's voice if assistant audio is present."
        assert session["audio"]["output"]["voice"] == "cedar"


async def test_taken_item_id() -> None:
    """An item id can be used once."""
    async with talking() as peer:
        await peer.say("Hello.", item={"id": "mine"})
        item = {"type": "message", "role": "user", "id": "mine", "content": []}
        await peer.send("conversation.item.create", item=item)

        assert (await peer.error())["code"] == "item_create_duplicate_item_id"


async def test_commit_after_the_detector_did() -> None:
    """The detector's commit empties the buffer: a client's own commit right after it finds too little."""
    async with talking() as peer:
        await peer.listen_with(turn_detection={"type": "server_vad", "create_response": False})
        await peer.hear(loud(300), bytes(48 * 540))
        await peer.until("input_audio_buffer.committed")
        await peer.send("input_audio_buffer.commit")

        assert (await peer.until("error"))["error"]["code"] == "input_audio_buffer_commit_empty"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/v1/realtime?model=m", {}, 401),
        ("/v1/realtime?model=m", {"Authorization": "Bearer wrong"}, 401),
        ("/v1/chat?model=m", {"Authorization": "Bearer right"}, 404),
        ("/v1/realtime", {"Authorization": "Bearer right"}, 400),
        ("/v1/realtime?model=m&intent=transcription", {"Authorization": "Bearer right"}, 400),
    ],
)
async def test_door(path: str, headers: dict[str, str], status: int) -> None:
    """A wrong key, path or address is an HTTP status at the upgrade, with a sentence."""
    async with serving(api_keys=frozenset(["right"])) as server:
        with pytest.raises(InvalidStatus) as refused:
            await websockets.connect(f"ws://127.0.0.1:{server.port}{path}", additional_headers=headers)

        assert refused.value.response.status_code == status
        assert b'"message":"' in refused.value.response.body
        assert server.counts.refused == 1


async def test_keys_that_are_let_in() -> None:
    """The key may come as a bearer token, or as a browser's subprotocol; both paths serve."""
    async with serving(api_keys=frozenset(["right"])) as server:
        bearer = {"Authorization": "Bearer right"}
        async with websockets.connect(address(server).replace("/v1", ""), additional_headers=bearer) as connection:
            assert '"session.created"' in str(await connection.recv(decode=True))
        protocols = [websockets.Subprotocol("realtime"), websockets.Subprotocol("openai-insecure-api-key.right")]
        async with websockets.connect(address(server), subprotocols=protocols) as connection:
            assert connection.subprotocol == "realtime"


async def test_no_room() -> None:
    """Sessions beyond the limit are refused with 503."""
    async with serving(max_sessions=1) as server, websockets.connect(address(server)) as first:
        await first.recv()
        with pytest.raises(InvalidStatus) as refused:
            await websockets.connect(address(server))

        assert refused.value.response.status_code == 503

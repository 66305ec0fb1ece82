"""What one response of the local Realtime server may ask for, and how it may end."""

from typing import Any

from opendeep_kit.errors import Unavailable
from opendeep_kit.rehearsal.engines import ReplyRequest, Say, UseTool
from opendeep_kit.rehearsal.realtime.conversation_items import ItemGraph
from opendeep_kit.rehearsal.realtime.response_events import ResponsePlan, ResponseStream
from opendeep_kit.rehearsal.realtime.session_settings import SessionSettings
from opendeep_kit.tasks.prompt import SpokenTask
from opendeep_kit.tasks.spec import Question
from tests.rehearsal.realtime_peer import (
    LONG,
    SLOW,
    RecordingDialogue,
    talking,
)

TOOL = {"type": "function", "name": "note", "description": "Note it.", "parameters": {"type": "object"}}


async def test_metadata_comes_back() -> None:
    """A response's metadata is in its first and its last event."""
    async with talking() as peer:
        done = await peer.respond(metadata={"client_event_id": "7"})

        assert peer.of("response.created")[0]["response"]["metadata"] == {"client_event_id": "7"}
        assert done["metadata"] == {"client_event_id": "7"}


async def test_out_of_band_response() -> None:
    """`conversation: none` runs beside an active response and leaves no item in the conversation."""
    async with talking([[Say(LONG)]], **SLOW) as peer:
        await peer.send("response.create")
        active = (await peer.until("response.created"))["response"]["id"]
        aside = {"conversation": "none", "output_modalities": ["text"], "input": [], "instructions": 'Say "aside"'}
        await peer.send("response.create", response=aside)
        done = (await peer.until("response.done"))["response"]
        item_id = done["output"][0]["id"]

        assert done["id"] != active
        assert (done["conversation_id"], done["status"]) == (None, "completed")
        assert done["output"][0]["content"] == [{"type": "output_text", "text": "aside"}]
        assert item_id not in {event["item"]["id"] for event in peer.of("conversation.item.added")}
        await peer.send("conversation.item.retrieve", item_id=item_id)
        assert (await peer.until("error"))["error"]["code"] == "item_retrieve_invalid_item_id"


async def test_instructions_of_one_response() -> None:
    """They reach the dialogue as a one-off, beside the session's, and are gone the next time."""
    async with talking() as peer:
        await peer.update(instructions="You call about teeth.", tools=[TOOL])
        await peer.respond(instructions='Say exactly: "Hello, are you still there?"', tool_choice="none")
        await peer.respond()
        first, second = peer.dialogue.requests

        assert (first.is_one_off, first.session_instructions, first.tools) == (True, "You call about teeth.", ())
        assert peer.of("response.output_audio_transcript.done")[0]["transcript"] == "Hello, are you still there?"
        assert (second.is_one_off, second.instructions, second.tools) == (False, "You call about teeth.", (TOOL,))


async def test_a_task_reaches_the_dialogue() -> None:
    """Our own client's task comes in structure and holds for every response; what is none is refused."""
    task = SpokenTask(opening="Hello.", questions=(Question(id="a", ask="How?"),), closing="Bye.", identity="We.")
    async with talking() as peer:
        await peer.respond()
        await peer.update(opendeep_task=task.model_dump(mode="json", exclude_defaults=True))
        await peer.respond()
        await peer.send("session.update", session={"type": "realtime", "opendeep_task": {"opening": "Hello."}})

        assert (await peer.until("error"))["error"]["code"] == "missing_required_parameter"
        assert [request.task for request in peer.dialogue.requests] == [None, task]


async def test_context_of_one_response() -> None:
    """`input` replaces the conversation, and may refer to its items."""
    async with talking() as peer:
        await peer.say("Not this.")
        await peer.say("But this.", item={"id": "this"})
        extra = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "And this."}]}
        await peer.respond(input=[{"type": "item_reference", "id": "this"}, extra])

        assert [turn.text for turn in peer.dialogue.requests[0].history] == ["But this.", "And this."]


async def test_token_limit() -> None:
    """A response ends `incomplete` before it costs more than `max_output_tokens`."""
    async with talking([[Say(LONG)]]) as peer:
        done = await peer.respond(max_output_tokens=40)

        assert (done["status"], done["status_details"]) == (
            "incomplete",
            {"type": "incomplete", "reason": "max_output_tokens"},
        )
        assert 30 <= done["usage"]["output_tokens"] <= 40
        assert done["output"][0]["status"] == "incomplete"


async def test_failing_engine() -> None:
    """An engine's failure fails the response and says why; the session lives on."""

    class Broken(RecordingDialogue):
        async def reply(self, request: ReplyRequest) -> Any:
            if not self.requests:
                self.requests.append(request)
                raise Unavailable("the text model is away", do="start it")
            async for part in super().reply(request):
                yield part

    async with talking(dialogue=Broken([[Say("Better now.")]])) as peer:
        failed = await peer.respond()
        done = await peer.respond()

        assert failed["status_details"]["type"] == "failed"
        assert failed["status_details"]["error"]["message"] == "the text model is away: start it."
        assert done["status"] == "completed"


def test_response_ends_once() -> None:
    """A cancellation that crosses the end changes nothing."""
    sent: list[dict[str, Any]] = []
    settings = SessionSettings("gpt-realtime-2.1", expires_at=0)
    plan = ResponsePlan(
        number=1,
        conversation_id="conv",
        instructions="",
        is_one_off=False,
        session_instructions="",
        tools=(),
        modality="audio",
        audio_format=settings.output["format"],
        voice="marin",
        speed=1.0,
        max_output_tokens="inf",
        metadata=None,
    )
    stream = ResponseStream(plan, ItemGraph(), sent.append)
    stream.created()
    stream.done("completed")
    stream.done("cancelled", reason="client_cancelled")

    assert [(event["type"], event["response"]["status"]) for event in sent] == [
        ("response.created", "in_progress"),
        ("response.done", "completed"),
    ]


async def test_bug_in_an_engine() -> None:
    """Even an engine's bug ends its response; its words stay in the log."""

    class Buggy(RecordingDialogue):
        async def reply(self, request: ReplyRequest) -> Any:
            yield Say("Fine so far.")
            raise ZeroDivisionError("secret")

    async with talking(dialogue=Buggy()) as peer:
        failed = await peer.respond()

        assert failed["status"] == "failed"
        assert "secret" not in str(failed)


async def test_tool_before_speech() -> None:
    """A tool called before the first sentence is told at once, as the first item."""
    async with talking([[UseTool("note", "{}"), Say("Noted.")]]) as peer:
        done = await peer.respond()

        assert [item["type"] for item in done["output"]] == ["function_call", "message"]

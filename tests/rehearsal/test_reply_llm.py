"""The agent's mind on a chat endpoint: a real HTTP server on loopback streams real chunks to the real client."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from opendeep_kit.errors import Unavailable
from opendeep_kit.rehearsal.engines import ReplyRequest, Say, Turn, TurnRole, UseTool
from opendeep_kit.rehearsal.reply_llm import ChatDialogue, messages
from opendeep_kit.settings import LlmSettings
from opendeep_kit.voice.call_tools import CALL_TOOLS
from tests.rehearsal.realtime_peer import talking

TOOL = CALL_TOOLS[1].schema()
REQUEST = ReplyRequest(instructions="Be kind.", history=(Turn(role=TurnRole.USER, text="Hello?"),), tools=(TOOL,))
Script = Callable[["Endpoint"], Awaitable[None]]


class Endpoint(RequestHandler):
    """`/v1/chat/completions`; a test's script decides what it streams."""

    def initialize(self, script: Script, asked: list[dict[str, Any]]) -> None:
        self._script, self._asked = script, asked

    async def post(self) -> None:
        """One completion."""
        self._asked.append(json.loads(self.request.body) | {"key": self.request.headers["Authorization"]})
        self.set_header("Content-Type", "text/event-stream")
        await self._script(self)

    async def chunk(self, **delta: Any) -> None:
        """One chunk of the stream."""
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        body = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        self.write(f"data: {json.dumps(body)}\n\n")
        await self.flush()


class Model:
    """A served chat model and a dialogue that uses it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.script: Script = self._nothing
        self._server = HTTPServer(
            Application([(r"/v1/chat/completions", Endpoint, {"script": self._run, "asked": self.asked})])
        )
        socket, port = bind_unused_port()
        self._server.add_socket(socket)
        settings = LlmSettings(
            base_url=f"http://127.0.0.1:{port}/v1", api_key=SecretStr("k-secret"), model="m", timeout_s=10
        )
        self.dialogue = ChatDialogue(settings)

    async def replies(self, request: ReplyRequest = REQUEST) -> list[Say | UseTool]:
        """One whole response."""
        return [part async for part in self.dialogue.reply(request)]

    async def close(self) -> None:
        """Stop serving."""
        await self.dialogue.close()
        self._server.stop()
        await self._server.close_all_connections()

    async def _run(self, endpoint: Endpoint) -> None:
        await self.script(endpoint)

    async def _nothing(self, endpoint: Endpoint) -> None:
        endpoint.write("data: [DONE]\n\n")


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    """A chat model on a free port."""
    made = Model()
    yield made
    await made.close()


async def test_first_sentence_comes_before_the_second_is_written(model: Model) -> None:
    """A sentence is given out as soon as it is whole: here the model waits for it before it goes on."""
    first_was_said = asyncio.Event()

    async def script(endpoint: Endpoint) -> None:
        for piece in ("Good ", "morn", "ing! How", " are"):
            await endpoint.chunk(content=piece)
        async with asyncio.timeout(20):
            await first_was_said.wait()
        await endpoint.chunk(content=" you? Fine")
        endpoint.write("data: [DONE]\n\n")

    model.script = script
    said = []
    async for part in model.dialogue.reply(REQUEST):
        said.append(part)
        first_was_said.set()

    assert said == [Say("Good morning!"), Say("How are you?"), Say("Fine")]


async def test_tool_calls_are_put_together(model: Model) -> None:
    """Names and arguments come in pieces and in parallel; they follow the words."""

    async def script(endpoint: Endpoint) -> None:
        await endpoint.chunk(content="Noted.")
        await endpoint.chunk(
            tool_calls=[
                {"index": 0, "id": "t0", "type": "function", "function": {"name": "record_answer", "arguments": ""}}
            ]
        )
        await endpoint.chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"question":'}}])
        await endpoint.chunk(
            tool_calls=[{"index": 1, "id": "t1", "type": "function", "function": {"name": "end_call"}}]
        )
        await endpoint.chunk(tool_calls=[{"index": 0, "function": {"arguments": '"pain"}'}}])
        endpoint.write('data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}\n\n')
        endpoint.write("data: [DONE]\n\n")

    model.script = script

    assert await model.replies() == [
        Say("Noted."),
        UseTool("record_answer", '{"question":"pain"}'),
        UseTool("end_call", "{}"),
    ]


async def test_what_the_endpoint_is_asked(model: Model) -> None:
    """Model, key, conversation and tools, these nested as chat completions want them."""
    assert await model.replies() == []

    (asked,) = model.asked
    assert (asked["model"], asked["stream"], asked["key"]) == ("m", True, "Bearer k-secret")
    assert asked["messages"] == [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hello?"}]
    (tool,) = asked["tools"]
    assert (tool["type"], tool["function"]["name"]) == ("function", "record_answer")
    assert set(tool["function"]) == {"name", "description", "parameters"}


async def test_no_tools_are_not_sent(model: Model) -> None:
    """Endpoints refuse an empty list of tools."""
    await model.replies(ReplyRequest(instructions="Be kind.", history=()))

    assert "tools" not in model.asked[0]


@pytest.mark.parametrize(("status", "name"), [(500, "InternalServerError"), (401, "AuthenticationError")])
async def test_refused_by_the_endpoint(model: Model, status: int, name: str) -> None:
    """An HTTP error is `Unavailable`, says what to check, and does not tell the key."""

    async def script(endpoint: Endpoint) -> None:
        endpoint.set_status(status)
        endpoint.write('{"error":{"message":"k-secret is wrong"}}')

    model.script = script

    with pytest.raises(Unavailable) as caught:
        await model.replies()
    assert str(caught.value) == (f"the text model does not answer ({name}): check llm.base_url, llm.model and its key.")


async def test_stream_that_breaks(model: Model) -> None:
    """What was whole is said; the break is `Unavailable`, not a sentence cut in two."""

    async def script(endpoint: Endpoint) -> None:
        await endpoint.chunk(content="One. Tw")
        assert endpoint.request.connection is not None
        endpoint.request.connection.stream.close()  # type: ignore[attr-defined]

    model.script = script
    reply = model.dialogue.reply(REQUEST)

    assert await anext(reply) == Say("One.")
    with pytest.raises(Unavailable):
        await anext(reply)


async def test_nobody_there() -> None:
    """A port on which nothing listens is `Unavailable`."""
    socket, port = bind_unused_port()
    socket.close()
    dialogue = ChatDialogue(LlmSettings(base_url=f"http://127.0.0.1:{port}/v1", timeout_s=5))

    with pytest.raises(Unavailable, match="APIConnectionError"):
        async for _ in dialogue.reply(REQUEST):
            pass
    await dialogue.close()


def test_messages_of_a_whole_conversation() -> None:
    """Every role in its form; a cut sentence says so; a call without its result is left out."""
    history = (
        Turn(role=TurnRole.ASSISTANT, text="Can you come", is_cut=True),
        Turn(role=TurnRole.USER, text=""),
        Turn(role=TurnRole.SYSTEM, text="Be brief."),
        Turn(role=TurnRole.TOOL_CALL, text='{"a":1}', tool="record_answer", tool_call_id="t0"),
        Turn(role=TurnRole.TOOL_OUTPUT, text="Noted.", tool_call_id="t0"),
        Turn(role=TurnRole.TOOL_CALL, text="{}", tool="end_call", tool_call_id="t1"),
    )
    call = {"id": "t0", "type": "function", "function": {"name": "record_answer", "arguments": '{"a":1}'}}

    assert messages(ReplyRequest(instructions="Be kind.", history=history)) == [
        {"role": "system", "content": "Be kind."},
        {"role": "assistant", "content": "Can you come [interrupted]"},
        {"role": "user", "content": "(unintelligible)"},
        {"role": "system", "content": "Be brief."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "t0", "content": "Noted."},
    ]


def test_result_follows_its_call() -> None:
    """Calls of one response, and words said while a tool ran: each result stands right behind its call."""
    history = (
        Turn(role=TurnRole.TOOL_CALL, text='{"a":1}', tool="record_answer", tool_call_id="t0"),
        Turn(role=TurnRole.TOOL_CALL, text='{"b":2}', tool="record_answer", tool_call_id="t1"),
        Turn(role=TurnRole.USER, text="Hello?"),
        Turn(role=TurnRole.TOOL_OUTPUT, text="One.", tool_call_id="t1"),
        Turn(role=TurnRole.TOOL_OUTPUT, text="Zero.", tool_call_id="t0"),
        Turn(role=TurnRole.TOOL_OUTPUT, text="Nobody asked.", tool_call_id="t9"),
    )

    told = messages(ReplyRequest(instructions="Be kind.", history=history))

    assert [message["role"] for message in told] == ["system", "assistant", "tool", "assistant", "tool", "user"]
    assert [message["content"] for message in told if message["role"] == "tool"] == ["Zero.", "One."]
    assert [call["id"] for message in told for call in message.get("tool_calls", ())] == ["t0", "t1"]


def test_messages_of_a_one_off_instruction() -> None:
    """The session's instructions stay, the one-off comes last; somebody is there to be spoken to."""
    request = ReplyRequest(
        instructions="Say hello.", history=(), is_one_off=True, session_instructions="You are the dentist's assistant."
    )

    assert messages(request) == [
        {"role": "system", "content": "You are the dentist's assistant.\n\nNow do just this: Say hello."},
        {"role": "user", "content": "(The callee has picked up and waits.)"},
    ]


async def test_tool_round_through_the_realtime_server(model: Model) -> None:
    """A Realtime client's tool goes to the text model, its call comes back as an item, and its result is read there."""
    said = iter(["Good day.", None, "Noted, goodbye."])
    function = {"name": "record_answer", "arguments": '{"question":"pain","value":"no"}'}

    async def script(endpoint: Endpoint) -> None:
        if (words := next(said)) is not None:
            await endpoint.chunk(content=words)
        else:
            await endpoint.chunk(tool_calls=[{"index": 0, "id": "x", "type": "function", "function": function}])
        endpoint.write("data: [DONE]\n\n")

    model.script = script
    async with talking(dialogue=model.dialogue) as peer:
        await peer.update(instructions="Ask for pain.", tools=[TOOL])
        await peer.respond()
        await peer.say("No.")
        (call,) = (await peer.respond())["output"]
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "Noted."}
        await peer.send("conversation.item.create", item=output)
        last = await peer.respond()

    roles = [message["role"] for message in model.asked[2]["messages"]]
    assert {key: call[key] for key in ("type", "name", "arguments")} == {"type": "function_call", **function}
    assert last["output"][0]["content"][0]["transcript"] == "Noted, goodbye."
    assert roles == ["system", "assistant", "user", "assistant", "tool"]
    assert model.asked[2]["messages"][-1]["content"] == "Noted."

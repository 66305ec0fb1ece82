"""Tools: what the model is told of a function, and what becomes of every way of calling it wrongly."""

import asyncio
import threading
from typing import Literal

import pytest
from structlog.testing import capture_logs

from opendeep_kit.errors import BadInput, OurMistake
from opendeep_kit.voice.tools import FollowUp, Toolbox, ToolContext, ToolResult, tool

MOMENT = ToolContext(call_id="c", at_ms=1200.0, facts={"name": "Maria"}, last_words="Yes.")


def book(moment: ToolContext, day: Literal["monday", "tuesday"], people: int = 2, note: str | None = None) -> str:
    """Book a table. Only after the callee agreed.

    Args:
        day: the day, in English.
        people: how many will come.
        note: anything the kitchen should know.
    """
    return f"{moment.facts['name']}: {day} for {people}, {note}"


async def look_up(number: str) -> ToolResult:
    """Look up an order.

    Args:
        number: the order's number.
    """
    return ToolResult(output=f"{number} is on its way", follow_up=FollowUp.NOTHING)


def test_schema_comes_from_signature_and_docstring() -> None:
    """Types, closed sets, defaults and descriptions reach the model; the moment stays ours."""
    assert tool(book).schema() == {
        "type": "function",
        "name": "book",
        "description": "Book a table. Only after the callee agreed.",
        "parameters": {
            "type": "object",
            "properties": {
                "day": {"type": "string", "enum": ["monday", "tuesday"], "description": "the day, in English."},
                "people": {"type": "integer", "default": 2, "description": "how many will come."},
                "note": {
                    "anyOf": [{"type": "string"}, {"type": "null"}],
                    "default": None,
                    "description": "anything the kitchen should know.",
                },
            },
            "required": ["day"],
        },
    }


def test_undocumented_function_is_our_mistake() -> None:
    """A function without a docstring cannot be a tool."""

    def silent() -> str:
        return ""

    with pytest.raises(OurMistake, match="'silent' has no docstring: tell the model when to use it"):
        tool(silent)


def test_undocumented_parameter_is_our_mistake() -> None:
    """A parameter without a line under Args cannot be a tool's."""

    def half(day: str, hour: int) -> str:
        """Book.

        Args:
            day: which.
        """
        return day

    with pytest.raises(OurMistake, match="'half': parameter 'hour' lacks a type or a line"):
        tool(half)


def test_untyped_parameter_is_our_mistake() -> None:
    """A parameter without a type cannot be a tool's."""

    def untyped(day) -> str:  # type: ignore[no-untyped-def]
        """Book.

        Args:
            day: which.
        """
        return str(day)

    with pytest.raises(OurMistake, match="'untyped': parameter 'day'"):
        tool(untyped)


async def ran(function: object, arguments: str, *, name: str = "", timeout_s: float = 5.0) -> tuple[ToolResult, bool]:
    """Run one function as the only tool of a call."""
    made = tool(function)  # type: ignore[arg-type]
    return await Toolbox([made]).run(name or made.name, arguments, MOMENT, timeout_s=timeout_s)


async def test_plain_function_runs() -> None:
    """A text that a function returns is the tool's output; defaults hold, the moment is passed."""
    result, failed = await ran(book, '{"day":"monday"}')

    assert (result, failed) == (ToolResult(output="Maria: monday for 2, None"), False)


async def test_coroutine_function_runs() -> None:
    """A coroutine's `Result` is handed on as it is; arguments nobody asked for are ignored."""
    result, failed = await ran(look_up, '{"number":"17","mood":"good"}')

    assert (result, failed) == (ToolResult(output="17 is on its way", follow_up=FollowUp.NOTHING), False)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ('{"day":', "Invalid JSON"),
        ("not json", "Invalid JSON"),
        ('["monday"]', "object"),
        ("", "day: Field required"),
        ('{"day":"sunday"}', "day: Input should be 'monday' or 'tuesday'"),
        ('{"day":"monday","people":"many"}', "people: Input should be a valid integer"),
    ],
)
async def test_wrong_arguments_are_told_to_the_model(arguments: str, told: str) -> None:
    """Broken or wrong JSON never runs the function; the model reads what to correct."""
    result, failed = await ran(book, arguments)

    assert failed
    assert result.output.startswith("The arguments are wrong: ")
    assert told in result.output
    assert (result.happened, result.follow_up) == ((), FollowUp.REPLY)


async def test_missing_tool_is_told_with_those_there_are() -> None:
    """A tool the model invented is answered with the names of the real ones."""
    result, failed = await ran(look_up, "{}", name="search_web")

    assert (result.output, failed) == ("There is no tool 'search_web'. Tools: look_up.", True)


async def test_slow_tool_is_given_up() -> None:
    """A tool beyond its time is cancelled and the model goes on without it."""
    cancelled = asyncio.Event()

    async def slow() -> str:
        """Wait for ever."""
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return ""

    result, failed = await ran(slow, "{}", timeout_s=0.02)

    assert (result.output, failed) == ("The tool took too long. Go on without it.", True)
    assert cancelled.is_set()


async def test_blocking_function_does_not_block_the_loop() -> None:
    """A plain function that waits lets the media loop run: here the loop itself releases it."""
    gate = threading.Event()

    def patient() -> str:
        """Wait for the gate."""
        return "opened" if gate.wait(20) else "the loop stood still"

    asyncio.get_running_loop().call_later(0.01, gate.set)
    result, failed = await ran(patient, "{}", timeout_s=30)

    assert (result.output, failed) == ("opened", False)


async def test_our_own_errors_are_explained() -> None:
    """An error raised on purpose reaches the model with what to do."""

    def picky() -> str:
        """Refuse."""
        raise BadInput("there is no such table", do="offer the terrace")

    result, failed = await ran(picky, "{}")

    assert (result.output, failed) == ("It did not work: there is no such table: offer the terrace.", True)


async def test_raising_tool_gives_nothing_away() -> None:
    """A bug in a tool ends neither the call nor tells its text; the log names tool and error's class only."""

    def broken() -> str:
        """Fail."""
        raise ZeroDivisionError("secret of +12125550101")

    with capture_logs() as lines:
        result, failed = await ran(broken, "{}")

    assert (result.output, failed) == ("The tool failed. Go on without it.", True)
    assert lines == [{"event": "! a tool raised", "tool": "broken", "error": "ZeroDivisionError", "log_level": "error"}]


async def test_cancelled_call_cancels_its_tool() -> None:
    """A call that ends while a tool runs is not mistaken for a tool that failed."""

    async def slow() -> str:
        """Wait for ever."""
        await asyncio.Event().wait()
        return ""

    task = asyncio.create_task(ran(slow, "{}"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


def test_toolbox_offers_all_its_tools() -> None:
    """Every tool of the call is in `session.tools`, in the order given."""
    assert [schema["name"] for schema in Toolbox([tool(book), tool(look_up)]).schemas()] == ["book", "look_up"]

"""A tool is a typed Python function: name, description and JSON schema come from its signature and docstring.

Given functions, builds what `session.update` wants; given the model's JSON arguments, validates them and runs the tool
beside the talk. A tool that fails, is slow or is called with nonsense becomes a sentence to the model: the call goes
on.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, get_type_hints

import docstring_parser
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from opendeep_kit import events
from opendeep_kit.errors import OpenDeepError, OurMistake
from opendeep_kit.logs import log


class FollowUp(StrEnum):
    """What the call does after a tool."""

    REPLY = "reply"
    """The model speaks again."""
    HANG_UP = "hang_up"
    """The line closes once everything is said."""
    TRANSFER = "transfer"
    """The callee is handed over once everything is said."""
    NOTHING = "nothing"
    """The conversation continues by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolContext:
    """What a tool may know of the call it runs in."""

    call_id: str
    at_ms: float
    facts: Mapping[str, str] = field(default_factory=dict)
    """The contact's data that the script may use."""
    last_words: str = ""
    """What the callee said last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool did."""

    output: str
    """For the model to read."""
    happened: tuple[events.Event, ...] = ()
    follow_up: FollowUp = FollowUp.REPLY
    press: str = ""
    """Digits to send to the line."""


ToolFunction = Callable[..., ToolResult | str | Awaitable[ToolResult | str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One function the model may call. A first parameter annotated `ToolContext` is ours, not the model's."""

    name: str
    description: str
    arguments: type[BaseModel]
    function: ToolFunction
    takes_context: bool

    def schema(self) -> dict[str, Any]:
        """The entry of `session.tools` (not nested under "function": that is the other API)."""
        parameters = self.arguments.model_json_schema()
        parameters.pop("title", None)
        for part in parameters.get("properties", {}).values():
            part.pop("title", None)
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": parameters,
        }


def tool(function: ToolFunction) -> Tool:
    """Make a tool of a typed, documented function.

    Raises:
        OurMistake: a parameter has no type or no description, or the function no docstring.
    """
    name = getattr(function, "__name__", "tool")
    doc = docstring_parser.parse(inspect.getdoc(function) or "")
    descriptions = {param.arg_name: param.description for param in doc.params}
    hints = get_type_hints(function)
    fields: dict[str, Any] = {}
    takes_context = False
    for parameter in inspect.signature(function).parameters.values():
        kind = hints.get(parameter.name)
        if kind is ToolContext:
            takes_context = True
            continue
        if kind is None or not descriptions.get(parameter.name):
            raise OurMistake(f"tool {name!r}: parameter {parameter.name!r} lacks a type or a line under Args")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (kind, Field(default, description=descriptions[parameter.name]))
    if not doc.description:
        raise OurMistake(f"tool {name!r} has no docstring", do="tell the model when to use it")
    model = create_model(name, __config__=ConfigDict(extra="ignore"), **fields)
    return Tool(
        name=name,
        description=doc.description.strip(),
        arguments=model,
        function=function,
        takes_context=takes_context,
    )


class Toolbox:
    """The tools of one call."""

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._tools = {tool.name: tool for tool in tools}

    def schemas(self) -> list[dict[str, Any]]:
        """For `session.update`."""
        return [tool.schema() for tool in self._tools.values()]

    async def run(
        self, name: str, arguments: str, context: ToolContext, *, timeout_s: float
    ) -> tuple[ToolResult, bool]:
        """Run a tool. Returns its result and whether it failed; never raises what a tool raised."""
        chosen = self._tools.get(name)
        if chosen is None:
            return ToolResult(output=f"There is no tool {name!r}. Tools: {', '.join(self._tools)}."), True
        try:
            values = chosen.arguments.model_validate_json(arguments or "{}")
        except ValidationError as error:
            wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            return ToolResult(output=f"The arguments are wrong: {wrong}. Correct them and call again."), True
        try:
            async with asyncio.timeout(timeout_s):
                return await self._call(chosen, values, context), False
        except TimeoutError:
            return ToolResult(output="The tool took too long. Go on without it."), True
        except OpenDeepError as error:
            return ToolResult(output=f"It did not work: {error}"), True
        except Exception as error:  # noqa: BLE001 - one tool run: the call goes on
            log().error("! a tool raised", tool=name, error=type(error).__name__)
            return ToolResult(output="The tool failed. Go on without it."), True

    @staticmethod
    async def _call(chosen: Tool, values: BaseModel, context: ToolContext) -> ToolResult:
        arguments = {name: getattr(values, name) for name in type(values).model_fields}
        first = (context,) if chosen.takes_context else ()
        if inspect.iscoroutinefunction(chosen.function):
            returned = await chosen.function(*first, **arguments)
        else:
            # A plain function may block (a file, a database): never in the media loop.
            returned = await asyncio.to_thread(chosen.function, *first, **arguments)
        return returned if isinstance(returned, ToolResult) else ToolResult(output=str(returned))


OnToolResult = Callable[[str, ToolResult, bool], None]
"""(tool_call_id, result, is_failure)."""


class ToolRuns:
    """The running tools of one call.

    Args:
        now_ms: the call's clock.
        emit: takes every event.
        on_result: called in the loop when a tool has returned, failed or run out of time.
    """

    def __init__(
        self,
        toolbox: Toolbox,
        *,
        call_id: str,
        facts: Mapping[str, str],
        timeout_s: float,
        now_ms: Callable[[], float],
        emit: Callable[[events.Event], None],
        on_result: OnToolResult,
    ) -> None:
        self._toolbox = toolbox
        self._call_id = call_id
        self._facts = facts
        self._timeout_s = timeout_s
        self._now_ms = now_ms
        self._emit = emit
        self._on_result = on_result
        self._tasks: set[asyncio.Task[None]] = set()
        self.last_words = ""
        """What the callee said last, for tools that want it."""

    def start(self, tool_call_id: str, name: str, arguments: str) -> None:
        """Start a tool; the talk goes on meanwhile."""
        task = asyncio.create_task(self._run(tool_call_id, name, arguments), name=f"tool-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Cancel what still runs."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, tool_call_id: str, name: str, arguments: str) -> None:
        began = self._now_ms()
        context = ToolContext(call_id=self._call_id, at_ms=began, facts=self._facts, last_words=self.last_words)
        result, is_failure = await self._toolbox.run(name, arguments, context, timeout_s=self._timeout_s)
        for event in result.happened:
            self._emit(event)
        now_ms = self._now_ms()
        self._emit(
            events.ToolReturned(
                call_id=self._call_id,
                at_ms=now_ms,
                tool_call_id=tool_call_id,
                name=name,
                output=result.output,
                took_ms=now_ms - began,
                is_failure=is_failure,
            )
        )
        self._on_result(tool_call_id, result, is_failure)

"""Runs the tools of one call beside the talk.

Given a toolbox, starts each tool as a task of its own, emits what happened and hands the result on. Never decides
what the call does with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from opendeep_kit import events
from opendeep_kit.voice.tools import Moment, Result, Toolbox

OnResult = Callable[[str, Result, bool], None]
"""(tool_call_id, result, is_failure)."""


class ToolRuns:
    """The running tools of one call.

    Args:
        now_ms: the call's clock.
        emit: takes every event.
        on_result: called in the loop when a tool is through, failed or out of time.
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
        on_result: OnResult,
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
        moment = Moment(call_id=self._call_id, at_ms=began, facts=self._facts, last_words=self.last_words)
        result, is_failure = await self._toolbox.run(name, arguments, moment, timeout_s=self._timeout_s)
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

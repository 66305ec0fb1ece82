"""openai-agents: its realtime session, which validates every event strictly."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import function_tool, set_tracing_disabled
from agents.realtime import RealtimeAgent, RealtimeRunner
from driving import TOOL_OUTPUT, main, speak

set_tracing_disabled(True)


@function_tool
def weather(city: str) -> str:
    """The weather of a city."""
    del city
    return TOOL_OUTPUT


async def session_for(url: str, scenario: str, tools: list[Any]) -> Any:
    """A session of an agent whose instructions are the scenario's name."""
    agent = RealtimeAgent(name="rehearsal", instructions=scenario, tools=tools)
    address = url.replace("http", "ws") + "/realtime?model=gpt-realtime-2.1"
    return await RealtimeRunner(agent).run(model_config={"url": address, "api_key": "x"})


async def until(session: Any, kind: str) -> dict[str, int]:
    """Read up to an event of this type; returns how many of each came before. An error fails the scene."""
    counts: dict[str, int] = {}
    async for event in session:
        assert event.type != "error", str(event.error)
        name = event.data.type if event.type == "raw_model_event" else event.type
        assert name not in ("error", "exception"), str(event.data)
        counts[name] = counts.get(name, 0) + 1
        if name == kind:
            return counts
    raise AssertionError(f"closed before {kind}")


async def text_turn(url: str) -> str:
    async with await session_for(url, "text_turn", []) as session:
        await session.send_message("Say hello.")
        counts = await until(session, "turn_ended")
        assert counts["audio"] > 3
        return f"{counts['audio']} pieces of sound"


async def vad_turn(url: str) -> str:
    async with await session_for(url, "vad_turn", []) as session:
        await speak(session.send_audio)
        counts = await until(session, "turn_ended")
        assert counts["audio"] > 3
        return f"{counts['audio']} pieces of sound"


async def barge_in(url: str) -> str:
    async with await session_for(url, "barge_in", []) as session:
        await session.send_message("Say something long.")
        await until(session, "audio")
        await asyncio.sleep(0.5)
        await speak(session.send_audio, voice_ms=400)
        await until(session, "audio_interrupted")
        await until(session, "turn_ended")
        await until(session, "turn_ended")
        return "interrupted, answered"


async def tool_round(url: str) -> str:
    async with await session_for(url, "tool_round", [weather]) as session:
        await session.send_message("What is the weather?")
        await until(session, "tool_end")
        counts = await until(session, "audio_end")
        assert counts["audio"] > 3
        return "tool run, answer spoken"


if __name__ == "__main__":
    main({"text_turn": text_turn, "vad_turn": vad_turn, "barge_in": barge_in, "tool_round": tool_round})

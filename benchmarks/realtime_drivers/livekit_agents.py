"""livekit-plugins-openai: its realtime model and session, without a room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from driving import RATE_HZ, TOOL_OUTPUT, main, speak
from livekit import rtc
from livekit.agents import function_tool, llm
from livekit.plugins.openai.realtime import RealtimeModel


@function_tool
async def weather(city: str) -> str:
    """The weather of a city."""
    del city
    return TOOL_OUTPUT


@asynccontextmanager
async def session_for(url: str, scenario: str, tools: list[Any]) -> AsyncIterator[Any]:
    """A session whose instructions are the scenario's name."""
    async with aiohttp.ClientSession() as http:
        model = RealtimeModel(base_url=url, api_key="x", model="gpt-realtime-2.1", http_session=http)
        session = model.session()
        errors: list[Any] = []
        session.on("error", errors.append)
        try:
            await session.update_instructions(scenario)
            await session.update_tools(tools)
            yield session
        finally:
            await session.aclose()
            await model.aclose()
        assert not errors, str(errors[0])


async def hear(session: Any, sound: bytes) -> None:
    session.push_audio(rtc.AudioFrame(sound, RATE_HZ, 1, len(sound) // 2))


async def spoken(generation: Any) -> tuple[str, float, str]:
    """The id, seconds and words of a generation's first message, read to its end."""
    async for message in generation.message_stream:
        seconds = sum([frame.duration async for frame in message.audio_stream])
        words = "".join([str(piece) async for piece in message.text_stream])
        return message.message_id, seconds, words
    raise AssertionError("the generation has no message")


def upcoming(session: Any, name: str) -> asyncio.Future[Any]:
    """The session's next event of this name."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    session.once(name, lambda event: future.done() or future.set_result(event))
    return future


async def text_turn(url: str) -> str:
    async with session_for(url, "text_turn", []) as session:
        context = llm.ChatContext.empty()
        context.add_message(role="user", content="Say hello.")
        await session.update_chat_ctx(context)
        _, seconds, words = await spoken(await session.generate_reply())
        assert words
        return f"{seconds:.1f} s of sound"


async def vad_turn(url: str) -> str:
    async with session_for(url, "vad_turn", []) as session:
        generation = upcoming(session, "generation_created")
        await speak(lambda sound: hear(session, sound), silence_ms=1200)
        _, seconds, words = await spoken(await generation)
        assert words
        return f"{seconds:.1f} s of sound"


async def barge_in(url: str) -> str:
    async with session_for(url, "barge_in", []) as session:
        first = await session.generate_reply()
        async for message in first.message_stream:
            sound = aiter(message.audio_stream)
            received_s = 0.0
            while received_s < 1.0:
                received_s += (await anext(sound)).duration
            started = upcoming(session, "input_speech_started")
            second = upcoming(session, "generation_created")
            speech = asyncio.create_task(speak(lambda sound: hear(session, sound), voice_ms=400, silence_ms=1200))
            await started
            session.interrupt()
            session.truncate(message_id=message.message_id, modalities=["audio"], audio_end_ms=400)
            await speech
            _, _, words = await spoken(await second)
            assert words
            break
        return "interrupted, truncated, answered"


async def tool_round(url: str) -> str:
    async with session_for(url, "tool_round", [weather]) as session:
        first = await session.generate_reply()
        call = await anext(aiter(first.function_stream))
        context = session.chat_ctx.copy()
        output = llm.FunctionCallOutput(call_id=call.call_id, name=call.name, output=TOOL_OUTPUT, is_error=False)
        context.items.append(output)
        await session.update_chat_ctx(context)
        _, _, words = await spoken(await session.generate_reply())
        assert words
        return f"called {call.name}{call.arguments}"


if __name__ == "__main__":
    main({"text_turn": text_turn, "vad_turn": vad_turn, "barge_in": barge_in, "tool_round": tool_round})

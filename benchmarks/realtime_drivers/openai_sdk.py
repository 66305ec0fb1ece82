"""The official SDK, through its own helper methods and typed events."""

from __future__ import annotations

import base64
from typing import Any

from driving import TOOL_OUTPUT, main, speak
from openai import AsyncOpenAI

TOOL = {
    "type": "function",
    "name": "weather",
    "description": "The weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


async def until(connection: Any, kind: str) -> Any:
    """Read up to an event of this type; an error fails the scene."""
    sound = 0
    async for event in connection:
        assert event.type != "error", event.error.message
        if event.type == "response.output_audio.delta":
            sound += len(base64.b64decode(event.delta))
        if event.type == kind:
            return event, sound
    raise AssertionError(f"closed before {kind}")


async def append(connection: Any, sound: bytes) -> None:
    await connection.input_audio_buffer.append(audio=base64.b64encode(sound).decode())


async def text_turn(url: str) -> str:
    async with AsyncOpenAI(api_key="x", base_url=url).realtime.connect(model="gpt-realtime-2.1") as connection:
        await connection.session.update(session={"type": "realtime", "instructions": "text_turn"})
        content = [{"type": "input_text", "text": "Say hello."}]
        await connection.conversation.item.create(item={"type": "message", "role": "user", "content": content})
        await connection.response.create()
        done, sound = await until(connection, "response.done")
        assert done.response.status == "completed"
        return f"{sound / 48000:.1f} s of sound"


async def vad_turn(url: str) -> str:
    async with AsyncOpenAI(api_key="x", base_url=url).realtime.connect(model="gpt-realtime-2.1") as connection:
        await connection.session.update(session={"type": "realtime", "instructions": "vad_turn"})
        await speak(lambda sound: append(connection, sound))
        started, _ = await until(connection, "input_audio_buffer.speech_started")
        done, sound = await until(connection, "response.done")
        assert done.response.status == "completed"
        return f"speech began at {started.audio_start_ms} ms, {sound / 48000:.1f} s of sound"


async def barge_in(url: str) -> str:
    async with AsyncOpenAI(api_key="x", base_url=url).realtime.connect(model="gpt-realtime-2.1") as connection:
        await connection.session.update(session={"type": "realtime", "instructions": "barge_in"})
        await connection.response.create()
        for _ in range(6):
            delta, _ = await until(connection, "response.output_audio.delta")
        await speak(lambda sound: append(connection, sound), voice_ms=300, silence_ms=0)
        done, _ = await until(connection, "response.done")
        assert done.response.status_details.reason == "turn_detected"
        await connection.conversation.item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=400)
        await until(connection, "conversation.item.truncated")
        await speak(lambda sound: append(connection, sound), voice_ms=100)
        again, _ = await until(connection, "response.done")
        assert again.response.status == "completed"
        return "cancelled, truncated, answered"


async def tool_round(url: str) -> str:
    async with AsyncOpenAI(api_key="x", base_url=url).realtime.connect(model="gpt-realtime-2.1") as connection:
        session = {"type": "realtime", "instructions": "tool_round", "tools": [TOOL]}
        await connection.session.update(session=session)
        await connection.response.create()
        call, _ = await until(connection, "response.function_call_arguments.done")
        item = {"type": "function_call_output", "call_id": call.call_id, "output": TOOL_OUTPUT}
        await connection.conversation.item.create(item=item)
        await until(connection, "response.done")
        await connection.response.create()
        done, _ = await until(connection, "response.done")
        assert done.response.output[0].type == "message"
        return f"called {call.name}{call.arguments}"


if __name__ == "__main__":
    main({"text_turn": text_turn, "vad_turn": vad_turn, "barge_in": barge_in, "tool_round": tool_round})

"""pipecat-ai: its realtime service in a pipeline with context aggregators, without a transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from driving import RATE_HZ, TOOL_OUTPUT, main, speak
from loguru import logger
from pipecat.adapters.schemas.function_schema import FunctionSchema
from pipecat.adapters.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    ErrorFrame,
    FunctionCallResultFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMRunFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime.events import (
    AudioConfiguration,
    AudioInput,
    InputAudioTranscription,
    SessionProperties,
)
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService

logger.remove()
WEATHER = FunctionSchema(
    name="weather", description="The weather.", properties={"city": {"type": "string"}}, required=["city"]
)


class Sink(FrameProcessor):
    """Counts what comes out of the service."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[type, int] = {}
        self.errors: list[str] = []

    async def process_frame(self, frame: Any, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.counts[type(frame)] = self.counts.get(type(frame), 0) + 1
        if isinstance(frame, ErrorFrame):
            self.errors.append(frame.error)
        await self.push_frame(frame, direction)

    async def until(self, kind: type, count: int = 1) -> None:
        """Wait for so many frames of this class."""
        while self.counts.get(kind, 0) < count:
            assert not self.errors, self.errors[0]
            await asyncio.sleep(0.01)


@asynccontextmanager
async def pipeline_for(url: str, scenario: str, tools: list[Any]) -> AsyncIterator[tuple[Any, Sink]]:
    """A running pipeline whose model's instructions are the scenario's name."""
    properties = SessionProperties(audio=AudioConfiguration(input=AudioInput(transcription=InputAudioTranscription())))
    service = OpenAIRealtimeLLMService(
        api_key="x",
        base_url=url.replace("http", "ws") + "/realtime",
        settings=OpenAIRealtimeLLMService.Settings(
            model="gpt-realtime-2.1", system_instruction=scenario, session_properties=properties
        ),
    )

    async def weather(params: Any) -> None:
        await params.result_callback(TOOL_OUTPUT)

    service.register_function("weather", weather)
    messages = [{"role": "user", "content": "Say something."}]
    context = LLMContext(messages, ToolsSchema(standard_tools=tools)) if tools else LLMContext(messages)
    pair = LLMContextAggregatorPair(context)
    sink = Sink()
    pipeline = Pipeline([pair.user(), service, sink, pair.assistant()])
    params = PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ)
    task = PipelineTask(pipeline, params=params, cancel_on_idle_timeout=False)
    running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))
    try:
        yield task, sink
        assert not sink.errors, sink.errors[0]
    finally:
        await task.cancel()
        await asyncio.wait({running}, timeout=5)


async def hear(task: Any, sound: bytes) -> None:
    await task.queue_frame(InputAudioRawFrame(audio=sound, sample_rate=RATE_HZ, num_channels=1))


async def text_turn(url: str) -> str:
    async with pipeline_for(url, "text_turn", []) as (task, sink):
        await task.queue_frame(LLMRunFrame())
        await sink.until(LLMFullResponseEndFrame)
        assert sink.counts[TTSAudioRawFrame] > 3
        return f"{sink.counts[TTSAudioRawFrame]} pieces of sound"


async def vad_turn(url: str) -> str:
    async with pipeline_for(url, "vad_turn", []) as (task, sink):
        await task.queue_frame(LLMRunFrame())
        await sink.until(LLMFullResponseEndFrame)
        await speak(lambda sound: hear(task, sound))
        await sink.until(LLMFullResponseEndFrame, 2)
        return f"{sink.counts[TTSAudioRawFrame]} pieces of sound"


async def barge_in(url: str) -> str:
    async with pipeline_for(url, "barge_in", []) as (task, sink):
        await task.queue_frame(LLMRunFrame())
        await sink.until(TTSAudioRawFrame)
        await asyncio.sleep(0.5)
        await speak(lambda sound: hear(task, sound))
        await sink.until(InterruptionFrame)
        await sink.until(LLMFullResponseEndFrame, 2)
        return "interrupted, answered"


async def tool_round(url: str) -> str:
    async with pipeline_for(url, "tool_round", [WEATHER]) as (task, sink):
        await task.queue_frame(LLMRunFrame())
        await sink.until(FunctionCallResultFrame)
        await sink.until(TTSAudioRawFrame, 4)
        await sink.until(LLMFullResponseEndFrame, 2)
        return "tool run, answer spoken"


if __name__ == "__main__":
    main({"text_turn": text_turn, "vad_turn": vad_turn, "barge_in": barge_in, "tool_round": tool_round})

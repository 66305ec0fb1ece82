"""Produces one response: pauses, asks the dialogue, synthesises its words, and sends them faster than real time.

Given a plan and the engines, feeds a `ResponseStream`; the next sentence is synthesised while one is being sent. Never
touches the socket, never outlives `stop`.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from opendeep_kit.audio.pcm import bytes_per_ms, silence
from opendeep_kit.errors import OpenDeepError
from opendeep_kit.logs import log
from opendeep_kit.rehearsal.engines import SPEECH_RATE_HZ, Dialogue, Mouth, ReplyRequest, Say, UseTool
from opendeep_kit.rehearsal.realtime.conversation_items import CHARS_PER_TOKEN, MS_PER_ASSISTANT_TOKEN, Context
from opendeep_kit.rehearsal.realtime.faults import SessionFault
from opendeep_kit.rehearsal.realtime.response_events import ResponsePlan, ResponseStream
from opendeep_kit.settings import RehearsalSettings

DELTA_MS = (100, 250)
"""Range of a delta's length, drawn for each."""
WORDS_AHEAD = 3
"""The transcript starts before the sound and stays ahead of it."""
_PER_MS = int(bytes_per_ms(SPEECH_RATE_HZ))


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence and its sound, which text-only responses lack."""

    text: str
    pcm: bytes


class _EndedEarly(Exception):
    """The response ended before its words did."""

    def __init__(self, status: str, *, reason: str = "", error: dict[str, Any] | None = None) -> None:
        super().__init__(status)
        self.status, self.reason, self.error = status, reason, error


class Responder:
    """One response under way."""

    def __init__(
        self,
        stream: ResponseStream,
        *,
        dialogue: Dialogue,
        mouth: Mouth,
        settings: RehearsalSettings,
        rng: random.Random,
        faults: Sequence[SessionFault] = (),
    ) -> None:
        self.stream = stream
        self.plan: ResponsePlan = stream.plan
        self._dialogue = dialogue
        self._mouth = mouth
        self._settings = settings
        self._rng = rng
        self._faults = [fault for fault in faults if fault.hits(self.plan.number)]
        self._due = 0.0
        self._sentences = 0

    def stop(self, reason: str) -> None:
        """Cancel it now, because of `turn_detected` or `client_cancelled`."""
        self.stream.done("cancelled", reason=reason)

    async def run(self, history: Callable[[], Awaitable[Context]]) -> None:
        """Produce it to its end. `history` may wait for words that are still being recognised."""
        try:
            context = self.plan.own_input if self.plan.own_input is not None else await history()
            await asyncio.sleep(self._think_s())
            await self._produce(self._request(context))
        except _EndedEarly as early:
            self.stream.done(early.status, reason=early.reason, error=early.error)
        except OpenDeepError as error:
            log().warning("! a rehearsal engine failed", error=type(error).__name__)
            failure = {"type": "server_error", "code": "server_error", "message": str(error)}
            self.stream.done("failed", error=failure)
        else:
            self.stream.done("completed")

    # ---- what is said -------------------------------------------------------------------------------

    def _request(self, context: Context) -> ReplyRequest:
        plan = self.plan
        instruction_tokens = -(-len(plan.instructions) // CHARS_PER_TOKEN)
        self.stream.context = replace(context, text_tokens=context.text_tokens + instruction_tokens)
        return ReplyRequest(
            instructions=plan.instructions,
            history=context.turns,
            tools=plan.tools,
            is_one_off=plan.is_one_off,
            session_instructions=plan.session_instructions,
            task=plan.task,
        )

    async def _produce(self, request: ReplyRequest) -> None:
        """Sentences become one message; tool calls after its first word follow the message, as items must."""
        after_message: list[UseTool] = []
        async with contextlib.aclosing(_one_ahead(self._spoken(request))) as parts:
            async for part in parts:
                if isinstance(part, Spoken):
                    await self._send(part)
                elif self._sentences:
                    after_message.append(part)
                else:
                    self._call(part)
        self.stream.close_message()
        for tool in after_message:
            self._call(tool)

    def _call(self, tool: UseTool) -> None:
        self.stream.call_tool(tool.name, tool.arguments)
        self._end_if_asked()

    async def _spoken(self, request: ReplyRequest) -> AsyncGenerator[Spoken | UseTool, None]:
        parts = self._dialogue.reply(request)
        try:
            async for part in parts:
                if isinstance(part, UseTool):
                    yield part
                elif part.text.strip():
                    yield Spoken(part.text, b"" if self.plan.modality == "text" else await self._voiced(part))
        finally:
            # A reply cut short must close what it streams from.
            if isinstance(parts, AsyncGenerator):
                await parts.aclose()

    async def _voiced(self, part: Say) -> bytes:
        return await self._mouth.speak(part.text, voice=self.plan.voice_name, speed=self.plan.speed)

    # ---- how it is sent -----------------------------------------------------------------------------

    async def _send(self, sentence: Spoken) -> None:
        is_first, self._sentences = self._sentences == 0, self._sentences + 1
        words = re.findall(r"\s*\S+\s*$|\s*\S+", sentence.text if is_first else f" {sentence.text.lstrip()}")
        pcm = self._lead_in() + sentence.pcm if is_first and sentence.pcm else sentence.pcm
        chunks = self._cut(pcm)
        sent = self._add_words(words, 0, WORDS_AHEAD)
        for place, chunk in enumerate(chunks):
            if place and place == len(chunks) // 2 and self._has("two_items"):
                self.stream.close_message()
            self._check_limit(len(chunk) / _PER_MS / MS_PER_ASSISTANT_TOKEN)
            self.stream.add_sound(chunk)
            self._end_if_asked()
            share = min(1.0, 1.5 * (place + 1) / len(chunks))
            sent = self._add_words(words, sent, max(WORDS_AHEAD, int(len(words) * share)))
            await self._keep_pace(len(chunk) / _PER_MS)
        self._add_words(words, sent, len(words))
        if words and not chunks:
            self._end_if_asked()

    def _add_words(self, words: Sequence[str], begin: int, end: int) -> int:
        for word in words[begin:end]:
            self._check_limit(len(word) / CHARS_PER_TOKEN)
            self.stream.add_words(word)
        return max(begin, min(end, len(words)))

    def _cut(self, pcm: bytes) -> list[bytes]:
        chunks: list[bytes] = []
        at = 0
        while at < len(pcm):
            length = self._rng.randint(*DELTA_MS) * _PER_MS
            chunks.append(pcm[at : at + length])
            at += length
        return chunks

    def _lead_in(self) -> bytes:
        middle = self._settings.lead_in_ms
        return silence(SPEECH_RATE_HZ, self._rng.randint(middle // 3, middle * 5 // 3))

    async def _keep_pace(self, sound_ms: float) -> None:
        """Sound is sent `audio_speed` times faster than real time; lost time is not made up."""
        now = asyncio.get_running_loop().time()
        self._due = max(self._due, now) + sound_ms / 1000 / self._settings.audio_speed
        await asyncio.sleep(self._due - now)

    def _think_s(self) -> float:
        jitter = self._rng.lognormvariate(0.0, self._settings.think_jitter)
        slow = sum(int(fault.detail) for fault in self._faults if fault.name == "think")
        return (self._settings.think_ms * jitter + slow) / 1000

    # ---- how it may end -----------------------------------------------------------------------------

    def _check_limit(self, tokens: float) -> None:
        limit = self.plan.max_output_tokens
        if isinstance(limit, int) and self.stream.output_tokens + tokens > limit:
            raise _EndedEarly("incomplete", reason="max_output_tokens")

    def _has(self, name: str) -> bool:
        return any(fault.name == name for fault in self._faults)

    def _end_if_asked(self) -> None:
        """Faults strike once something has been said."""
        for fault in self._faults:
            if fault.name == "incomplete":
                raise _EndedEarly("incomplete", reason=fault.detail)
            if fault.name in ("fail", "rate_limited"):
                code = fault.detail or "rate_limit_exceeded"
                message = "The rehearsal asked for this failure."
                raise _EndedEarly("failed", error={"type": "server_error", "code": code, "message": message})


async def _one_ahead(
    parts: AsyncGenerator[Spoken | UseTool, None],
) -> AsyncGenerator[Spoken | UseTool, None]:
    """The same parts, each prepared while the one before is in use."""

    async def following() -> Spoken | UseTool | None:
        return await anext(parts, None)

    upcoming = asyncio.create_task(following())
    try:
        while (part := await upcoming) is not None:
            upcoming = asyncio.create_task(following())
            yield part
    finally:
        upcoming.cancel()
        await asyncio.gather(upcoming, return_exceptions=True)
        await parts.aclose()

"""The speech and dialogue engines a rehearsal runs on: their shapes, and a set that needs no models.

`speech` and `reply` hold the real engines; another recogniser, synthesiser or text model is one more class with one of
these shapes. The ones without models hum, hear fixed texts and answer at once, always the same: for load and protocol
tests, never for rehearsing a conversation.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from opendeep_kit.audio.tones import tone
from opendeep_kit.tasks.prompt import SpokenTask

VAD_RATE_HZ = 16000
VAD_WINDOW = 512
"""Samples per decision: Silero's only window at 16 kHz, 32 ms."""
SPEECH_RATE_HZ = 24000
"""Sample rate of all sound that mouths return and ears take."""


class TurnRole(StrEnum):
    """Who or what an entry of the conversation comes from."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"
    TOOL_CALL = "tool_call"
    TOOL_OUTPUT = "tool_output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One entry of the conversation so far."""

    role: TurnRole
    text: str
    """Words; for a tool call its JSON arguments, for a tool output what it returned."""
    tool: str = ""
    """Name of the tool of a `TOOL_CALL`."""
    tool_call_id: str = ""
    """Joins a `TOOL_CALL` to its `TOOL_OUTPUT`."""
    is_cut: bool = False
    """The callee interrupted this turn of the assistant; `text` is what was certainly heard, possibly nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRequest:
    """What a dialogue engine is asked to answer."""

    instructions: str
    """The session's instructions, or this response's own."""
    history: Sequence[Turn]
    tools: Sequence[Mapping[str, Any]] = ()
    """Function tools as in `session.tools`."""
    is_one_off: bool = False
    """`instructions` came with the response, not with the session: do only what they say."""
    session_instructions: str = ""
    """The session's instructions, also when `is_one_off`."""
    task: SpokenTask | None = None
    """The call's task in structure; None when the client is not ours, and there are only words."""


@dataclass(frozen=True, slots=True)
class Say:
    """A sentence or two to speak."""

    text: str


@dataclass(frozen=True, slots=True)
class UseTool:
    """A tool to call."""

    name: str
    arguments: str
    """JSON."""


class Dialogue(Protocol):
    """Decides what the agent says and which tools it calls."""

    def reply(self, request: ReplyRequest) -> AsyncIterator[Say | UseTool]:
        """One response, in order; the first sentence comes as early as possible.

        Raises:
            Unavailable: the text model behind it cannot answer.
        """
        ...


class Ears(Protocol):
    """Turns speech into words."""

    async def transcribe(self, pcm: bytes, *, language: str = "en") -> str:
        """What was said in this 24 kHz 16-bit sound; empty when nothing was intelligible. Never blocks the loop.

        Args:
            language: the speaker's, BCP 47; ears that do not know it assume English.
        """
        ...


class Mouth(Protocol):
    """Turns words into speech."""

    async def speak(self, text: str, *, voice: str, speed: float) -> bytes:
        """24 kHz 16 bit sound. Never blocks the loop."""
        ...


class VoiceProbability(Protocol):
    """A voice activity detector with memory: one per listener."""

    def __call__(self, window: npt.NDArray[np.float32]) -> float:
        """Probability (0..1) that these 512 samples at 16 kHz (-1..1) hold a voice."""
        ...


MS_PER_CHARACTER = 65
"""A calm speaker: about 15 characters per second."""
VOICE_DBFS = -40.0
"""Louder is a voice."""
_QUOTED = re.compile(r'"(.+)"', re.DOTALL)

DEFAULT_REPLIES: tuple[tuple[Say | UseTool, ...], ...] = (
    (Say("Hello, this is a rehearsal call."), Say("Do you have a minute?")),
    (Say("Thank you."), Say("That is all I wanted to know.")),
)


class LoudnessVoice:
    """A `VoiceProbability` that takes every loud sound for voice."""

    def __call__(self, window: npt.NDArray[np.float32]) -> float:
        """1 when loud, 0 when not."""
        return float(np.sqrt(np.mean(np.square(window))) > 10 ** (VOICE_DBFS / 20))


class FixedEars:
    """`Ears` that hear fixed texts in turn."""

    def __init__(self, texts: Sequence[str] = ("Yes, that is fine.",)) -> None:
        self._texts = texts
        self._heard = 0

    async def transcribe(self, pcm: bytes, *, language: str = "en") -> str:
        """The next text; nothing for no sound."""
        del language
        if not pcm:
            return ""
        self._heard += 1
        return self._texts[(self._heard - 1) % len(self._texts)]


class ToneMouth:
    """A `Mouth` that hums: one tone per voice, for as long as the words would take."""

    async def speak(self, text: str, *, voice: str, speed: float) -> bytes:
        """24 kHz sound."""
        return _hum(180 + 10 * (sum(voice.encode()) % 12), int(len(text) * MS_PER_CHARACTER / speed))


class FixedDialogue:
    """A `Dialogue` that gives fixed replies in turn. Stateless: it counts the assistant's turns.

    Args:
        replies: one per turn of the assistant; after the last it starts again.
        after_tool: said when a tool has returned.
    """

    def __init__(
        self,
        replies: Sequence[Sequence[Say | UseTool]] = DEFAULT_REPLIES,
        after_tool: Sequence[Say | UseTool] = (Say("I have noted that."),),
    ) -> None:
        self._replies = replies
        self._after_tool = after_tool

    async def reply(self, request: ReplyRequest) -> AsyncIterator[Say | UseTool]:
        """What is quoted in one-off instructions, or the next reply."""
        quoted = _QUOTED.search(request.instructions) if request.is_one_off else None
        if quoted:
            yield Say(quoted[1])
            return
        history = request.history
        turns = sum(turn.role is TurnRole.ASSISTANT for turn in history)
        is_after_tool = bool(history) and history[-1].role is TurnRole.TOOL_OUTPUT
        for part in self._after_tool if is_after_tool else self._replies[turns % len(self._replies)]:
            yield part


@lru_cache(maxsize=256)
def _hum(hz: int, ms: int) -> bytes:
    return tone(hz, SPEECH_RATE_HZ, ms)

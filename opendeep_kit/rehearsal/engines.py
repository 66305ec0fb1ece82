"""What the rehearsal needs of speech and dialogue engines, whichever they are.

Given nothing; these are the shapes. `listen`, `speak` and `reply` hold the real ones, `prerecorded` the ones without
models; another STT, TTS or text model is one more class with one of these shapes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

VAD_RATE_HZ = 16000
VAD_WINDOW = 512
"""Samples per decision: Silero's only window at 16 kHz, 32 ms."""
SPEECH_RATE_HZ = 24000
"""Rate of all sound that mouths give and ears take."""


class Role(StrEnum):
    """Whose turn an entry of the conversation is."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"
    TOOL_CALL = "tool_call"
    TOOL_OUTPUT = "tool_output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One entry of the conversation so far."""

    role: Role
    text: str
    """Words; for a tool call its JSON arguments, for a tool output what it returned."""
    tool: str = ""
    """Name of the tool of a `TOOL_CALL`."""
    tool_call_id: str = ""
    """Joins a `TOOL_CALL` to its `TOOL_OUTPUT`."""
    is_cut: bool = False
    """The callee interrupted this turn of the assistant; `text` is what is known to have been heard, maybe none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRequest:
    """What a dialogue engine is asked."""

    instructions: str
    """The session's, or this response's own."""
    history: Sequence[Turn]
    tools: Sequence[Mapping[str, Any]] = ()
    """Function tools as in `session.tools`."""
    is_one_off: bool = False
    """`instructions` came with the response, not with the session: do just what they say."""
    session_instructions: str = ""
    """The session's, also when `is_one_off`."""


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
        """One response, in order; the first sentence comes as early as it can.

        Raises:
            Unavailable: the text model behind it cannot answer.
        """
        ...


class Ears(Protocol):
    """Turns speech into words."""

    async def transcribe(self, pcm: bytes, *, language: str = "en") -> str:
        """What was said in this 24 kHz 16 bit sound; empty when nothing intelligible. Never blocks the loop.

        Args:
            language: BCP 47, of the speaker; ears that do not know it hear English.
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

"""Engines without models: tones for speech, loudness for voice, fixed texts for words. For load and protocol tests.

Given texts at the start, answers at once and always the same. Never understands a word: use `listen`, `speak` and
`reply` to rehearse a conversation.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from opendeep_kit.audio.tones import tone
from opendeep_kit.rehearsal.engines import SPEECH_RATE_HZ, ReplyRequest, Role, Say, UseTool

MS_PER_CHARACTER = 65
"""A calm speaker: about 15 characters a second."""
VOICE_DBFS = -40.0
"""Louder is a voice."""
_QUOTED = re.compile(r'"(.+)"', re.DOTALL)

DEFAULT_REPLIES: tuple[tuple[Say | UseTool, ...], ...] = (
    (Say("Hello, this is a rehearsal call."), Say("Do you have a minute?")),
    (Say("Thank you."), Say("That is all I wanted to know.")),
)


class LoudnessVoice:
    """A `VoiceProbability` that takes every loud sound for a voice."""

    def __call__(self, window: npt.NDArray[np.float32]) -> float:
        """1 when loud, 0 when not."""
        return float(np.sqrt(np.mean(np.square(window))) > 10 ** (VOICE_DBFS / 20))


class FixedEars:
    """`Ears` that hear the same texts in turn."""

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
    """A `Mouth` that hums: one tone per voice, as long as the words would take."""

    async def speak(self, text: str, *, voice: str, speed: float) -> bytes:
        """24 kHz sound."""
        return _hum(180 + 10 * (sum(voice.encode()) % 12), int(len(text) * MS_PER_CHARACTER / speed))


class FixedDialogue:
    """A `Dialogue` that gives its replies in turn; it counts the assistant's turns, so it keeps no state.

    Args:
        replies: one per turn of the assistant, from the first again after the last.
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
        turns = sum(turn.role is Role.ASSISTANT for turn in history)
        is_after_tool = bool(history) and history[-1].role is Role.TOOL_OUTPUT
        for part in self._after_tool if is_after_tool else self._replies[turns % len(self._replies)]:
            yield part


@lru_cache(maxsize=256)
def _hum(hz: int, ms: int) -> bytes:
    return tone(hz, SPEECH_RATE_HZ, ms)

"""Detects when a speaker's turn begins and ends, as OpenAI's `server_vad` does. Pure.

Given 16 kHz sound and a voice detector, reports starts and stops, in milliseconds of all sound heard so far: a start is
back-dated by the prefix padding, a stop includes the silence that proved it. Never keeps sound.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from opendeep_kit.audio.pcm import to_samples
from opendeep_kit.rehearsal.engines import VAD_RATE_HZ, VAD_WINDOW, VoiceProbability

WINDOW_MS = VAD_WINDOW / VAD_RATE_HZ * 1000
HYSTERESIS = 0.15
"""Once heard, a voice ends only this far below the threshold."""


@dataclass(frozen=True, slots=True)
class Started:
    """Somebody began to speak."""

    at_ms: float
    """Start of the turn's sound, prefix padding included."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The turn is over."""

    at_ms: float
    """End of the turn's sound, the closing silence included."""
    last_voice_ms: float
    """End of the last window with a voice."""


class TurnDetector:
    """Turns of one speaker.

    Args:
        probability: the voice detector, with this speaker's memory.
        threshold: 0..1, above which a window holds a voice.
        prefix_ms: how much sound before the first voice belongs to the turn.
        silence_ms: how much silence ends the turn.
        min_voice_ms: a shorter sound is not a turn.
    """

    def __init__(
        self,
        probability: VoiceProbability,
        *,
        threshold: float = 0.5,
        prefix_ms: float = 300.0,
        silence_ms: float = 500.0,
        min_voice_ms: float = 96.0,
    ) -> None:
        self._probability = probability
        self._threshold = threshold
        self._prefix_ms = prefix_ms
        self._silence_ms = silence_ms
        self._min_voice_ms = min_voice_ms
        self._rest: npt.NDArray[np.float32] = np.zeros(0, np.float32)
        self._voice_since_ms: float | None = None
        self._last_voice_ms = 0.0
        self.heard_ms = 0.0
        """Sound decided upon so far."""
        self.is_speaking = False

    def hear(self, pcm_16k: bytes) -> list[Started | Stopped]:
        """Take more sound; returns the starts and stops in it."""
        fresh = to_samples(pcm_16k).astype(np.float32) / np.float32(32768)
        samples: npt.NDArray[np.float32] = np.concatenate((self._rest, fresh))
        changes: list[Started | Stopped] = []
        whole = len(samples) // VAD_WINDOW * VAD_WINDOW
        for at in range(0, whole, VAD_WINDOW):
            change = self._decide(self._probability(samples[at : at + VAD_WINDOW]))
            if change is not None:
                changes.append(change)
        self._rest = samples[whole:]
        return changes

    def reset(self) -> None:
        """Forget the turn under way (its sound was taken or cleared by hand)."""
        self.is_speaking = False
        self._voice_since_ms = None

    def _decide(self, probability: float) -> Started | Stopped | None:
        began_ms, self.heard_ms = self.heard_ms, self.heard_ms + WINDOW_MS
        limit = self._threshold - HYSTERESIS if self.is_speaking else self._threshold
        if probability >= limit:
            return self._voice(began_ms)
        return self._quiet()

    def _voice(self, began_ms: float) -> Started | None:
        if self._voice_since_ms is None:
            self._voice_since_ms = began_ms
        self._last_voice_ms = self.heard_ms
        if self.is_speaking or self.heard_ms - self._voice_since_ms < self._min_voice_ms:
            return None
        self.is_speaking = True
        return Started(max(0.0, self._voice_since_ms - self._prefix_ms))

    def _quiet(self) -> Stopped | None:
        quiet_ms = self.heard_ms - self._last_voice_ms
        if not self.is_speaking:
            if quiet_ms > self._min_voice_ms:
                self._voice_since_ms = None
            return None
        if quiet_ms < self._silence_ms:
            return None
        self.is_speaking = False
        self._voice_since_ms = None
        return Stopped(self.heard_ms, self._last_voice_ms)

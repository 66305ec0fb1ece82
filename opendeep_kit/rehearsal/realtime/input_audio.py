"""The sound a client sends: how much of it is buffered, and where turns begin and end.

Given encoded sound and a voice detector, counts the milliseconds of all sound appended in the session, reports starts
and stops on that count, and returns pieces of the sound. Never transcribes or emits events.

Drop policy: while nobody speaks, only what the start of a turn may need is kept; of a turn longer than `MAX_TURN_MS`
the oldest sound is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from opendeep_kit.audio.g711 import decode, encode
from opendeep_kit.audio.pcm import MODEL_RATE_HZ, bytes_per_ms
from opendeep_kit.audio.resample import Resampler
from opendeep_kit.rehearsal.engines import SPEECH_RATE_HZ, VAD_RATE_HZ, VoiceProbability
from opendeep_kit.rehearsal.realtime.session_settings import law_of, silence_ms
from opendeep_kit.rehearsal.turns import Started, Stopped, TurnDetector

MAX_TURN_MS = 120_000
MARGIN_MS = 1000
"""Kept in addition to the prefix: the detector needs several windows before it is sure of a voice."""
SLICE_MS = 500
"""Sound analysed in one go; other sessions run between two slices."""
SEMANTIC_PREFIX_MS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Sound taken from the buffer."""

    encoded: bytes = b""
    """As the client sent it."""
    pcm_24k: bytes = b""
    """As ears take it."""
    length_ms: float = 0.0


class InputAudio:
    """One session's input buffer.

    Args:
        audio_format: `session.audio.input.format`.
        detection: `session.audio.input.turn_detection`.
        new_detector: makes a voice detector with a memory of its own.
        appended_ms: sound already appended (when settings change during a session).
    """

    def __init__(
        self,
        audio_format: dict[str, Any],
        detection: dict[str, Any] | None,
        new_detector: Callable[[], VoiceProbability],
        *,
        appended_ms: float = 0.0,
    ) -> None:
        self._law = law_of(audio_format)
        self._rate_hz = 8000 if self._law else MODEL_RATE_HZ
        self._per_ms = bytes_per_ms(self._rate_hz)
        self._base_ms = self._start_ms = appended_ms
        self._pcm = bytearray()
        self._prefix_ms = 0.0
        self._turns: TurnDetector | None = None
        if detection is not None:
            self._prefix_ms = float(detection.get("prefix_padding_ms", SEMANTIC_PREFIX_MS))
            self._to_vad = Resampler(self._rate_hz, VAD_RATE_HZ)
            self._turns = TurnDetector(
                new_detector(),
                threshold=float(detection.get("threshold", 0.5)),
                prefix_ms=self._prefix_ms,
                silence_ms=float(silence_ms(detection)),
            )

    @property
    def appended_ms(self) -> float:
        """Sound appended in the session so far."""
        return self._start_ms + len(self._pcm) / self._per_ms

    @property
    def buffered_ms(self) -> float:
        """Sound not yet committed or dropped."""
        return len(self._pcm) / self._per_ms

    def slices(self, encoded: bytes) -> Iterator[bytes]:
        """The sound in slices short enough for `hear`."""
        step = int(SLICE_MS * self._per_ms) // (2 if self._law else 1)
        for at in range(0, len(encoded), step):
            yield encoded[at : at + step]

    def is_whole(self, encoded: bytes) -> bool:
        """Whether these bytes are sound in the session's format: not empty, and no half sample."""
        return bool(encoded) and (bool(self._law) or len(encoded) % 2 == 0)

    def hear(self, encoded: bytes) -> list[Started | Stopped]:
        """Take more sound; returns starts and stops in it, on the session's count."""
        pcm = decode(encoded, self._law) if self._law else encoded
        self._pcm += pcm
        if self._turns is None:
            self._drop_before(self.appended_ms - MAX_TURN_MS)
            return []
        edges = [self._on_session_count(edge) for edge in self._turns.hear(self._to_vad.feed(pcm))]
        needed_ms = MAX_TURN_MS if self._turns.is_speaking or edges else self._prefix_ms + MARGIN_MS
        self._drop_before(self.appended_ms - needed_ms)
        return edges

    def take(self, from_ms: float = 0.0, to_ms: float = math.inf) -> Piece:
        """Remove sound up to `to_ms`; returns the part after `from_ms`."""
        begin, end = self._place(from_ms), self._place(to_ms)
        pcm = bytes(self._pcm[begin:end])
        self._drop_before(to_ms)
        return Piece(
            encoded=encode(pcm, self._law) if self._law else pcm,
            pcm_24k=Resampler(self._rate_hz, SPEECH_RATE_HZ).feed(pcm),
            length_ms=len(pcm) / self._per_ms,
        )

    def clear(self) -> None:
        """Discard the buffer and the turn under way."""
        self._drop_before(math.inf)
        self.forget_turn()

    def forget_turn(self) -> None:
        """The turn under way was committed by hand: do not report its stop."""
        if self._turns is not None:
            self._turns.reset()

    def _on_session_count(self, edge: Started | Stopped) -> Started | Stopped:
        if isinstance(edge, Started):
            return Started(max(edge.at_ms + self._base_ms, self._start_ms))
        return replace(edge, at_ms=edge.at_ms + self._base_ms, last_voice_ms=edge.last_voice_ms + self._base_ms)

    def _place(self, at_ms: float) -> int:
        samples = min(max(0.0, at_ms - self._start_ms) * self._per_ms, len(self._pcm)) / 2
        return int(samples) * 2

    def _drop_before(self, at_ms: float) -> None:
        end = self._place(at_ms)
        self._start_ms += end / self._per_ms
        del self._pcm[:end]


def piece_of(encoded: bytes, audio_format: dict[str, Any]) -> Piece:
    """Sound that came inside an item."""
    law = law_of(audio_format)
    rate_hz = 8000 if law else MODEL_RATE_HZ
    pcm = decode(encoded, law) if law else encoded[: len(encoded) // 2 * 2]
    return Piece(
        encoded=encoded,
        pcm_24k=Resampler(rate_hz, SPEECH_RATE_HZ).feed(pcm),
        length_ms=len(pcm) / bytes_per_ms(rate_hz),
    )

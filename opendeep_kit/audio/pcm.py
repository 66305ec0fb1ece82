"""Sample formats and the arithmetic on them.

Given bytes of signed 16 bit little-endian mono PCM ("slin"), converts and measures. Never resamples (that is
`audio.resample`), never keeps state.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

FRAME_MS = 20
"""The phone's packet time (ptime): Asterisk sends and wants one frame per 20 ms."""
SAMPLE_BYTES = 2
LINE_RATES_HZ = {"slin": 8000, "slin16": 16000, "slin24": 24000, "slin48": 48000}
"""Asterisk's names of the line formats we offer."""
MODEL_RATE_HZ = 24000
"""The Realtime API's only PCM rate (`audio/pcm`)."""


def frame_bytes(rate_hz: int) -> int:
    """Bytes of one 20 ms frame at this rate."""
    return rate_hz * FRAME_MS // 1000 * SAMPLE_BYTES


def bytes_per_ms(rate_hz: int) -> float:
    """Bytes of one millisecond at this rate."""
    return rate_hz * SAMPLE_BYTES / 1000


def silence(rate_hz: int, ms: int = FRAME_MS) -> bytes:
    """Silence of this length, in milliseconds."""
    return bytes(rate_hz * ms // 1000 * SAMPLE_BYTES)


def to_samples(pcm: bytes) -> Samples:
    """The bytes as int16 samples, without copying; an odd last byte is left out."""
    return np.frombuffer(pcm, dtype="<i2", count=len(pcm) // SAMPLE_BYTES)


def to_bytes(samples: npt.NDArray[np.floating] | npt.NDArray[np.integer]) -> bytes:
    """Samples (int16 range) as bytes, clipped instead of wrapped."""
    clipped: Samples = np.clip(np.rint(samples), -32768, 32767).astype("<i2")
    return clipped.tobytes()


def level_dbfs(pcm: bytes) -> float:
    """Root mean square level; full-scale square wave is 0, silence is -inf."""
    samples = to_samples(pcm).astype(np.float32)
    if samples.size == 0:
        return -math.inf
    rms = math.sqrt(float(np.dot(samples, samples)) / samples.size)
    return 20 * math.log10(rms / 32768) if rms > 0 else -math.inf

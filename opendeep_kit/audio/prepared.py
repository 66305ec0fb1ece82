"""Sentences that lie ready as sound, for the moment when nothing can speak them.

Given a language and a rate, returns PCM. Never synthesises: `goodbye_en.flac` was spoken once by piper's voice
en_US-joe-medium (CC0).
"""

from __future__ import annotations

import io
from functools import lru_cache
from importlib.resources import files

import soundfile
import soxr

from opendeep_kit.audio.pcm import to_bytes

GOODBYE_WORDS = "I am sorry, we have a technical problem. We will call you another time. Goodbye."


@lru_cache(maxsize=8)
def goodbye(rate_hz: int) -> bytes:
    """The farewell of a call that lost its voice model, in English, at this rate."""
    data = files("opendeep_kit.audio").joinpath("goodbye_en.flac").read_bytes()
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    return to_bytes(soxr.resample(samples.astype("float32"), rate, rate_hz))

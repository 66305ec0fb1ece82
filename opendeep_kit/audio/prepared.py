"""Sentences that lie ready as sound, for the moment when nothing can speak them.

Given a language and a rate, returns PCM. Never synthesises: the `.flac` files were spoken once by piper's voice
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


ONE_MOMENT_WORDS = "One moment, please."


def goodbye(rate_hz: int) -> bytes:
    """The farewell of a call that lost its voice model for good, in English, at this rate."""
    return _spoken("goodbye_en", rate_hz)


def one_moment(rate_hz: int) -> bytes:
    """A word while the voice model is away, in English, at this rate."""
    return _spoken("one_moment_en", rate_hz)


@lru_cache(maxsize=16)
def _spoken(name: str, rate_hz: int) -> bytes:
    data = files("opendeep_kit.audio").joinpath(f"{name}.flac").read_bytes()
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    return to_bytes(soxr.resample(samples.astype("float32"), rate, rate_hz))

"""Prerecorded sentences, for moments in which there is no voice model to speak them.

Given a rate and the call's language, returns PCM and its text: English speech, or wordless tones for any other
language. Never synthesises: the `.flac` files were spoken once by piper's voice en_US-joe-medium (CC0).
"""

from __future__ import annotations

import io
from functools import lru_cache
from importlib.resources import files

import soundfile
import soxr

from opendeep_kit.audio.pcm import silence, to_bytes
from opendeep_kit.audio.tones import tone

GOODBYE_WORDS = "I am sorry, we have a technical problem. We will call you another time. Goodbye."
ONE_MOMENT_WORDS = "One moment, please."
TONE_HZ, TONE_MS, TONE_DBFS = 440.0, 300, -24.0
"""A soft one: the callee hears that the line lives."""


def is_english(language: str) -> bool:
    """Whether the English recordings fit a call in this language (BCP 47)."""
    return language.split("-")[0].lower() == "en"


def goodbye(rate_hz: int, language: str = "en") -> tuple[bytes, str]:
    """The farewell of a call that lost its voice model for good: sound at this rate, and its words."""
    return (_spoken("goodbye_en", rate_hz), GOODBYE_WORDS) if is_english(language) else (_tones(3, rate_hz), "")


def one_moment(rate_hz: int, language: str = "en") -> tuple[bytes, str]:
    """A sign of life while the voice model is away: sound at this rate, and its words."""
    return (_spoken("one_moment_en", rate_hz), ONE_MOMENT_WORDS) if is_english(language) else (_tones(1, rate_hz), "")


@lru_cache(maxsize=16)
def _spoken(name: str, rate_hz: int) -> bytes:
    data = files("opendeep_kit.audio").joinpath(f"{name}.flac").read_bytes()
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    return to_bytes(soxr.resample(samples.astype("float32"), rate, rate_hz))


@lru_cache(maxsize=16)
def _tones(count: int, rate_hz: int) -> bytes:
    return (tone(TONE_HZ, rate_hz, TONE_MS, level_dbfs=TONE_DBFS) + silence(rate_hz, TONE_MS)) * count

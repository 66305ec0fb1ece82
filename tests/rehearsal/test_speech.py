"""The real ears and mouth, with the packaged models."""

from types import SimpleNamespace

import numpy as np
import pytest

from opendeep_kit.audio.pcm import level_dbfs, silence, to_samples
from opendeep_kit.audio.resample import Resampler
from opendeep_kit.errors import BadInput
from opendeep_kit.rehearsal.engines import SPEECH_RATE_HZ, VAD_RATE_HZ
from opendeep_kit.rehearsal.speech import PITCH, PiperMouth, SileroDetector, WhisperEars, _tokenizer
from opendeep_kit.rehearsal.turns import Started, Stopped, TurnDetector
from opendeep_kit.rehearsal.understand import plain

SENTENCE = "Can you come to your appointment on Tuesday?"


@pytest.fixture(scope="module")
def mouth() -> PiperMouth:
    """One voice for all."""
    return PiperMouth(workers=1)


@pytest.fixture(scope="module")
def ears() -> WhisperEars:
    """One recogniser for all."""
    return WhisperEars(workers=1)


@pytest.mark.parametrize("voice", ["marin", "callee_low", "callee_high"])
def test_what_is_spoken_is_understood(mouth: PiperMouth, ears: WhisperEars, voice: str) -> None:
    """A sentence survives mouth and ear, in every style."""
    assert plain(ears.transcribe_now(mouth.speak_now(SENTENCE, voice, 1.0))) == plain(SENTENCE)


def test_long_speech_is_heard_whole(mouth: PiperMouth, ears: WhisperEars) -> None:
    """What is too long for the short window is heard in Whisper's own, first word to last."""
    pcm = mouth.speak_now(
        "This is the assistant of the dentist, and I call about your appointment, and this call is recorded.",
        "marin",
        0.7,
    )
    words = plain(ears.transcribe_now(pcm))

    assert len(pcm) / 2 / SPEECH_RATE_HZ > 5
    assert words.startswith("this is the assistant")
    assert words.rstrip(".").endswith("call is recorded")


def test_styles_differ_in_pitch_not_in_length(mouth: PiperMouth) -> None:
    """A higher voice speaks about as long as the plain one: played faster alone, it would take four fifths.

    The voice varies one sentence's length by a tenth; five sentences' by a fiftieth.
    """
    lengths = [len(mouth.speak_now(SENTENCE * 5, voice, 1.0)) for voice in ("marin", "callee_high")]

    assert 1 / PITCH["callee_high"] < 0.81
    assert 0.84 < lengths[1] / lengths[0] < 1.16


def test_nothing_to_say(mouth: PiperMouth) -> None:
    """Punctuation alone makes no sound."""
    assert mouth.speak_now(" … — ", "marin", 1.0) == b""


def test_speech_does_not_clip(mouth: PiperMouth) -> None:
    """There is head-room above the loudest sample."""
    assert np.abs(to_samples(mouth.speak_now(SENTENCE, "callee_high", 1.0)).astype(int)).max() < 32000


def test_silence_has_no_words(ears: WhisperEars) -> None:
    """Nothing is invented from silence, nor from a click too short for a word."""
    assert ears.transcribe_now(silence(SPEECH_RATE_HZ, 2000)) == ""
    assert ears.transcribe_now(silence(SPEECH_RATE_HZ, 100)) == ""


async def test_said_before_is_kept(mouth: PiperMouth) -> None:
    """A sentence said again is the same sound, not a new synthesis (piper varies each one)."""
    first = await mouth.speak(SENTENCE, voice="marin", speed=1.0)

    assert await mouth.speak(SENTENCE, voice="marin", speed=1.0) is first


def test_turn_of_real_speech(mouth: PiperMouth) -> None:
    """Silero finds the turn: it begins before the first word and ends half a second after the last."""
    pcm = mouth.speak_now(SENTENCE, "marin", 1.0)
    assert level_dbfs(pcm) > -40
    sound = silence(SPEECH_RATE_HZ, 1000) + pcm + silence(SPEECH_RATE_HZ, 1500)
    changes = TurnDetector(SileroDetector()).hear(Resampler(SPEECH_RATE_HZ, VAD_RATE_HZ).feed(sound))

    assert [type(change) for change in changes] == [Started, Stopped]
    assert 500 <= changes[0].at_ms <= 1100
    end_ms = 1000 + len(pcm) / 2 / SPEECH_RATE_HZ * 1000
    assert end_ms - 300 <= changes[1].at_ms - 500 <= end_ms + 100


@pytest.mark.parametrize(("many", "given", "used"), [(True, "de-AT", "de"), (True, "xx", "en"), (False, "de", "en")])
def test_language_reaches_a_model_of_many(
    ears: WhisperEars, monkeypatch: pytest.MonkeyPatch, many: bool, given: str, used: str
) -> None:
    """Long and short sound alike; a model of English alone, or one that does not know it, hears English."""
    asked: list[str] = []
    whisper = SimpleNamespace(
        supported_languages=["en", "de"] if many else ["en"],
        model=SimpleNamespace(is_multilingual=many),
        hf_tokenizer=ears._whisper.hf_tokenizer,
        transcribe=lambda sound, *, language, **options: asked.append(language) or ([], None),
    )
    monkeypatch.setattr(ears, "_whisper", whisper)
    monkeypatch.setattr(ears, "_in_short_window", lambda sound, language: asked.append(language))
    ears.transcribe_now(silence(SPEECH_RATE_HZ, 1000), given)

    assert asked == [used, used]
    assert _tokenizer(whisper, used).language_code == used


def test_missing_models_are_told(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A folder without a model, or a voice that is not there, is one sentence with what to do."""
    folder = str(tmp_path_factory.mktemp("empty"))

    with pytest.raises(BadInput, match=r"no faster-whisper model in .*: set rehearsal.stt_model"):
        WhisperEars(folder)
    with pytest.raises(BadInput, match=r"no piper voice at .*: set rehearsal.tts_voice"):
        PiperMouth(f"{folder}/voice.onnx")

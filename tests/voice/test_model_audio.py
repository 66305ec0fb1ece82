"""Sound on its way to the model and back: chunks, rates and G.711."""

import pytest

from opendeep_kit.audio.g711 import decode, encode
from opendeep_kit.voice import wire
from opendeep_kit.voice.model_audio import ModelAudio

TONE = b"\x00\x10\x00\xf0" * 2400


@pytest.mark.parametrize("step", [320, 960, 1920, 5000])
def test_chunks_have_the_size_that_is_sent(step: int) -> None:
    """However the sound comes in, it goes out whole and in chunks of 40 ms."""
    audio = ModelAudio("pcm24", line_rate_hz=24000, chunk_ms=40)
    chunks = [chunk for at in range(0, len(TONE), step) for chunk in audio.to_model(TONE[at : at + step])]

    assert {len(chunk) for chunk in chunks} == {1920}
    assert b"".join(chunks) == TONE


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_g711_both_ways(law: str) -> None:
    """On a line of 8 kHz the sound is only companded: 20 ms are 160 bytes."""
    audio = ModelAudio(law, line_rate_hz=8000, chunk_ms=20)
    (chunk,) = audio.to_model(TONE[:320])

    assert chunk == encode(TONE[:320], law)
    assert audio.to_line(wire.AudioDelta("r", "a", chunk)) == decode(chunk, law)


def test_odd_bytes_of_g711_are_whole_samples() -> None:
    """A byte is a sample there."""
    audio = ModelAudio("pcmu", line_rate_hz=8000, chunk_ms=20)

    assert len(audio.to_line(wire.AudioDelta("r", "a", b"\xff" * 3))) == 6


def test_another_rate_lasts_as_long() -> None:
    """A second of the line is a second for the model, to within the filter's delay."""
    audio = ModelAudio("pcm24", line_rate_hz=8000, chunk_ms=40)
    chunks = [chunk for at in range(0, 16000, 320) for chunk in audio.to_model(bytes(320))]

    assert len(chunks) == pytest.approx(25, abs=1)

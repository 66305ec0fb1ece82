"""Tones, heard with a Fourier transform."""

import itertools

import numpy as np
import pytest

from opendeep_kit.audio.pcm import level_dbfs, to_samples
from opendeep_kit.audio.tones import DTMF_HZ, dtmf, frames, tone


def loudest_hz(pcm: bytes, rate_hz: int, count: int = 1) -> list[int]:
    """The strongest frequencies, rounded to 5 Hz, low to high."""
    samples = to_samples(pcm)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), rate_hz // 5))
    found: list[int] = []
    for at in np.argsort(spectrum)[::-1]:
        if all(abs(at * 5 - hz) > 50 for hz in found):
            found.append(int(at) * 5)
        if len(found) == count:
            return sorted(found)
    return sorted(found)


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000, 48000])
def test_tone_has_its_pitch_length_and_level(rate_hz: int) -> None:
    """A second of 1000 Hz is a second, is 1000 Hz, and is as loud as asked for."""
    pcm = tone(1000, rate_hz, 1000, level_dbfs=-12)

    assert len(pcm) == rate_hz * 2
    assert loudest_hz(pcm, rate_hz) == [1000]
    assert level_dbfs(pcm) == pytest.approx(-15, abs=0.2)


def test_tone_begins_and_ends_softly() -> None:
    """First and last sample are silent: no click."""
    samples = to_samples(tone(1000, 8000, 100))

    assert abs(int(samples[0])) < 50
    assert abs(int(samples[-1])) < 50


def test_frames_join_without_a_seam() -> None:
    """20 ms frames of an endless tone are one sine: no step larger than the sine's own."""
    pcm = b"".join(itertools.islice(frames(440, 8000), 50))
    samples = to_samples(pcm).astype(int)

    assert len(pcm) == 50 * 320
    assert loudest_hz(pcm, 8000) == [440]
    assert max(abs(np.diff(samples))) <= 8231 * 2 * np.pi * 440 / 8000 + 2


@pytest.mark.parametrize(("key", "pair"), [("1", [697, 1209]), ("#", [941, 1477]), ("D", [941, 1633])])
def test_key_is_two_tones(key: str, pair: list[int]) -> None:
    """A key press is its row's and its column's frequency, 100 ms long, with 100 ms of silence behind."""
    pcm = dtmf(key, 8000)

    heard = loudest_hz(pcm[:1600], 8000, 2)

    assert heard == pytest.approx(pair, abs=5)
    assert len(pcm) == 3200
    assert pcm[1600:] == bytes(1600)


def test_w_waits_half_a_second() -> None:
    """`w` is silence, so that a slow menu can be followed."""
    assert dtmf("w", 8000) == bytes(8000)
    assert len(dtmf("1w2", 8000)) == 3200 + 8000 + 3200


def test_every_key_has_a_pair_of_its_own() -> None:
    """Sixteen keys, sixteen pairs."""
    assert len(DTMF_HZ) == len(set(DTMF_HZ.values())) == 16

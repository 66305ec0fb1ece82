"""Streaming resampling: no aliasing, no drift, a delay that is what it says."""

import subprocess
import sys

import numpy as np
import pytest

from opendeep_kit.audio.pcm import to_bytes, to_samples
from opendeep_kit.audio.resample import Resampler

RATES = [(24000, 8000), (8000, 24000), (16000, 24000), (24000, 16000), (48000, 24000)]


def tone(hz: float, rate: int, seconds: float = 0.5) -> bytes:
    """A sine at -10 dBFS."""
    return to_bytes(10000 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate))


@pytest.mark.parametrize(("source", "target"), RATES)
def test_chunking_does_not_matter(source: int, target: int) -> None:
    """Odd chunks give sample for sample what one chunk gives."""
    whole, pieces = Resampler(source, target), Resampler(source, target)
    pcm = tone(440, source)
    sizes = np.random.default_rng(1).integers(1, 500, 200) * 2
    cuts = np.cumsum(sizes)

    parts = [pieces.feed(pcm[a:b]) for a, b in zip([0, *cuts], [*cuts, len(pcm)], strict=True)]

    assert b"".join(parts) == whole.feed(pcm)


@pytest.mark.parametrize(("source", "target"), RATES)
def test_tone_survives_at_its_delay(source: int, target: int) -> None:
    """A 1 kHz tone comes out clean (over 60 dB), shifted by exactly the stated delay."""
    resampler = Resampler(source, target)
    out = to_samples(resampler.feed(tone(1000, source))).astype(float)
    at = np.arange(len(out)) / target - resampler.delay_ms / 1000
    wanted = 10000 * np.sin(2 * np.pi * 1000 * at)
    middle = slice(target // 20, -target // 20)

    error = out[middle] - wanted[middle]

    assert 10 * np.log10(np.mean(wanted[middle] ** 2) / np.mean(error**2)) > 60


def test_what_does_not_fit_is_removed() -> None:
    """A 5 kHz tone must not come back as 3 kHz at 8 kHz."""
    out = to_samples(Resampler(24000, 8000).feed(tone(5000, 24000)))

    assert np.abs(out[200:].astype(int)).max() < 10


def test_equal_rates_pass_through() -> None:
    """Nothing is touched when nothing has to be."""
    assert Resampler(24000, 24000).feed(b"\x01\x02\x03\x04") == b"\x01\x02\x03\x04"


@pytest.mark.parametrize(("source", "target"), RATES)
def test_delay_stays_below_a_frame(source: int, target: int) -> None:
    """The filter never holds back more than 3 ms."""
    assert Resampler(source, target).delay_ms <= 3


def test_a_process_that_resamples_nothing_does_not_import_the_filters() -> None:
    """Equal rates cost neither the time nor the memory; `warm_up` takes both before any call."""
    told = "'scipy.signal' in sys.modules"
    code = "import sys; from opendeep_kit.audio.resample import Resampler, warm_up; Resampler(24000, 24000)"
    found = subprocess.check_output(
        [sys.executable, "-c", f"{code}; print({told}); warm_up(); print({told})"], text=True
    )

    assert found.split() == ["False", "True"]

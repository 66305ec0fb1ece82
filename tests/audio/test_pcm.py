"""Sizes and levels."""

import math

import numpy as np
import pytest

from opendeep_kit.audio.pcm import frame_bytes, level_dbfs, silence, to_bytes


@pytest.mark.parametrize(("rate", "size"), [(8000, 320), (16000, 640), (24000, 960), (48000, 1920)])
def test_frame_sizes_are_asterisks(rate: int, size: int) -> None:
    """One frame is what Asterisk sends in 20 ms."""
    assert frame_bytes(rate) == len(silence(rate)) == size


def test_level_of_full_scale_square() -> None:
    """A full-scale square wave is 0 dBFS, silence is minus infinity."""
    assert level_dbfs(to_bytes(np.resize([32767, -32767], 480))) == pytest.approx(0, abs=0.01)
    assert level_dbfs(silence(8000)) == -math.inf


def test_too_loud_is_clipped_not_wrapped() -> None:
    """40000 becomes 32767, not a negative number."""
    assert to_bytes(np.array([40000.0, -40000.0])) == to_bytes(np.array([32767, -32768]))

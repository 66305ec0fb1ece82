"""G.711 against the standard's landmarks."""

import numpy as np
import pytest

from opendeep_kit.audio import g711
from opendeep_kit.audio.pcm import to_bytes, to_samples


@pytest.mark.parametrize(
    ("law", "code", "value"),
    [
        ("pcmu", 0xFF, 0),
        ("pcmu", 0x80, 32124),
        ("pcmu", 0x00, -32124),
        ("pcma", 0xD5, 8),
        ("pcma", 0x55, -8),
        ("pcma", 0xAA, 32256),
        ("pcma", 0x2A, -32256),
    ],
)
def test_landmarks(law: str, code: int, value: int) -> None:
    """Smallest and largest codes decode to the values of ITU-T G.711's tables."""
    assert to_samples(g711.decode(bytes([code]), law))[0] == value


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_every_code_survives_a_round_trip(law: str) -> None:
    """Decoding and encoding gives a code of the same value (µ-law has two zeros)."""
    codes = bytes(range(256))
    again = g711.encode(g711.decode(codes, law), law)

    assert g711.decode(again, law) == g711.decode(codes, law)


@pytest.mark.parametrize("law", ["pcmu", "pcma"])
def test_encoding_takes_the_nearest_level(law: str) -> None:
    """No sample is farther from its code than half the widest step."""
    every = np.arange(-32000, 32001, 7)
    decoded = to_samples(g711.decode(g711.encode(to_bytes(every), law), law)).astype(int)

    assert np.max(np.abs(decoded - every)) <= 512

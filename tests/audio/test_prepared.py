"""The farewell that lies ready as sound."""

import pytest

from opendeep_kit.audio.pcm import level_dbfs
from opendeep_kit.audio.prepared import goodbye


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000, 48000])
def test_goodbye_at_every_line_rate(rate_hz: int) -> None:
    """Several seconds of loud speech, whole samples, the same length at each rate."""
    pcm = goodbye(rate_hz)

    assert len(pcm) % 2 == 0
    assert 4.0 < len(pcm) / 2 / rate_hz < 8.0
    assert len(pcm) / rate_hz == pytest.approx(len(goodbye(24000)) / 24000, abs=0.01)
    assert -35.0 < level_dbfs(pcm) < -10.0


def test_goodbye_is_decoded_once() -> None:
    """At the moment of need it is there: the same bytes are handed out again."""
    assert goodbye(8000) is goodbye(8000)

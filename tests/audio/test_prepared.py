"""What lies ready as sound for a call that lost its voice model."""

import pytest

from opendeep_kit.audio.pcm import level_dbfs
from opendeep_kit.audio.prepared import goodbye, one_moment


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000, 48000])
def test_goodbye_at_every_line_rate(rate_hz: int) -> None:
    """Several seconds of loud speech, whole samples, the same length at each rate."""
    pcm, words = goodbye(rate_hz)

    assert words.endswith("Goodbye.")
    assert len(pcm) % 2 == 0
    assert 4.0 < len(pcm) / 2 / rate_hz < 8.0
    assert len(pcm) / rate_hz == pytest.approx(len(goodbye(24000)[0]) / 24000, abs=0.01)
    assert -35.0 < level_dbfs(pcm) < -10.0


def test_goodbye_is_decoded_once() -> None:
    """At the moment of need it is there: the same bytes are handed out again."""
    assert goodbye(8000)[0] is goodbye(8000, "en-GB")[0]


def test_no_english_in_a_call_of_another_language() -> None:
    """Soft tones that no language is needed for, and no words in the record."""
    farewell, wait = goodbye(8000, "de"), one_moment(8000, "es-MX")

    assert (farewell[1], wait[1]) == ("", "")
    assert (len(farewell[0]), len(wait[0])) == (3 * 2 * 4800, 2 * 4800)
    assert -35.0 < level_dbfs(wait[0]) < -25.0
    assert one_moment(8000)[1] == "One moment, please."

"""When a turn begins and ends, with a detector whose probabilities the test holds."""

from collections.abc import Sequence

import numpy as np
import pytest

from opendeep_kit.audio.pcm import to_bytes
from opendeep_kit.rehearsal.turns import Started, Stopped, TurnDetector

WINDOW_BYTES = 512 * 2
WINDOW_MS = 32


class Given:
    """A voice detector that reads its probability off the sound: sample value / 1000."""

    def __init__(self) -> None:
        self.windows = 0

    def __call__(self, window: np.ndarray) -> float:
        assert len(window) == 512
        self.windows += 1
        return float(round(window[0] * 32768)) / 1000


def sound(probabilities: Sequence[float]) -> bytes:
    """One window of sound per probability."""
    return b"".join(to_bytes(np.full(512, round(p * 1000))) for p in probabilities)


def heard(probabilities: Sequence[float], **options: float) -> list[Started | Stopped]:
    """What a detector decides on these windows."""
    return TurnDetector(Given(), **options).hear(sound(probabilities))


def test_turn_with_its_padding_and_its_silence() -> None:
    """Begin: three voiced windows, back-dated by the prefix. End: after the silence, which belongs to the turn."""
    changes = heard([0] * 20 + [0.9] * 10 + [0] * 16)

    assert changes == [Started(20 * WINDOW_MS - 300), Stopped(46 * WINDOW_MS, 30 * WINDOW_MS)]


def test_begin_is_never_before_the_first_sound() -> None:
    """A voice right at the start has no room for the whole padding."""
    assert heard([0.9] * 3) == [Started(0.0)]


@pytest.mark.parametrize("windows", [1, 2])
def test_click_is_no_turn(windows: int) -> None:
    """A sound shorter than a syllable is nothing."""
    assert heard([0] * 10 + [0.9] * windows + [0] * 30) == []


def test_two_clicks_far_apart_are_not_added_up() -> None:
    """Only a voice that goes on counts towards a begin."""
    assert heard(([0.9] + [0] * 5) * 6) == []


def test_short_gap_does_not_restart_the_count() -> None:
    """A plosive's gap in the first word is part of it."""
    (started,) = heard([0] * 20 + [0.9, 0, 0.9])

    assert started == Started(20 * WINDOW_MS - 300)


def test_pause_within_the_turn() -> None:
    """A breath shorter than the closing silence ends nothing."""
    changes = heard([0.9] * 5 + [0] * 15 + [0.9] * 5 + [0] * 16)

    assert [type(change) for change in changes] == [Started, Stopped]
    assert changes[1] == Stopped(41 * WINDOW_MS, 25 * WINDOW_MS)


def test_voice_once_heard_ends_lower() -> None:
    """A fading voice below the threshold still holds the turn, a whisper below that ends it."""
    fading = heard([0.9] * 5 + [0.4] * 40)
    whisper = heard([0.9] * 5 + [0.3] * 40)

    assert [type(change) for change in fading] == [Started]
    assert [type(change) for change in whisper] == [Started, Stopped]
    assert heard([0.4] * 40) == []


def test_settings() -> None:
    """Threshold, padding and silence are the session's."""
    changes = heard([0.7] * 10 + [0] * 8, threshold=0.6, prefix_ms=0.0, silence_ms=200.0)

    assert changes == [Started(0.0), Stopped(17 * WINDOW_MS, 10 * WINDOW_MS)]
    assert heard([0.55] * 40, threshold=0.6) == []


@pytest.mark.parametrize("step", [2, 320, 640, 1022, 1026, 5000])
def test_pieces_of_any_size(step: int) -> None:
    """However the sound is cut into pieces, the decisions are the same."""
    data = sound([0] * 20 + [0.9] * 10 + [0] * 20)
    detector = TurnDetector(Given())
    changes = [change for at in range(0, len(data), step) for change in detector.hear(data[at : at + step])]

    assert changes == [Started(340), Stopped(1472, 960)]
    assert detector.heard_ms == 50 * WINDOW_MS


def test_reset_forgets_the_turn() -> None:
    """After its sound was taken by hand a turn ends without a word, and the next one is a new one."""
    detector = TurnDetector(Given())
    detector.hear(sound([0.9] * 5))
    detector.reset()

    assert not detector.is_speaking
    assert detector.hear(sound([0] * 20)) == []
    assert detector.hear(sound([0.9] * 3)) == [Started(25 * WINDOW_MS - 300)]

"""How soon a model that broke off is tried again, and when it is given up."""

import pytest

from opendeep_kit.errors import Unavailable
from opendeep_kit.settings import VoiceSettings
from opendeep_kit.voice.patience import STEADY_S, Patience

AWAY = Unavailable("nobody answers", do="start it")


def test_good_session_is_followed_at_once() -> None:
    """It broke after minutes: the callee waits for the next one, so there is no pause."""
    assert Patience(VoiceSettings()).pause(0, 100) == 0


def test_pauses_grow() -> None:
    """Each try that comes to nothing doubles the pause, up to a second and a half."""
    patience = Patience(VoiceSettings())

    assert [patience.pause(n, n, AWAY) for n in range(5)] == [0.2, 0.4, 0.8, 1.5, 1.5]


def test_short_session_counts_like_none() -> None:
    """A session that breaks at once is not a recovery."""
    patience = Patience(VoiceSettings())

    assert [patience.pause(n, n + STEADY_S / 2) for n in range(3)] == [0.2, 0.4, 0.8]


def test_good_session_begins_the_count_again() -> None:
    """What failed before it is forgotten."""
    patience = Patience(VoiceSettings(reconnect_attempts=1))
    patience.pause(0, 0, AWAY)
    patience.pause(1, 1 + STEADY_S)

    assert patience.pause(20, 20, AWAY) == 0.2


def test_time_is_limited() -> None:
    """When the next try would come after the limit, there is none; the person is told what the last error told."""
    patience = Patience(VoiceSettings(reconnect_within_s=2))
    patience.pause(0, 0, AWAY)

    with pytest.raises(Unavailable, match="start it"):
        patience.pause(0.2, 1.9, AWAY)


def test_tries_are_limited() -> None:
    """So many, and not one more."""
    patience = Patience(VoiceSettings(reconnect_attempts=2))
    patience.pause(0, 0, AWAY)
    patience.pause(0, 0, AWAY)

    with pytest.raises(Unavailable, match="stayed away"):
        patience.pause(0, 0, AWAY)


def test_session_that_never_answered_counts_like_none() -> None:
    """It stood for long, but owed its first reply all the time."""
    patience = Patience(VoiceSettings())

    assert [patience.pause(0, 100, has_answered=False) for _ in range(3)] == [0.2, 0.4, 0.8]

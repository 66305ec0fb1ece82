"""How soon a model that broke off is tried again, and when it is given up."""

import pytest

from opendeep_kit.errors import Unavailable
from opendeep_kit.settings import VoiceSettings
from opendeep_kit.voice.reconnect_policy import STEADY_S, ReconnectPolicy

AWAY = Unavailable("nobody answers", do="start it")


def test_good_session_is_followed_at_once() -> None:
    """It broke after minutes: the callee waits for the next one, so there is no pause."""
    assert ReconnectPolicy(VoiceSettings()).pause(0, 100) == 0


def test_pauses_grow() -> None:
    """Each try that comes to nothing doubles the pause, up to a second and a half."""
    policy = ReconnectPolicy(VoiceSettings())

    assert [policy.pause(n, n, AWAY) for n in range(5)] == [0.2, 0.4, 0.8, 1.5, 1.5]


def test_short_session_counts_like_none() -> None:
    """A session that breaks at once is not a recovery."""
    policy = ReconnectPolicy(VoiceSettings())

    assert [policy.pause(n, n + STEADY_S / 2) for n in range(3)] == [0.2, 0.4, 0.8]


def test_good_session_begins_the_count_again() -> None:
    """What failed before it is forgotten."""
    policy = ReconnectPolicy(VoiceSettings(reconnect_attempts=1))
    policy.pause(0, 0, AWAY)
    policy.pause(1, 1 + STEADY_S)

    assert policy.pause(20, 20, AWAY) == 0.2


def test_time_is_limited() -> None:
    """When the next try would come after the limit, there is none; the person is told what the last error told."""
    policy = ReconnectPolicy(VoiceSettings(reconnect_within_s=2))
    policy.pause(0, 0, AWAY)

    with pytest.raises(Unavailable, match="start it"):
        policy.pause(0.2, 1.9, AWAY)


def test_tries_are_limited() -> None:
    """So many, and not one more."""
    policy = ReconnectPolicy(VoiceSettings(reconnect_attempts=2))
    policy.pause(0, 0, AWAY)
    policy.pause(0, 0, AWAY)

    with pytest.raises(Unavailable, match="stayed away"):
        policy.pause(0, 0, AWAY)


def test_session_that_never_answered_counts_like_none() -> None:
    """It stood for long, but owed its first reply all the time."""
    policy = ReconnectPolicy(VoiceSettings())

    assert [policy.pause(0, 100, has_answered=False) for _ in range(3)] == [0.2, 0.4, 0.8]


def test_sessions_that_break_again_and_again_are_given_up() -> None:
    """Each of them was good; still, a call cannot live on reconnections."""
    policy = ReconnectPolicy(VoiceSettings(reconnect_attempts=2))
    pauses = [policy.pause(n * 100, n * 100 + 50) for n in range(4)]

    assert pauses == [0, 0, 0, 0]
    with pytest.raises(Unavailable, match="again and again"):
        policy.pause(400, 450)

"""Who is dead, by what one that watches has seen: an outage, a sleep or a wrong clock is no evidence about anybody."""

from datetime import timedelta

from opendeep_kit.engine.failure_detector import FailureDetector
from tests.record.conftest import NOON

AFTER_S = 10.0
LIVES = "media-1"


def signs(*, lives: float, silent: float = 0.0) -> dict[str, object]:
    """The last signs of one that lives and of one that is silent, by clocks of their own."""
    return {LIVES: NOON + timedelta(seconds=lives), "media-2": NOON - timedelta(days=3) + timedelta(seconds=silent)}


def watched(detector: FailureDetector, *, since: int, until: int) -> list[bool]:
    """Whether the silent one was dead after each of these seconds; the other never was."""
    found = []
    for second in range(since, until):
        detector.look(signs(lives=second), float(second))  # type: ignore[arg-type]
        assert not detector.is_dead(LIVES, after_s=AFTER_S)
        found.append(detector.is_dead("media-2", after_s=AFTER_S))
    return found


def test_silence_is_watched() -> None:
    """Whatever its clock says, a process is dead once no sign of it was seen for so long."""
    assert watched(FailureDetector(most_apart_s=5), since=100, until=114) == [False] * 10 + [True] * 4


def test_who_signed_off_is_dead_at_once() -> None:
    """There is nobody whose silence could be waited for; before the first look nothing is known."""
    detector = FailureDetector(most_apart_s=5)
    assert detector.is_blind
    assert not detector.is_dead("control-1", after_s=AFTER_S)
    detector.look(signs(lives=0), 0.0)  # type: ignore[arg-type]

    assert detector.is_dead("control-1", after_s=AFTER_S)
    assert detector.sign_of("control-1") is None
    assert sorted(detector.known()) == [LIVES, "media-2"]


def test_an_outage_is_no_evidence() -> None:
    """While the record is away nobody can give a sign; afterwards everybody has their full time to."""
    detector = FailureDetector(most_apart_s=5)
    assert watched(detector, since=0, until=9) == [False] * 9
    detector.fail()
    assert not detector.is_dead("media-2", after_s=AFTER_S)
    assert detector.is_blind

    assert watched(detector, since=10, until=22) == [False] * 10 + [True] * 2


def test_our_own_sleep_is_no_evidence() -> None:
    """Whoever did not look for longer may have been asleep, with everybody else on the machine."""
    detector = FailureDetector(most_apart_s=5)
    watched(detector, since=0, until=9)

    assert watched(detector, since=3600, until=3612) == [False] * 10 + [True] * 2


def test_a_late_sign_saves() -> None:
    """One sign, and the silence begins anew."""
    detector = FailureDetector(most_apart_s=5)
    watched(detector, since=0, until=9)
    detector.look(signs(lives=9, silent=1), 9.0)  # type: ignore[arg-type]

    assert not detector.is_dead("media-2", after_s=AFTER_S)
    assert detector.sign_of("media-2") == NOON - timedelta(days=3) + timedelta(seconds=1)

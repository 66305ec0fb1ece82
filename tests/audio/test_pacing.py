"""The pacer's promises, with time as a number."""

import pytest

from opendeep_kit.audio.pacing import Pacer, SlotCounts

T0 = 1000.0


def sent_until(pacer: Pacer, times_ms: list[float]) -> list[int]:
    """All slots handed out when the loop wakes at these times."""
    return [slot for at in times_ms for slot in pacer.due(T0 + at / 1000)]


def test_one_frame_per_slot_without_lead() -> None:
    """Woken at every slot's time, each slot goes out exactly once."""
    assert sent_until(Pacer(T0, lead_ms=0), [0, 20, 40, 60]) == [0, 1, 2, 3]


def test_lead_is_sent_at_once() -> None:
    """At the start the lead's frames go out together, and no more."""
    pacer = Pacer(T0, lead_ms=60)

    assert list(pacer.due(T0)) == [0, 1, 2, 3]
    assert list(pacer.due(T0 + 0.001)) == []


def test_waking_twice_sends_nothing_twice() -> None:
    """A slot handed out is never handed out again."""
    assert sent_until(Pacer(T0), [0, 0, 5, 20, 20]) == [0, 1, 2]


def test_error_does_not_accumulate() -> None:
    """Waking 3 ms late each time still gives 50 frames a second."""
    slots = sent_until(Pacer(T0), [n * 20 + 3 for n in range(500)])

    assert slots == list(range(501))


def test_stall_within_lead_is_caught_up() -> None:
    """A stall of lead and one frame loses no slot."""
    pacer = Pacer(T0, lead_ms=20)

    assert sent_until(pacer, [0, 20, 60, 80]) == [0, 1, 2, 3, 4, 5]
    assert pacer.skipped == 0


def test_long_stall_is_skipped() -> None:
    """After a second of stall the far end is not flooded: a few frames, and the rest is counted."""
    pacer = Pacer(T0, lead_ms=20)
    sent_until(pacer, [0])

    slots = list(pacer.due(T0 + 1.0))

    assert slots == [48, 49, 50, 51]
    assert pacer.skipped == 46


def test_clock_is_absolute_after_a_stall() -> None:
    """After a stall the next slot is due when it always was."""
    pacer = Pacer(T0, lead_ms=0)
    sent_until(pacer, [0, 500])

    assert pacer.wake_at() == pytest.approx(T0 + 0.52)


def test_continues_somebody_elses_slots() -> None:
    """Slots sent while the call was being admitted are not sent again."""
    assert list(Pacer(T0, lead_ms=0, next_slot=3).due(T0 + 0.06)) == [3]


@pytest.mark.parametrize("lead_ms", [-1, 61, 100])
def test_lead_is_bounded(lead_ms: int) -> None:
    """More than 60 ms could not be recalled when the callee interrupts."""
    with pytest.raises(ValueError, match=r"0\.\.60"):
        Pacer(T0, lead_ms=lead_ms)


def test_lateness_is_measured() -> None:
    """The latest hand-out behind its slot is kept."""
    pacer = Pacer(T0, lead_ms=0)
    sent_until(pacer, [0, 33, 40])

    assert pacer.max_late_ms == pytest.approx(13, abs=0.01)


def test_slots_are_counted_per_beat() -> None:
    """What many calls count adds up, and what lies between two looks is their difference."""
    before = SlotCounts(100, 2) + SlotCounts(50, 0)
    after = SlotCounts(150, 12) + SlotCounts(100, 0)

    assert (before, after - before) == (SlotCounts(150, 2), SlotCounts(100, 10))
    assert ((after - before).gap_share, SlotCounts().gap_share) == (0.1, 0.0)

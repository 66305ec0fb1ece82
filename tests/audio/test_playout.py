"""The playout queue and its ledger."""

import numpy as np

from opendeep_kit.audio.pcm import silence, to_bytes
from opendeep_kit.audio.playout import Playout

RATE = 24000


def sound(ms: float) -> bytes:
    """A loud buzz."""
    return to_bytes(np.resize([8000, -8000], int(RATE * ms / 1000)))


def test_silence_when_nothing_to_say() -> None:
    """An empty queue still yields a whole frame."""
    frame = Playout(RATE).next_frame(0)

    assert frame.pcm == silence(RATE)
    assert frame.item is None


def test_sent_is_counted_in_the_items_own_sound() -> None:
    """Silence between items does not count as sent."""
    playout = Playout(RATE)
    item = playout.add("r", "a", 0, sound(50))
    playout.complete("a", 0)
    for slot in range(5):
        playout.next_frame(slot)

    assert (item.received_ms, item.sent_ms) == (50, 50)
    assert item.is_over
    assert item.last_slot == 2


def test_pieces_of_an_item_are_joined_without_a_gap() -> None:
    """A delta that ends within a frame waits for the next one instead of being padded."""
    playout = Playout(RATE)
    playout.add("r", "a", 0, sound(30))

    first, second = playout.next_frame(0), playout.next_frame(1)
    playout.add("r", "a", 0, sound(10))
    third = playout.next_frame(2)

    assert first.pcm == third.pcm == sound(20)
    assert second.item is None
    assert playout.underruns == 1


def test_last_frame_is_padded() -> None:
    """What remains of a complete item goes out with silence behind it."""
    playout = Playout(RATE)
    playout.add("r", "a", 0, sound(5))
    playout.complete("a", 0)

    frame = playout.next_frame(0)

    assert frame.pcm == sound(5) + silence(RATE, 15)
    assert [item.item_id for item in frame.over] == ["a"]


def test_two_items_share_a_frame() -> None:
    """The end of one item and the beginning of the next are one frame, each counted for itself."""
    playout = Playout(RATE)
    a = playout.add("r", "a", 0, sound(5))
    playout.complete("a", 0)
    b = playout.add("r", "b", 0, sound(40))

    frame = playout.next_frame(0)

    assert frame.pcm == sound(20)
    assert (a.sent_ms, b.sent_ms) == (5, 15)


def test_drop_tells_how_far_each_item_had_come() -> None:
    """At an interruption the queue is empty at once and the ledger is handed out."""
    playout = Playout(RATE)
    playout.add("r", "a", 0, sound(100))
    playout.add("r", "b", 0, sound(100))
    playout.next_frame(0)

    assert [(item.item_id, item.sent_ms) for item in playout.drop()] == [("a", 20), ("b", 0)]
    assert playout.next_frame(1).item is None
    assert playout.queued_ms == 0


def test_drop_leaves_what_is_firm() -> None:
    """Keys stay in the queue, and are next whatever stood before them."""
    playout = Playout(RATE)
    playout.add("r", "a", 0, sound(100))
    playout.add("own", "keys", 0, sound(40)).is_firm = True
    dropped = playout.drop()

    assert ([item.item_id for item in dropped], playout.queued_ms) == (["a"], 40)
    assert playout.next_frame(0).item is playout.items[0]


def test_leading_silence_is_told_apart() -> None:
    """The first sound is marked, and the silence before it is known."""
    playout = Playout(RATE)
    item = playout.add("r", "a", 0, silence(RATE, 60) + sound(40))

    marks = [playout.next_frame(slot).is_first_sound for slot in range(5)]

    assert marks == [False, False, False, True, False]
    assert item.lead_in_ms == 60


def test_full_queue_drops_the_newest() -> None:
    """The named drop policy: what does not fit is refused and counted, what was queued stays."""
    playout = Playout(RATE, limit_ms=100)
    playout.add("r", "a", 0, sound(80))
    playout.add("r", "a", 0, sound(50))

    assert playout.queued_ms == 100
    assert playout.dropped_ms == 30


def test_completing_an_item_already_sent_ends_it() -> None:
    """When the model's "done" comes after the last frame, completing it tells that it is over."""
    playout = Playout(RATE)
    item = playout.add("r", "a", 0, sound(20))
    playout.next_frame(0)

    assert playout.complete("a", 0) is item
    assert playout.items == ()

"""What the recordings' check makes of an agent's channel that a stall tore, with real frames from a real playout."""

import numpy as np
import pytest

from benchmarks.recordings import cuts_in
from opendeep_kit import events
from opendeep_kit.audio.pcm import FRAME_MS, silence, to_bytes, to_samples
from opendeep_kit.audio.playout import Playout
from opendeep_kit.audio.recording import Tracks

RATE = 24000
LEAD_IN_MS, SENT_MS, IN_FLIGHT_MS, QUEUED_MS = 120, 2000, 80, 1000


def a_cut_call(skipped: set[int], *, heard_ms: float = SENT_MS - IN_FLIGHT_MS) -> tuple[list[events.Event], np.ndarray]:
    """A sentence cut after two seconds, in a call that gave up these of its slots: its events and the agent's lane."""
    playout, tracks, slot, sent = Playout(RATE), Tracks(RATE), 50, 0
    sound = to_bytes(np.resize([9000, -9000], RATE * (SENT_MS - LEAD_IN_MS + QUEUED_MS) // 1000))
    playout.add("r", "a", 0, silence(RATE, LEAD_IN_MS) + sound)
    first_sound_ms = 0.0
    while sent < SENT_MS:
        if slot not in skipped:
            frame = playout.next_frame(slot)
            tracks.say(slot, frame.pcm)
            sent += FRAME_MS
            # Written one frame ahead of its slot, and a little late.
            first_sound_ms = (slot - 1) * FRAME_MS + 3.0 if frame.is_first_sound else first_sound_ms
        slot += 1
    now_ms, received_ms = slot * FRAME_MS - 10.0, float(SENT_MS + QUEUED_MS)
    happened: list[events.Event] = [
        events.AgentSoundStarted(
            call_id="c", at_ms=first_sound_ms - LEAD_IN_MS, item_id="a", first_sound_ms=first_sound_ms
        ),
        events.AgentSaid(
            call_id="c",
            at_ms=now_ms,
            item_id="a",
            meant="",
            heard="",
            heard_ms=heard_ms,
            received_ms=received_ms,
            is_cut=True,
        ),
        events.AgentInterrupted(
            call_id="c",
            at_ms=now_ms,
            item_id="a",
            heard_ms=heard_ms,
            dropped_ms=float(QUEUED_MS),
            last_frame_ms=slot * 20.0,
        ),
        events.MediaMeasured(
            call_id="c",
            at_ms=now_ms,
            frames_sent=slot - len(skipped),
            frames_received=slot,
            slots_skipped=len(skipped),
            max_late_ms=30.0,
            underruns=0,
            heard_dropped_ms=0.0,
            said_dropped_ms=0.0,
        ),
    ]
    lane = to_samples(tracks.take(now_ms + 2000)).reshape(-1, 2)[:, 1]
    return happened, lane


@pytest.mark.parametrize("skipped", [set(), {70, 71, 72}, {62, 90, 91, 130}], ids=["whole", "one hole", "three holes"])
def test_holes_are_not_the_sentence(skipped: set[int]) -> None:
    """However torn, the channel ends where the ledger says: behind what was heard by what was in flight."""
    (cut,) = cuts_in(*a_cut_call(skipped), RATE)

    assert (cut.off_ms, cut.in_flight_ms) == (IN_FLIGHT_MS, IN_FLIGHT_MS)


def test_wrong_ledger_is_found() -> None:
    """A sentence said to be heard 200 ms short of what was sent is 200 ms off: nothing is subtracted from the limit."""
    (cut,) = cuts_in(*a_cut_call({70, 71, 72}, heard_ms=SENT_MS - 200), RATE)

    assert cut.off_ms == 200


def test_sound_that_goes_on_is_found() -> None:
    """An agent that was not stopped is heard far behind the cut."""
    happened, lane = a_cut_call(set())
    late = lane.copy()
    late[int(3.5 * RATE) : int(3.6 * RATE)] = 9000

    (cut,) = cuts_in(happened, late, RATE)

    assert cut.off_ms == 680

"""Who is alive, and who is free."""

from dataclasses import replace
from datetime import timedelta

import pytest

from opendeep_kit.campaigns.capacity import Heartbeat, WorkerState
from opendeep_kit.errors import BadInput
from opendeep_kit.record import workers
from opendeep_kit.record.database import Database
from tests.record.campaigning import claimed, made_campaign, waiting
from tests.record.conftest import NOON, SOON

BEAT = Heartbeat(worker_id="media-1", host="10.0.0.1", port=9092, capacity=10, live_calls=4, loop_lag_ms=2.5)


def test_a_heartbeat_is_read_as_told(database: Database) -> None:
    """The last heartbeat counts; when the worker started stays."""
    workers.beat(database, BEAT, now=NOON)
    workers.beat(database, replace(BEAT, live_calls=6, gap_share=0.01), now=SOON)

    (worker,) = workers.alive(database, now=SOON, within_s=15)

    assert (worker.started_at, worker.seen_at, worker.live_calls, worker.gap_share) == (NOON, SOON, 6, 0.01)
    assert (worker.host, worker.port, worker.loop_lag_ms, worker.free_slots) == ("10.0.0.1", 9092, 2.5, 4)


def test_what_the_provider_said_is_read_as_told(database: Database) -> None:
    """With the next heartbeat it is forgotten unless it is said again."""
    told = replace(BEAT, provider_carries=4, provider_resets_at=SOON, provider_blocked_until=SOON)
    workers.beat(database, told, now=NOON)
    (before,) = workers.alive(database, now=NOON, within_s=15)
    workers.beat(database, BEAT, now=NOON)
    (after,) = workers.alive(database, now=NOON, within_s=15)

    assert (before.provider_carries, before.provider_resets_at, before.provider_blocked_until) == (4, SOON, SOON)
    assert (after.provider_carries, after.provider_blocked_until) == (None, None)


def test_the_silent_are_not_alive(database: Database) -> None:
    """A worker that is silent for too long, or has signed off, is given no call."""
    workers.beat(database, BEAT, now=NOON)
    workers.beat(database, replace(BEAT, worker_id="media-2"), now=SOON)
    workers.beat(database, replace(BEAT, worker_id="media-3"), now=SOON)
    workers.sign_off(database, "media-3")

    def alive(within_s: float) -> list[str]:
        return [worker.worker_id for worker in workers.alive(database, now=SOON, within_s=within_s)]

    assert alive(121) == ["media-1", "media-2"]
    assert alive(120) == ["media-2"]
    assert workers.forget_silent(database, now=SOON, silent_s=120) == 1
    assert alive(999) == ["media-2"]


def test_the_least_loaded_is_chosen(database: Database) -> None:
    """The greatest share of free slots wins, then the shorter lag; drained and full ones never do."""
    assert workers.least_loaded(database, now=NOON, within_s=15) is None
    for worker_id, capacity, live, lag_ms, state in (
        ("small", 4, 1, 1.0, WorkerState.SERVING),
        ("late", 100, 20, 9.0, WorkerState.SERVING),
        ("large", 100, 20, 3.0, WorkerState.SERVING),
        ("leaving", 100, 0, 0.0, WorkerState.DRAINING),
        ("full", 5, 5, 0.0, WorkerState.SERVING),
    ):
        told = {"capacity": capacity, "live_calls": live, "loop_lag_ms": lag_ms, "state": state}
        workers.beat(database, replace(BEAT, worker_id=worker_id, **told), now=NOON)  # type: ignore[arg-type]

    chosen = workers.least_loaded(database, now=NOON, within_s=15)

    assert chosen is not None
    assert chosen.worker_id == "large"
    free = [worker.free_slots for worker in workers.alive(database, now=NOON, within_s=15)]
    assert free == [0, 80, 80, 0, 3]


def test_the_missed_are_passed_over(database: Database) -> None:
    """A worker that could not be reached is given nothing until it gives a later sign."""
    for worker_id, capacity in (("large", 80), ("small", 3)):
        workers.beat(database, replace(BEAT, worker_id=worker_id, capacity=capacity, live_calls=1), now=NOON)
    asked = {"now": SOON, "within_s": 600, "missed": {"large": NOON}}
    before = workers.least_loaded(database, **asked)
    workers.beat(database, replace(BEAT, worker_id="large", capacity=80, live_calls=1), now=SOON)
    after = workers.least_loaded(database, **asked)

    assert [one.worker_id for one in (before, after) if one] == ["small", "large"]


def test_calls_on_their_way_count(database: Database) -> None:
    """Attempts that were given to a worker take its slots before it hears of them."""
    made_campaign(database)
    workers.beat(database, replace(BEAT, capacity=3, live_calls=0), now=NOON)

    for who in waiting(database)[:2]:
        claimed(database, who, worker_id="media-1")

    (worker,) = workers.alive(database, now=NOON, within_s=15)
    assert (worker.given_calls, worker.free_slots) == (2, 1)


def test_control_processes_are_heard(database: Database) -> None:
    """Control processes are alive while they give signs, and gone once they sign off."""
    workers.beat_control(database, "control-1", host="a", now=NOON)
    workers.beat_control(database, "control-1", host="a", now=SOON)
    workers.beat_control(database, "control-2", host="b", now=NOON)

    (control,) = workers.controls_alive(database, now=SOON, within_s=30)
    assert control.reaches_people
    workers.beat_control(database, "control-1", host="a", reaches_people=False, now=SOON)
    assert [one.reaches_people for one in workers.controls_alive(database, now=SOON, within_s=30)] == [False]
    assert (control.control_id, control.host, control.started_at, control.seen_at) == ("control-1", "a", NOON, SOON)

    workers.sign_off_control(database, "control-1")
    assert workers.controls_alive(database, now=SOON, within_s=30) == []
    assert workers.forget_silent(database, now=SOON + timedelta(hours=1), silent_s=60) == 1


def test_what_holds_calls_is_read_as_told(database: Database) -> None:
    """A process that has told nothing holds nothing; a heartbeat leaves what was told; the oldest is who plans."""
    workers.beat_control(database, "control-2", host="a", now=NOON)
    workers.beat_control(database, "control-1", host="b", now=SOON)
    workers.tell_held(database, "control-2", held={"clinic/one": "the trunk has as many calls as it may"}, bound_by="x")
    workers.beat_control(database, "control-2", host="a", now=SOON)
    newer, older = workers.controls_alive(database, now=SOON, within_s=30)

    assert (newer.held, newer.bound_by) == ({}, "")
    assert (older.held, older.bound_by) == ({"clinic/one": "the trunk has as many calls as it may"}, "x")
    assert workers.planner([newer, older]) == older
    assert workers.planner([]) is None


@pytest.mark.parametrize("wrong", [{"capacity": -1}, {"live_calls": -1}, {"port": 0}, {"port": 65536}])
def test_impossible_heartbeats_are_refused(wrong: dict[str, int]) -> None:
    """Negative counts and ports that are none cannot be told."""
    with pytest.raises(BadInput, match="heartbeat is impossible"):
        replace(BEAT, **wrong)  # type: ignore[arg-type]

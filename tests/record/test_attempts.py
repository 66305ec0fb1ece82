"""Attempts: dialled once at most, ended once, taken over from the dead."""

from dataclasses import replace
from datetime import datetime, timedelta

from opendeep_kit.record import attempts, counters, enrolments, workers
from opendeep_kit.record.attempts import AttemptState
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolments import NextStep
from opendeep_kit.record.event_log import read_events
from tests.record.campaigning import BUSY, COMPLETED, DONE, assert_books_agree, claimed, made_campaign, race, waiting
from tests.record.conftest import NOON, SOON

HOUR = timedelta(hours=1)
AGAIN = NextStep(at=NOON + HOUR, reason="busy: again after 60 minutes")
FINISHER = """
import sys
from tests.record.test_attempts import BUSY, AGAIN, SOON, attempts
from opendeep_kit.record.database import open_database
database = open_database(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    print(int(attempts.finish_attempt(database, "clinic", line.strip(), BUSY, AGAIN, now=SOON)), flush=True)
"""
HEIR = """
import sys
from tests.record.test_attempts import SOON, attempts, workers
from opendeep_kit.record.database import open_database
database, me = open_database(sys.argv[1]), f"heir-{sys.argv[2]}"
print("ready", flush=True)
for line in sys.stdin:
    print(int(workers.bury(database, line.strip(), by=me, seen_at=None, living=["heir-0", "heir-1"], now=SOON)), flush=True)
"""


def living(database: Database, *control_ids: str) -> None:
    """These control processes gave a sign."""
    for control_id in control_ids:
        workers.beat_control(database, control_id, host="a", now=NOON)


def may_dial(database: Database, attempt_id: str, control_id: str, at: datetime = NOON) -> bool:
    """Whether this process may ask the line for the attempt now."""
    return attempts.mark_dialled(database, "clinic", attempt_id, control_id=control_id, line="simulator", at=at)


def test_a_result_is_read_as_told(database: Database) -> None:
    """The attempt ends with its result, its cost takes the place of what was reserved, the contact moves on."""
    made_campaign(database)
    living(database, "control-1")
    call = claimed(database, waiting(database)[0], reserved_minor=40, currency="EUR")
    assert may_dial(database, call.attempt_id, "control-1")

    told = replace(COMPLETED, spent_minor=12)
    assert attempts.finish_attempt(database, "clinic", call.attempt_id, told, DONE, now=SOON)

    read = attempts.attempt(database, "clinic", call.attempt_id)
    assert read is not None
    assert (read.state, read.dialled_at, read.ended_at) == (AttemptState.ENDED, NOON, SOON)
    assert (read.phone_result, read.disposition, read.detail) == ("answered", "completed", "all answered")
    assert (read.reserved_minor, read.spent_minor) == (0, 12)
    one = enrolments.enrolment(database, "clinic", "spring", call.number)
    assert one is not None
    assert (one.state, one.outcome, one.final_reason, one.next_at) == ("final", "completed", DONE.reason, None)
    counts = counters.counts(database, "clinic", "spring")
    assert (counts.final, counts.attempts, counts.outcomes) == (1, 1, {"completed": 1})
    assert_books_agree(database)


def test_the_contact_waits_for_its_next_time(database: Database) -> None:
    """After a busy line the contact waits until the time told, and is due then."""
    made_campaign(database, contacts=1)
    call = claimed(database, waiting(database)[0])

    attempts.finish_attempt(database, "clinic", call.attempt_id, BUSY, AGAIN, now=SOON)

    assert enrolments.due(database, "clinic", "spring", now=NOON + HOUR - timedelta(seconds=1), limit=9) == []
    (who,) = enrolments.due(database, "clinic", "spring", now=NOON + HOUR, limit=9)
    assert (who.number, who.is_callback) == (call.number, False)
    assert_books_agree(database)


def test_first_result_stays(database: Database) -> None:
    """A second result, or another tenant's, changes nothing."""
    made_campaign(database)
    call = claimed(database, waiting(database)[0])

    assert not attempts.finish_attempt(database, "garage", call.attempt_id, COMPLETED, DONE, now=SOON)
    assert attempts.finish_attempt(database, "clinic", call.attempt_id, BUSY, AGAIN, now=SOON)
    assert not attempts.finish_attempt(database, "clinic", call.attempt_id, COMPLETED, DONE, now=SOON)

    assert counters.counts(database, "clinic", "spring").outcomes == {"not_reached": 1}
    assert_books_agree(database)


def test_of_two_processes_one_finishes(database: Database, url: str) -> None:
    """Two processes that end the same attempts end each once, and count each once."""
    made_campaign(database, contacts=15)
    calls = [claimed(database, who, reserved_minor=4, currency="EUR").attempt_id for who in waiting(database)]

    printed = race(FINISHER, url, calls)

    assert [int(one) + int(other) for one, other in zip(*printed, strict=True)] == [1] * 15
    assert counters.counts(database, "clinic", "spring").attempts == 15
    assert_books_agree(database)


def test_what_never_left_us_counts_for_nothing(database: Database) -> None:
    """An attempt that certainly never rang is no attempt of the contact and no outcome."""
    made_campaign(database, contacts=1)
    call = claimed(database, waiting(database)[0])
    never = replace(BUSY, may_have_rung=False, is_interrupted=True)

    attempts.finish_attempt(database, "clinic", call.attempt_id, never, NextStep(at=NOON, reason="again"), now=NOON)

    one = enrolments.enrolment(database, "clinic", "spring", call.number)
    assert one is not None
    assert (one.state, one.attempts) == ("waiting", 0)
    assert attempts.attempts_of(database, "clinic")[0].state is AttemptState.INTERRUPTED
    counts = counters.counts(database, "clinic", "spring")
    assert (counts.attempts, counts.outcomes) == (0, {})
    assert_books_agree(database)


def test_the_line_is_asked_once(database: Database) -> None:
    """Only the owner of an intended attempt may dial it, and only once; the dial stands in the call's events."""
    made_campaign(database)
    living(database, "control-1", "control-2")
    call = claimed(database, waiting(database)[0])

    asked = [may_dial(database, call.attempt_id, name) for name in ("control-2", "control-1")]
    again = [may_dial(database, call.attempt_id, "control-1", at) for at in (NOON, SOON)]

    assert (asked, again) == ([False, True], [True, False])  # the same asking, whose answer was lost; and another
    assert [type(event).__name__ for event in read_events(database, "clinic", call.attempt_id)] == ["Dialled"]
    attempts.finish_attempt(database, "clinic", call.attempt_id, BUSY, AGAIN, now=SOON)
    assert not may_dial(database, call.attempt_id, "control-1")


def test_an_attempt_is_taken_over(database: Database) -> None:
    """Its former owner may not dial it any more, and the last one that took it is its owner."""
    made_campaign(database)
    living(database, "lost", "heir", "other")
    call = claimed(database, waiting(database)[0], control_id="lost")

    taken = [attempts.take_over(database, "clinic", call.attempt_id, by=name, now=SOON) for name in ("heir", "other")]

    assert [attempt and attempt.control_id for attempt in taken] == ["heir", "other"]
    assert [may_dial(database, call.attempt_id, name) for name in ("lost", "heir", "other")] == [False, False, True]
    assert attempts.take_over(database, "garage", call.attempt_id, by="heir", now=SOON) is None
    assert attempts.open_attempts(database, control_id="heir") == []


def test_the_buried_take_and_dial_nothing(database: Database) -> None:
    """Whoever was declared dead has lost what is his, and gets nothing new, however alive."""
    made_campaign(database)
    living(database, "asleep", "heir")
    own = claimed(database, waiting(database)[0], control_id="asleep")
    others = claimed(database, waiting(database)[0], control_id="heir")
    assert workers.bury(database, "asleep", by="heir", seen_at=NOON, living=["heir"], now=SOON)

    assert not may_dial(database, own.attempt_id, "asleep")
    assert attempts.take_over(database, "clinic", others.attempt_id, by="asleep", now=SOON) is None
    assert not workers.beat_control(database, "asleep", host="a", now=SOON)


def test_of_two_heirs_one_buries(database: Database, url: str) -> None:
    """Two processes that find the same ones dead share them: each is buried by one of them."""
    dead = [f"dead-{number}" for number in range(15)]

    printed = race(HEIR, url, dead)

    assert [int(one) + int(other) for one, other in zip(*printed, strict=True)] == [1] * 15


def test_attempts_are_listed_by_campaign_and_number(database: Database) -> None:
    """A tenant's attempts are found by campaign and by number, never another tenant's."""
    for name in ("spring", "autumn"):
        made_campaign(database, name)
    first = claimed(database, waiting(database)[0])
    other = claimed(database, waiting(database, "autumn")[0])
    claimed(database, waiting(database)[1])

    same = attempts.attempts_of(database, "clinic", number=first.number)

    assert {attempt.attempt_id for attempt in same} == {first.attempt_id, other.attempt_id}
    assert attempts.attempts_of(database, "clinic", campaign_id="autumn") == [other]
    assert attempts.attempts_of(database, "garage") == []
    assert first.number not in repr(first)

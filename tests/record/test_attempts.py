"""Attempts: dialled once at most, ended once, taken over from the dead."""

from dataclasses import replace
from datetime import timedelta

import pytest

from opendeep_kit.record import attempts, counters, enrolments, workers
from opendeep_kit.record.attempts import AttemptState
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolments import NextStep
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
ADOPTER = """
import sys
from tests.record.test_attempts import SOON, attempts
from opendeep_kit.record.database import open_database
database = open_database(sys.argv[1])
print("ready", flush=True)
found = {orphan.attempt_id: orphan for orphan in attempts.orphans(database, now=SOON, dead_after_s=30)}
for line in sys.stdin:
    orphan = found.get(line.strip())
    by = f"heir-{sys.argv[2]}"
    print(int(bool(orphan) and attempts.adopt(database, orphan, by=by, now=SOON, dead_after_s=30)), flush=True)
"""


def test_a_result_is_read_as_told(database: Database) -> None:
    """The attempt ends with its result, its cost takes the place of what was reserved, the contact moves on."""
    made_campaign(database)
    call = claimed(database, waiting(database)[0], reserved_minor=40, currency="EUR")
    assert attempts.mark_dialled(database, "clinic", call.attempt_id, control_id="control-1", at=NOON)

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
    """Only the owner of an intended attempt may dial it, and only once."""
    made_campaign(database)
    call = claimed(database, waiting(database)[0])

    def may_dial(control_id: str) -> bool:
        return attempts.mark_dialled(database, "clinic", call.attempt_id, control_id=control_id, at=NOON)

    assert [may_dial(control_id) for control_id in ("control-2", "control-1", "control-1")] == [False, True, False]
    attempts.finish_attempt(database, "clinic", call.attempt_id, BUSY, AGAIN, now=SOON)
    assert not may_dial("control-1")


def test_orphans_are_those_of_the_silent(database: Database) -> None:
    """Open attempts of a process that is silent for too long, or was never heard of, are orphans; others' are not."""
    made_campaign(database)
    workers.beat_control(database, "alive", host="a", now=SOON)
    workers.beat_control(database, "silent", host="a", now=SOON - timedelta(seconds=30))
    mine = {name: claimed(database, waiting(database)[0], control_id=name) for name in ("alive", "silent", "unheard")}

    found = attempts.orphans(database, now=SOON, dead_after_s=30)

    assert {orphan.attempt_id for orphan in found} == {mine[name].attempt_id for name in ("silent", "unheard")}
    assert attempts.open_attempts(database, control_id="alive") == [mine["alive"]]
    assert len(attempts.open_attempts(database)) == 3


@pytest.mark.parametrize("is_back", [False, True])
def test_an_orphan_is_taken_over(database: Database, is_back: bool) -> None:
    """Once it is taken over its former owner may not dial it; an owner that came back in time keeps it."""
    made_campaign(database)
    call = claimed(database, waiting(database)[0], control_id="lost")
    (orphan,) = attempts.orphans(database, now=SOON, dead_after_s=30)
    if is_back:
        workers.beat_control(database, "lost", host="a", now=SOON)

    assert attempts.adopt(database, orphan, by="heir", now=SOON, dead_after_s=30) is not is_back

    dialled = attempts.mark_dialled(database, "clinic", call.attempt_id, control_id="lost", at=SOON)
    assert dialled is is_back


def test_of_two_heirs_one_adopts(database: Database, url: str) -> None:
    """Two processes that find the same orphans share them: each is taken over once."""
    made_campaign(database, contacts=15)
    calls = [claimed(database, who, control_id="lost").attempt_id for who in waiting(database)]
    for heir in ("heir-0", "heir-1"):
        workers.beat_control(database, heir, host="a", now=SOON)

    printed = race(ADOPTER, url, calls)

    assert sum(int(took) for took in printed[0] + printed[1]) == 15
    assert {attempt.control_id for attempt in attempts.open_attempts(database)} <= {"heir-0", "heir-1"}
    assert attempts.orphans(database, now=SOON, dead_after_s=30) == []


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

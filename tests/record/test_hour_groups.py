"""Hour groups: contacts that open together are asked together."""

from datetime import timedelta

from opendeep_kit.record import attempts, claiming, enrolling, hour_groups
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolling import NewEnrolment
from opendeep_kit.record.enrolments import NextStep
from opendeep_kit.record.hour_groups import Whereabouts
from tests.record.campaigning import BUSY, allow, made_campaign, new_attempt, number, waiting
from tests.record.conftest import NOON

LISBON = Whereabouts(zones=("Europe/Lisbon",), region="PT")
MOBILE = Whereabouts(zones=("America/Boise", "America/Los_Angeles"), region="US", subdivision="ID", is_stated=True)
HOUR = timedelta(hours=1)


def test_an_hour_group_for_each_whereabouts_and_priority(database: Database) -> None:
    """Contacts share an hour group when their zones, holidays and priority are the same."""
    made_campaign(database, contacts=0)
    people = [
        NewEnrolment(number=number(1), whereabouts=LISBON, next_at=NOON + HOUR),
        NewEnrolment(number=number(2), whereabouts=MOBILE),
        NewEnrolment(number=number(3), whereabouts=LISBON, next_at=NOON),
        NewEnrolment(number=number(4), whereabouts=LISBON, priority=9, next_at=NOON + 2 * HOUR),
    ]
    enrolling.enrol(database, "clinic", "spring", people, now=NOON - HOUR)

    found = hour_groups.hour_groups_of(database, "clinic", "spring")

    assert [(hour_group.whereabouts, hour_group.priority, hour_group.next_at) for hour_group in found] == [
        (LISBON, 9, NOON + 2 * HOUR),
        (LISBON, 0, NOON),
        (MOBILE, 0, NOON - HOUR),
    ]
    assert hour_groups.next_due_at(database, "clinic", "spring") == NOON - HOUR
    assert hour_groups.hour_groups_of(database, "garage", "spring") == []


def test_a_callback_is_told_apart(database: Database) -> None:
    """An hour group says when the first of those who asked for a time is due."""
    made_campaign(database, contacts=1)
    call = new_attempt()
    claiming.claim(database, "clinic", waiting(database)[0].enrolment_id, call, check=allow, now=NOON)
    assert hour_groups.next_due_at(database, "clinic", "spring") is None

    asked = NextStep(at=NOON + HOUR, reason="the callee asked for this time", is_callback=True)
    attempts.finish_attempt(database, "clinic", call.attempt_id, BUSY, asked, now=NOON)

    (hour_group,) = hour_groups.hour_groups_of(database, "clinic", "spring")
    assert (hour_group.next_at, hour_group.next_callback_at) == (None, NOON + HOUR)
    assert hour_groups.next_due_at(database, "clinic", "spring") == NOON + HOUR

"""Hour groups: contacts that open together are asked together."""

from datetime import timedelta

from opendeep_kit.campaigns.zones import whereabouts
from opendeep_kit.record import attempts, claiming, enrolling, hour_groups
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolments import NextStep
from tests.record.campaigning import BUSY, allow, made_campaign, new_attempt, number, person, waiting
from tests.record.conftest import NOON

LISBON, MOBILE = "+351212345670", "+79161234567"
HOUR = timedelta(hours=1)


def test_an_hour_group_for_each_whereabouts_and_priority(database: Database) -> None:
    """Contacts share an hour group when their zones, holidays and priority are the same."""
    made_campaign(database, contacts=0)
    for due, priority, people in (
        (NOON, 0, [person(LISBON)]),
        (NOON + HOUR, 0, [person(LISBON[:-1] + "1")]),
        (NOON - HOUR, 0, [person(MOBILE), person(number(1), zone="America/Boise")]),
        (NOON + 2 * HOUR, 9, [person(LISBON[:-1] + "2")]),
    ):
        enrolling.enrol(database, "clinic", "spring", people, priority=priority, due_at=due, now=NOON - HOUR)

    found = hour_groups.hour_groups_of(database, "clinic", "spring")

    assert found[0].priority == 9
    assert {(hour_group.whereabouts, hour_group.priority, hour_group.next_at) for hour_group in found} == {
        (whereabouts(LISBON), 9, NOON + 2 * HOUR),
        (whereabouts(LISBON), 0, NOON),
        (whereabouts(MOBILE), 0, NOON - HOUR),
        (whereabouts(number(1), stated_zone="America/Boise"), 0, NOON - HOUR),
    }
    assert len(found) == 4
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

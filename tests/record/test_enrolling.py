"""Bringing contacts into a campaign."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.errors import BadInput
from opendeep_kit.record import counters, enrolling, enrolments
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolling import Enrolled
from opendeep_kit.record.tables import contacts
from tests.record.campaigning import assert_books_agree, made_campaign, number, person, race
from tests.record.conftest import NOON, SOON

IMPORTER = """
import sys
from tests.record.test_enrolling import NOON, enrolling, number, person
from opendeep_kit.record.database import open_database
database = open_database(sys.argv[1])
print("ready", flush=True)
order = [int(line) for line in sys.stdin]
if sys.argv[2] == "1":
    order.reverse()
done = enrolling.enrol(database, "clinic", "spring", (person(number(last)) for last in order), now=NOON)
print(done.added, done.merged)
"""


def test_a_number_is_enrolled_once(database: Database) -> None:
    """The same number, in one list or in a later one, is merged and counted; who was there stays as they are."""
    made_campaign(database, contacts=0)
    people = [person(number(last)) for last in (1, 2, 1)]

    assert enrolling.enrol(database, "clinic", "spring", people, due_at=SOON, now=NOON) == Enrolled(added=2, merged=1)
    again = [person(number(last)) for last in (2, 3)]
    assert enrolling.enrol(database, "clinic", "spring", again, now=NOON) == Enrolled(added=1, merged=1)

    read = enrolments.enrolments_of(database, "clinic", "spring")
    assert [(one.number, one.next_at) for one in read] == [(number(1), SOON), (number(2), SOON), (number(3), NOON)]
    assert counters.counts(database, "clinic", "spring").waiting == 3


def test_what_is_said_of_them_is_mended(database: Database) -> None:
    """Facts that come again replace those of a contact who is not done; of two in one list the first count."""
    made_campaign(database, contacts=0)
    people = [person(number(last), name=f"A{last}") for last in (1, 2)]
    enrolling.enrol(database, "clinic", "spring", people, now=NOON)
    enrolments.cancel_number(database, "clinic", number(2), reason="done", now=NOON)
    again = [person(number(last), name=name) for last, name in ((1, "B"), (2, "B"), (1, "C"))]
    enrolling.enrol(database, "clinic", "spring", again, now=SOON)

    ids = [one.enrolment_id for one in enrolments.enrolments_of(database, "clinic", "spring")]
    assert [enrolments.facts_of(database, one) for one in ids] == [{"name": "B"}, {"name": "A2"}]


def test_who_is_mended_waits_again(database: Database) -> None:
    """Who ended for want of a fact waits again with the facts that come; who ended otherwise, or does not come, stays."""
    made_campaign(database, contacts=4)
    for last, reason in enumerate(("it lacks a name", "it lacks a name", "completed")):
        enrolments.cancel_number(database, "clinic", number(last), reason=reason, now=NOON)
    again = [person(number(last), name="Ann") for last in (0, 2)]

    came = enrolling.enrol(database, "clinic", "spring", again, mends="it lacks", now=SOON)
    assert came == Enrolled(added=0, merged=2, brought_back=1)
    found = enrolments.enrolments_of(database, "clinic", "spring")
    assert [one.state for one in found] == ["waiting", "final", "final", "waiting"]
    assert [enrolments.facts_of(database, one.enrolment_id) for one in found] == [{"name": "Ann"}, {}, {}, {}]
    assert (found[0].next_at, found[0].final_reason) == (SOON, None)
    assert_books_agree(database)


def test_many_batches_make_one_list(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list longer than a batch is read to its end, in order, its counts included."""
    monkeypatch.setattr(enrolling, "BATCH", 7)
    made_campaign(database, contacts=0)
    coming = (person(number(last % 40)) for last in range(50))

    assert enrolling.enrol(database, "clinic", "spring", coming, now=NOON) == Enrolled(added=40, merged=10)

    read = enrolments.enrolments_of(database, "clinic", "spring")
    assert [one.number for one in read] == [number(last) for last in range(40)]
    assert_books_agree(database)


def test_a_long_list_is_never_held(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come, no more than a batch of them is read ahead of what is written."""
    monkeypatch.setattr(enrolling, "BATCH", 5)
    made_campaign(database, contacts=0)
    ahead = []

    def coming() -> Iterator[Contact]:
        for last in range(24):
            ahead.append(last - counters.counts(database, "clinic", "spring").waiting)
            yield person(number(last))

    enrolling.enrol(database, "clinic", "spring", coming(), now=NOON)

    assert ahead == [0, 1, 2, 3, 4] * 4 + [0, 1, 2, 3]


def test_two_imports_at_once_do_not_hinder_one_another(database: Database, url: str) -> None:
    """Two processes that enrol the same numbers in opposite orders both end, and each number is there once."""
    made_campaign(database, contacts=0)

    printed = race(IMPORTER, url, [str(last) for last in range(2000)])

    assert sum(int(added) for added, _ in printed) == 2000
    assert [int(added) + int(merged) for added, merged in printed] == [2000, 2000]
    assert_books_agree(database)


def test_an_unknown_campaign_is_refused(database: Database) -> None:
    """Nobody is enrolled in what is not there, and nobody is kept."""
    made_campaign(database, contacts=0)

    with pytest.raises(BadInput, match="no campaign 'autumn': create it first"):
        enrolling.enrol(database, "clinic", "autumn", [person(number(1))], now=NOON)
    assert counters.counts(database, "clinic", "spring").waiting == 0
    with database.read() as connection:
        assert connection.scalar(select(func.count()).select_from(contacts)) == 0


def test_two_tenants_may_know_one_person(database: Database) -> None:
    """The same id under two tenants is two people; one whose id comes again has the number of the last list."""
    for tenant_id in ("clinic", "garage"):
        made_campaign(database, tenant_id=tenant_id, contacts=0)
        ann = replace(person(number(1)), contact_id="1")
        enrolling.enrol(database, tenant_id, "spring", [ann], now=NOON)
    enrolling.enrol(database, "clinic", "spring", [replace(ann, number=number(2))], now=NOON)

    query = select(contacts.c.tenant_id, contacts.c.number, contacts.c.campaign).order_by(contacts.c.tenant_id)
    with database.read() as connection:
        rows = [tuple(row) for row in connection.execute(query)]
    assert rows == [("clinic", number(2), "spring"), ("garage", number(1), "spring")]

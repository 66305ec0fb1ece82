"""Contacts in campaigns: who is due, and who is not any more."""

from datetime import timedelta

from sqlalchemy import select, update

from opendeep_kit.record import attempts, counters, enrolling, enrolments, hour_groups
from opendeep_kit.record.campaign_tables import campaigns
from opendeep_kit.record.campaign_tables import enrolments as enrolment_rows
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolments import EnrolmentState, NextStep
from tests.record.campaigning import BUSY, assert_books_agree, claimed, made_campaign, number, person, waiting
from tests.record.conftest import NOON, SOON

EAST, WEST = "America/New_York", "America/Los_Angeles"


def last_digits(found: list[enrolments.Due]) -> str:
    """Who they are, in order."""
    return "".join(one.number[-1] for one in found)


def enrol(database: Database, *people: tuple[int, str, int, int]) -> None:
    """Contacts by last digit, zone, priority and minutes after noon."""
    for last, zone, priority, minutes in people:
        due_at = NOON + timedelta(minutes=minutes)
        entry = [person(number(last), zone=zone)]
        enrolling.enrol(database, "clinic", "spring", entry, priority=priority, due_at=due_at, now=NOON)


def test_due_are_those_who_waited_longest(database: Database) -> None:
    """Those whose time has come are given in its order, no more than asked for."""
    made_campaign(database, contacts=0)
    enrol(database, (1, EAST, 0, 3), (2, EAST, 0, 1), (3, EAST, 0, 2), (4, EAST, 0, 4))
    now = NOON + timedelta(minutes=3)

    assert last_digits(enrolments.due(database, "clinic", "spring", now=now, limit=10)) == "231"
    assert last_digits(enrolments.due(database, "clinic", "spring", now=now, limit=2)) == "23"
    assert enrolments.due(database, "garage", "spring", now=now, limit=10) == []


def test_hour_groups_go_in_the_order_asked_for(database: Database) -> None:
    """Only open hour groups are looked into, in the caller's order; without one, the higher priority goes first."""
    made_campaign(database, contacts=0)
    enrol(database, (1, EAST, 0, -9), (2, WEST, 0, -5), (3, WEST, 7, -1))
    high, east, west = [
        hour_group.hour_group_id for hour_group in hour_groups.hour_groups_of(database, "clinic", "spring")
    ]

    def due(*hour_group_ids: int) -> str:
        return last_digits(
            enrolments.due(database, "clinic", "spring", now=NOON, limit=10, hour_group_ids=hour_group_ids)
        )

    assert (due(west, east), due(east), due(), due(high, west, east)) == ("21", "1", "", "321")
    assert last_digits(enrolments.due(database, "clinic", "spring", now=NOON, limit=10)) == "312"
    other = made_campaign(database, "autumn", contacts=0)
    assert enrolments.due(database, "clinic", other, now=NOON, limit=10, hour_group_ids=[east]) == []


def test_promised_times_go_first(database: Database) -> None:
    """Who asked to be called at a time goes before all others, once it has come."""
    made_campaign(database, contacts=3)
    asked = NextStep(at=SOON, reason="the callee asked for this time", is_callback=True)
    call = claimed(database, waiting(database)[2])
    attempts.finish_attempt(database, "clinic", call.attempt_id, BUSY, asked, now=NOON)

    assert last_digits(enrolments.due(database, "clinic", "spring", now=NOON, limit=10)) == "01"
    found = enrolments.due(database, "clinic", "spring", now=SOON, limit=2)
    assert [(one.number[-1], one.is_callback) for one in found] == [("2", True), ("0", False)]


def test_a_number_is_cancelled_in_all_campaigns_of_its_tenant(database: Database) -> None:
    """Waiting contacts with the number become final with the reason; live ones and other tenants' do not."""
    for name in ("spring", "autumn", "winter"):
        made_campaign(database, name)
    made_campaign(database, "spring", tenant_id="garage")
    claimed(database, waiting(database, "winter")[0])

    assert enrolments.cancel_number(database, "clinic", number(0), reason="moved away", now=SOON) == 2

    states = []
    for tenant_id, name in (("clinic", "spring"), ("clinic", "autumn"), ("clinic", "winter"), ("garage", "spring")):
        one = enrolments.enrolment(database, tenant_id, name, number(0))
        assert one is not None
        states.append((one.state, one.final_reason))
    assert states == [("final", "moved away"), ("final", "moved away"), ("claimed", None), ("waiting", None)]
    assert enrolments.cancel_number(database, "clinic", number(0), reason="again", now=SOON) == 0
    assert_books_agree(database)


def test_contacts_are_read_page_by_page(database: Database) -> None:
    """A campaign's contacts come in the order in which they were enrolled, a page at a time."""
    made_campaign(database, contacts=5)

    first = enrolments.enrolments_of(database, "clinic", "spring", limit=3)
    rest = enrolments.enrolments_of(database, "clinic", "spring", after_id=first[-1].enrolment_id)

    assert [one.number[-1] for one in first + rest] == ["0", "1", "2", "3", "4"]
    assert enrolments.enrolments_of(database, "garage", "spring") == []
    assert number(0) not in repr(first)


def test_a_contact_is_read_as_enrolled(database: Database) -> None:
    """Whereabouts, priority and time come back; nothing has happened yet."""
    made_campaign(database, contacts=0)
    enrol(database, (1, EAST, 4, 5))

    one = enrolments.enrolment(database, "clinic", "spring", number(1))

    assert one is not None
    assert (one.whereabouts.zones, one.priority, one.next_at) == ((EAST,), 4, NOON + timedelta(minutes=5))
    assert (one.state, one.attempts, one.last_call_id, one.outcome) == (EnrolmentState.WAITING, 0, None, None)
    assert counters.counts(database, "clinic", "spring").waiting == 1


def test_somebody_of_another_pattern_waits(database: Database) -> None:
    """Who is due, asked back or not, in this campaign; nobody who waits for later, or in another campaign."""
    made_campaign(database)
    made_campaign(database, "autumn")
    for minutes, other in ((0, "+442071838750"), (10, "+442071838751")):
        at = NOON + timedelta(minutes=minutes)
        enrolling.enrol(database, "clinic", "autumn", [person(other)], due_at=at, now=NOON)

    def waits(campaign_id: str, like: str) -> bool:
        return enrolments.waits_for_others(database, "clinic", campaign_id, numbers_like=like, now=NOON)

    assert (waits("autumn", "+1%"), waits("spring", "+1%"), waits("spring", "+4%")) == (True, False, True)
    assert not enrolments.waits_for_others(database, "garage", "autumn", numbers_like="+1%", now=NOON)
    enrolments.cancel_number(database, "clinic", "+442071838750", reason="asked", now=NOON)
    assert not waits("autumn", "+1%")


def facts_kept(database: Database) -> list[tuple[str, str, bool]]:
    """Of numbers in London: tenant, last digit, and whether there are facts."""
    row = enrolment_rows.c
    query = select(row.tenant_id, row.number, row.facts).where(row.number.like("+44%"))
    with database.read() as connection:
        found = connection.execute(query.order_by(row.tenant_id, row.number)).all()
    return [(tenant_id, number[-1], bool(facts)) for tenant_id, number, facts in found]


def test_facts_are_emptied_when_their_time_is_over(database: Database) -> None:
    """Of contacts that are final, in a campaign as old, of this tenant; all others keep theirs."""
    later = NOON + timedelta(days=2)
    for tenant_id, campaign_id, last in (("clinic", "old", "12"), ("clinic", "new", "3"), ("garage", "old", "1")):
        made_campaign(database, campaign_id, tenant_id=tenant_id)
        found = [person(f"+44207183870{n}", name="Maria") for n in last]
        enrolling.enrol(database, tenant_id, campaign_id, found, now=NOON)
        for final in "13":
            enrolments.cancel_number(database, tenant_id, f"+44207183870{final}", reason="asked", now=NOON)
    with database.write() as connection:
        connection.execute(update(campaigns).where(campaigns.c.campaign_id == "new").values(changed_at=later))

    assert [enrolments.forget_facts(database, "clinic", at) for at in (NOON, later, later)] == [0, 1, 0]
    assert facts_kept(database) == [
        ("clinic", "1", False),
        ("clinic", "2", True),
        ("clinic", "3", True),
        ("garage", "1", True),
    ]

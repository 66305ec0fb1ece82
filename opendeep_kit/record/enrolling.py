"""Adds contacts to a campaign, a million in bounded memory.

Given contacts one by one and the time, writes batches; a number that is already there, or appears twice, is merged and
counted. An existing, unfinished contact gets the new facts; its schedule stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import JSON, Connection, bindparam, insert, select, update

from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.campaigns.zones import Whereabouts, whereabouts
from opendeep_kit.errors import BadInput
from opendeep_kit.record import counters
from opendeep_kit.record.campaign_tables import campaigns, enrolments
from opendeep_kit.record.database import Database, calling
from opendeep_kit.record.directory import write_contacts
from opendeep_kit.record.enrolments import EnrolmentState, NextStep, let_wait_again
from opendeep_kit.record.hour_groups import hour_group_id_for
from opendeep_kit.record.upserts import add_new

ENROLLING_TURN = 4
"""Key of the imports' lock on PostgreSQL: two that meet at the same numbers would wait for one another for ever."""
BATCH = 5_000
BY_HAND = "it is called by hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What an import came to."""

    added: int
    merged: int
    """Their number was in the campaign already, or came twice."""
    brought_back: int = 0
    """Of those: contacts that wait again, because what they lacked is there now."""


def enrol(
    database: Database,
    tenant_id: str,
    campaign_id: str,
    people: Iterable[Contact],
    *,
    priority: int = 0,
    due_at: datetime | None = None,
    mends: str | None = None,
    now: datetime,
) -> Enrolled:
    """Add contacts to a campaign, in batches; it may be begun again. The same number twice is one enrolment.

    Those that are in it, and not at their end, get the id and the facts that are given now; all else stays.

    Args:
        priority: within the campaign; the higher goes first.
        due_at: not called before; None: at once.
        mends: those whose end's reason begins with these words get them too, and wait again; None: nobody.

    Raises:
        BadInput: there is no such campaign, or a contact's time zone is none.
    """
    coming = iter(people)
    hour_groups: dict[Whereabouts, int] = {}
    given = added = back = 0
    while batch := list(islice(coming, BATCH)):
        given += len(batch)
        places = [whereabouts(person.number, stated_zone=person.time_zone) for person in batch]
        with database.write() as connection:
            database.in_turn(connection, ENROLLING_TURN)
            _check_campaign(connection, tenant_id, campaign_id)
            for where in {*places}.difference(hour_groups):
                hour_groups[where] = hour_group_id_for(connection, tenant_id, campaign_id, where, priority)
            write_contacts(connection, tenant_id, batch, campaign=campaign_id, now=now)
            row = _row(tenant_id, campaign_id, EnrolmentState.WAITING, now) | {"next_at": due_at or now}
            rows = [
                row | _person_values(person) | {"hour_group_id": hour_groups[where]}
                for person, where in zip(batch, places, strict=True)
            ]
            fresh = connection.execute(add_new(connection, enrolments), rows).rowcount
            # Last of all: a call that is being permitted meanwhile waits for this count until the commit.
            counters.add(connection, tenant_id, {(campaign_id, EnrolmentState.WAITING): fresh})
        if fresh < len(batch):
            _tell(database, tenant_id, campaign_id, batch, mends, now)
            if mends is not None:
                back += _bring_back(database, tenant_id, campaign_id, batch, mends, now)
        added += fresh
    return Enrolled(added=added, merged=given - added, brought_back=back)


def enrol_by_hand(
    database: Database, tenant_id: str, campaign_id: str, number: str, facts: Mapping[str, str], *, now: datetime
) -> int:
    """The number's row in an implicit campaign, with what is said of it now; nobody waits in it. Returns its id.

    Raises:
        BadInput: there is no such campaign.
    """
    of = (enrolments.c.tenant_id == tenant_id, enrolments.c.number == number, enrolments.c.campaign_id == campaign_id)
    with database.write() as connection:
        database.in_turn(connection, ENROLLING_TURN)
        statement = update(enrolments).where(*of).values(facts=dict(facts), changed_at=now)
        enrolment_id = connection.scalar(statement.returning(enrolments.c.enrolment_id))
        if enrolment_id is None:
            _check_campaign(connection, tenant_id, campaign_id)
            row = _row(tenant_id, campaign_id, EnrolmentState.FINAL, now) | {
                "number": number,
                "facts": dict(facts),
                "hour_group_id": hour_group_id_for(connection, tenant_id, campaign_id, whereabouts(number), 0),
                "final_reason": BY_HAND,
            }
            enrolment_id = connection.scalar(insert(enrolments).values(row).returning(enrolments.c.enrolment_id))
            counters.add(connection, tenant_id, {(campaign_id, EnrolmentState.FINAL): 1})
        return int(enrolment_id or 0)


# ---- inside -----------------------------------------------------------------------------------------


def _check_campaign(connection: Connection, tenant_id: str, campaign_id: str) -> None:
    of = (campaigns.c.tenant_id == tenant_id, campaigns.c.campaign_id == campaign_id)
    if connection.scalar(select(campaigns.c.campaign_id).where(*of)) is None:
        raise BadInput(f"there is no campaign {campaign_id!r}", do="create it first")


def _row(tenant_id: str, campaign_id: str, state: EnrolmentState, now: datetime) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "campaign_id": campaign_id,
        "state": state,
        "is_callback": False,
        "attempts": 0,
        "created_at": now,
        "changed_at": now,
    }


def _person_values(person: Contact) -> dict[str, object]:
    return {"number": person.number, "contact_id": person.contact_id, "facts": dict(person.facts)}


_TELLING = (
    update(enrolments)
    .where(
        enrolments.c.tenant_id == bindparam("tenant"),
        enrolments.c.number == bindparam("of_number"),
        enrolments.c.campaign_id == bindparam("campaign"),
    )
    .values(contact_id=bindparam("said_id"), facts=bindparam("said_facts", type_=JSON), changed_at=bindparam("changed"))
)


def _tell(
    database: Database,
    tenant_id: str,
    campaign_id: str,
    batch: Sequence[Contact],
    mends: str | None,
    now: datetime,
) -> None:
    """Note what is said now of those that are there. In a transaction that holds no count: calling may wait for it."""
    said = {
        person.number: {
            "tenant": tenant_id,
            "campaign": campaign_id,
            "of_number": person.number,
            "said_id": person.contact_id,
            "said_facts": dict(person.facts),
            "changed": now,
        }
        for person in reversed(batch)  # of two with one number the first counts
    }
    whose = enrolments.c.state != EnrolmentState.FINAL
    if mends is not None:
        whose |= enrolments.c.final_reason.startswith(mends, autoescape=True)
    with database.write() as connection:
        database.in_turn(connection, ENROLLING_TURN)
        connection.execute(_TELLING.where(whose), list(said.values()))


def _bring_back(
    database: Database, tenant_id: str, campaign_id: str, batch: Sequence[Contact], mends: str, now: datetime
) -> int:
    """Let those wait again of whom is said now what had been missing. Returns how many."""
    which = (enrolments.c.campaign_id == campaign_id, enrolments.c.number.in_([person.number for person in batch]))
    step = NextStep(at=now, reason="the list came again")
    with calling(database) as connection:
        return sum(let_wait_again(connection, tenant_id, *which, reasons=[mends], step=step, now=now).values())

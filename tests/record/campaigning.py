"""A campaign under test: contacts that wait, rules that say yes, calls that end, books that must agree."""

import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import campaigns, claiming, enrolling, enrolments
from opendeep_kit.record.attempts import OPEN, Attempt, AttemptResult
from opendeep_kit.record.campaign_tables import attempts as attempts_table
from opendeep_kit.record.campaign_tables import counters, spending
from opendeep_kit.record.campaign_tables import enrolments as enrolments_table
from opendeep_kit.record.claim_facts import Facts
from opendeep_kit.record.claiming import NewAttempt
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolments import Due, NextStep
from opendeep_kit.record.ledger import Ruling
from tests.record.conftest import NOON

ROOT = Path(__file__).parents[2]
BUSY = AttemptResult(phone_result=PhoneResult.BUSY, disposition=Disposition.NOT_REACHED, detail="busy")
COMPLETED = AttemptResult(phone_result=PhoneResult.ANSWERED, disposition=Disposition.COMPLETED, detail="all answered")
DONE = NextStep(at=None, reason="the outcome is final")
YES = Ruling(is_allowed=True, words="every rule allows it", facts_sha256="ab" * 32)
NO = Ruling(is_allowed=False, rule="concurrency", words="20 calls are live, the most allowed")


def number(last: int) -> str:
    """A number of the range kept for fiction, and beyond."""
    return f"+1212555{last:04d}"


def person(number: str, *, zone: str = "", **facts: str) -> Contact:
    """Somebody to enrol, known by their number."""
    return Contact(contact_id=number, number=number, facts=facts | ({"time_zone": zone} if zone else {}))


def made_campaign(
    database: Database, campaign_id: str = "spring", *, contacts: int = 3, tenant_id: str = "clinic"
) -> str:
    """A running campaign with contacts that are due at noon."""
    campaign = Campaign(tenant_id=tenant_id, campaign_id=campaign_id, state=TaskState.RUNNING)
    campaigns.create(database, campaign, by="Ann", now=NOON)
    people = [person(number(last)) for last in range(contacts)]
    enrolling.enrol(database, tenant_id, campaign_id, people, now=NOON)
    return campaign_id


def waiting(database: Database, campaign_id: str = "spring", *, tenant_id: str = "clinic") -> list[Due]:
    """Everybody who is due at noon."""
    return enrolments.due(database, tenant_id, campaign_id, now=NOON, limit=1000)


def new_attempt(**changed: object) -> NewAttempt:
    """A call to be placed."""
    values = {"attempt_id": str(uuid.uuid4()), "control_id": "control-1", "trunk_id": "default", "worker_id": "media-1"}
    return NewAttempt(**values | {"media_host": "127.0.0.1", "media_port": 9092} | changed)  # type: ignore[arg-type]


def allow(_: Facts) -> Ruling:
    """Rules that permit everything."""
    return YES


def claimed(
    database: Database, who: Due, *, tenant_id: str = "clinic", at: datetime = NOON, **changed: object
) -> Attempt:
    """A contact, claimed then."""
    attempt = new_attempt(**changed)
    claim = claiming.claim(database, tenant_id, who.enrolment_id, attempt, check=allow, now=at)
    assert claim.attempt is not None
    return claim.attempt


def race(code: str, url: str, lines: Sequence[str], *, racers: int = 2) -> list[list[str]]:
    """What processes print that run `code` with `url` at once and are given the same lines.

    They say that they are ready by a line of their own, which is not returned.
    """
    started = [
        subprocess.Popen([sys.executable, "-c", code, url, str(place)], stdin=-1, stdout=-1, text=True, cwd=ROOT)
        for place in range(racers)
    ]
    for racer in started:
        assert racer.stdout
        assert racer.stdout.readline() == "ready\n"
    for racer in started:
        assert racer.stdin
        racer.stdin.write("".join(f"{line}\n" for line in lines))
        racer.stdin.close()
        racer.stdin = None  # else `communicate` would touch it
    printed = [racer.communicate(timeout=60)[0].split() for racer in started]
    assert [racer.returncode for racer in started] == [0] * racers
    return printed


def assert_books_agree(database: Database) -> None:
    """Counts and money are those of the rows, and every claimed contact has exactly one open attempt."""
    with database.read() as connection:
        people = connection.execute(select(enrolments_table)).all()
        made = connection.execute(select(attempts_table)).all()
        kept = {(row.tenant_id, row.campaign_id, row.what): row.amount for row in connection.execute(select(counters))}
        money = connection.execute(select(spending)).all()
    counted = Counter((row.tenant_id, row.campaign_id, row.state) for row in people)
    for row in made:
        if row.state not in OPEN and row.may_have_rung:
            counted[row.tenant_id, row.campaign_id, "attempts"] += 1
            counted[row.tenant_id, row.campaign_id, f"outcome:{row.disposition}"] += 1
    assert {key: amount for key, amount in kept.items() if amount} == dict(counted)
    assert sum(row.reserved_minor for row in money) == sum(row.reserved_minor for row in made)
    assert sum(row.spent_minor for row in money) == sum(row.spent_minor for row in made)
    open_ids = sorted(row.attempt_id for row in made if row.state in OPEN)
    assert open_ids == sorted(row.last_call_id for row in people if row.state == "claimed")

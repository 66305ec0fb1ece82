"""A campaign under test: contacts that wait, rules that say yes, calls that end, books that must agree."""

import multiprocessing
import os
import sys
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TextIO

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
FORKS = multiprocessing.get_context("forkserver")
"""Racers are forked from a process that has loaded what they need: a second of imports each is saved."""
FORKS.set_forkserver_preload(["pytest", "tests.record.campaigning", "opendeep_kit.record.call_commands"])
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
    started = [_start(code, url, place) for place in range(racers)]
    for _, _, printed in started:
        assert printed.readline() == "ready\n"
    for _, given, _ in started:
        given.write("".join(f"{line}\n" for line in lines))
        given.close()
    words = [printed.read().split() for _, _, printed in started]
    for process, _, printed in started:
        printed.close()
        process.join(60)
    assert [process.exitcode for process, _, _ in started] == [0] * racers
    return words


def _start(code: str, url: str, place: int) -> tuple[ForkServerProcess, TextIO, TextIO]:
    """A process of its own that begins with this module loaded: what it is given, and what it prints."""
    its_lines, given = FORKS.Pipe(duplex=False)
    printed, its_words = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_run, args=(code, url, place, its_lines, its_words))
    process.start()
    its_lines.close()
    its_words.close()
    ends = os.fdopen(os.dup(given.fileno()), "w"), os.fdopen(os.dup(printed.fileno()))
    given.close()
    printed.close()
    return process, *ends


def _run(code: str, url: str, place: int, lines: Connection, words: Connection) -> None:
    sys.argv = ["-c", url, str(place)]
    with open(lines.fileno(), closefd=False) as sys.stdin, open(words.fileno(), "w", closefd=False) as sys.stdout:
        exec(compile(code, "<racer>", "exec"), {"__name__": "__main__"})


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

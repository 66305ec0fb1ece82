"""Claiming: one transaction that asks, notes and takes; caps hold whoever asks at once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.record import attempts, claiming, counters, enrolments, ledger
from opendeep_kit.record.attempts import AttemptState
from opendeep_kit.record.claim_facts import Facts
from opendeep_kit.record.claiming import ClaimOutcome
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolments import EnrolmentState, NextStep
from opendeep_kit.record.ledger import Ruling
from tests.record.campaigning import (
    NO,
    ROOT,
    YES,
    allow,
    assert_books_agree,
    claimed,
    made_campaign,
    new_attempt,
    race,
    waiting,
)
from tests.record.conftest import NOON, SOON

CLAIMER = """
import sys
from tests.record.test_claiming import NO, NOON, YES, claiming, new_attempt
from opendeep_kit.record.database import open_database
database = open_database(sys.argv[1])
check = lambda facts: YES if facts.everyone.live < 25 else NO
print("ready", flush=True)
for line in sys.stdin:
    attempt = new_attempt(control_id=sys.argv[2], reserved_minor=9, currency="EUR")
    print(claiming.claim(database, "clinic", int(line), attempt, check=check, now=NOON).outcome, flush=True)
"""


def claim(database: Database, check: Callable[[Facts], Ruling], *, who: int = 0, **changed: object) -> claiming.Claim:
    """Ask for the contact at this place of those due at noon."""
    enrolment_id = waiting(database)[who].enrolment_id
    return claiming.claim(database, "clinic", enrolment_id, new_attempt(**changed), check=check, now=NOON)


def test_a_yes_claims_and_is_on_record(database: Database) -> None:
    """The contact is claimed, the attempt intended, the cost reserved, the permission noted: together."""
    made_campaign(database)

    claim_made = claim(database, allow, control_id="control-7", reserved_minor=40, currency="EUR")

    made = claim_made.attempt
    assert made is not None
    assert (claim_made.outcome, claim_made.ruling) == (ClaimOutcome.CLAIMED, YES)
    assert attempts.attempt(database, "clinic", made.attempt_id) == made
    assert (made.state, made.control_id, made.created_at) == (AttemptState.INTENDED, "control-7", NOON)
    one = enrolments.enrolment(database, "clinic", "spring", made.number)
    assert one is not None
    assert (one.state, one.attempts, one.last_call_id) == (EnrolmentState.CLAIMED, 1, made.attempt_id)
    (noted,) = ledger.permissions_of(database, "clinic")
    assert (noted.is_allowed, noted.attempt_id, noted.words, noted.at) == (True, made.attempt_id, YES.words, NOON)
    assert_books_agree(database)


def test_a_no_claims_nobody_and_is_on_record(database: Database) -> None:
    """A refusal leaves the contact due, makes no attempt, and is noted with its rule."""
    made_campaign(database)

    refused = claim(database, lambda _: replace(NO, try_again_at=SOON))

    assert (refused.outcome, refused.attempt) == (ClaimOutcome.REFUSED, None)
    assert len(waiting(database)) == 3
    assert attempts.open_attempts(database) == []
    (noted,) = ledger.permissions_of(database, "clinic", campaign_id="spring")
    assert (noted.is_allowed, noted.rule, noted.attempt_id, noted.try_again_at) == (False, "concurrency", None, SOON)
    assert_books_agree(database)


def test_a_refusal_may_move_the_contact_on(database: Database) -> None:
    """A no that says when puts the contact off to that time, one for ever makes it final."""
    made_campaign(database, contacts=2)
    later = NextStep(at=SOON, reason="the window opens")
    never = NextStep(at=None, reason="on the do-not-call list")

    claim(database, lambda _: replace(NO, next=later))
    claim(database, lambda _: replace(NO, next=never))

    assert waiting(database) == []
    read = enrolments.enrolments_of(database, "clinic", "spring")
    assert [(one.state, one.next_at, one.final_reason) for one in read] == [
        ("waiting", SOON, None),
        ("final", None, "on the do-not-call list"),
    ]
    assert_books_agree(database)


def test_only_who_waits_and_is_due_is_asked_about(database: Database) -> None:
    """A contact that is claimed, not yet due or another tenant's is gone: no rule is asked, nothing is noted."""
    made_campaign(database)
    first, second, _ = waiting(database)
    claimed(database, first)
    before = len(ledger.permissions_of(database, "clinic"))

    def ask(tenant_id: str, enrolment_id: int, at: timedelta) -> ClaimOutcome:
        now = NOON + at
        return claiming.claim(database, tenant_id, enrolment_id, new_attempt(), check=allow, now=now).outcome

    early = -timedelta(microseconds=1)
    assert ask("clinic", first.enrolment_id, timedelta()) is ClaimOutcome.GONE
    assert ask("clinic", second.enrolment_id, early) is ClaimOutcome.GONE
    assert ask("garage", second.enrolment_id, timedelta()) is ClaimOutcome.GONE
    assert len(ledger.permissions_of(database, "clinic")) == before


def test_an_error_of_the_rules_undoes_all(database: Database) -> None:
    """When the rules fail nothing is claimed and nothing noted."""
    made_campaign(database)

    with pytest.raises(ZeroDivisionError):
        claim(database, lambda _: replace(YES, words=str(1 // 0)))

    assert len(waiting(database)) == 3
    assert ledger.permissions_of(database, "clinic") == []


def test_an_id_is_used_once(database: Database) -> None:
    """An attempt's id cannot stand for two calls; the second contact stays due."""
    made_campaign(database)
    first = claimed(database, waiting(database)[0])

    with pytest.raises(BadInput, match="it exists already"):
        claim(database, allow, attempt_id=first.attempt_id)
    with pytest.raises(BadInput, match="impossible amount"):
        new_attempt(reserved_minor=5)

    assert len(waiting(database)) == 2
    assert_books_agree(database)


def test_processes_at_once_keep_the_cap_and_claim_nobody_twice(database: Database, url: str) -> None:
    """Three processes that ask for the same 40 contacts under a cap of 25 get 25 calls, each contact once."""
    made_campaign(database, contacts=40)
    ids = [str(who.enrolment_id) for who in waiting(database)]

    printed = race(CLAIMER, url, ids, racers=3)

    assert sum(outcomes.count("claimed") for outcomes in printed) == 25
    live = attempts.open_attempts(database)
    assert len({attempt.number for attempt in live}) == len(live) == 25
    counts = counters.counts(database, "clinic", "spring")
    assert (counts.waiting, counts.claimed) == (15, 25)
    assert sum(noted.is_allowed for noted in ledger.permissions_of(database, "clinic", limit=200)) == 25
    assert_books_agree(database)


def test_a_killed_process_leaves_whole_claims(database: Database, url: str) -> None:
    """Killed while it claims, a process leaves every contact claimed with its attempt and permission, or not at all."""
    made_campaign(database, contacts=60)
    ids = "".join(f"{who.enrolment_id}\n" for who in waiting(database))
    code = CLAIMER.replace("live < 25", "live < 60")
    process = subprocess.Popen([sys.executable, "-c", code, url, "1"], stdin=-1, stdout=-1, text=True, cwd=ROOT)
    assert process.stdin
    assert process.stdout
    process.stdin.write(ids)
    process.stdin.flush()
    for _ in range(8):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()

    live = attempts.open_attempts(database)
    assert 7 <= len(live) <= 60
    noted = ledger.permissions_of(database, "clinic", limit=200)
    assert {one.attempt_id for one in noted} == {one.attempt_id for one in live}
    assert_books_agree(database)

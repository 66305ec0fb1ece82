"""Counts and money, kept with the rows they count."""

import contextlib
from dataclasses import replace
from datetime import datetime, timedelta

from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import claiming, counters
from opendeep_kit.record.attempts import AttemptResult, finish_attempt
from opendeep_kit.record.counters import Counts
from opendeep_kit.record.database import Database, calling
from opendeep_kit.tasks.spec import MAX_DURATION_S
from tests.record.campaigning import BUSY, COMPLETED, DONE, allow, claimed, made_campaign, new_attempt, waiting
from tests.record.conftest import NOON


def test_counts_add_up(database: Database) -> None:
    """Additions and subtractions over transactions make the campaign's counts; zeros are no outcomes."""
    made_campaign(database, contacts=0)
    changes = [
        {("spring", "waiting"): 10, ("spring", "outcome:completed"): 2, ("spring", "attempts"): 3},
        {("spring", "waiting"): -4, ("spring", "claimed"): 1, ("spring", "final"): 3, ("spring", "outcome:silent"): 1},
        {("spring", "outcome:silent"): -1},
    ]

    for change in changes:
        with calling(database) as connection:
            counters.add(connection, "clinic", change)

    expected = Counts(waiting=6, claimed=1, final=3, attempts=3, outcomes={"completed": 2})
    assert counters.counts(database, "clinic", "spring") == expected
    assert counters.counts(database, "garage", "spring").waiting == 0


def test_money_is_kept_by_currency(database: Database) -> None:
    """A campaign's money is its own, the tenant's is that of all its campaigns; currencies never mix."""
    for name in ("spring", "autumn"):
        made_campaign(database, name, contacts=0)
    with calling(database) as connection:
        counters.add_money(connection, "clinic", "spring", "EUR", reserved=50)
        counters.add_money(connection, "clinic", "spring", "EUR", reserved=-50, spent=30)
        counters.add_money(connection, "clinic", "spring", "USD", spent=7)
        counters.add_money(connection, "clinic", "autumn", "EUR", reserved=11)

    with database.read() as connection:
        assert counters.money(connection, "clinic", "spring") == ({"EUR": 30, "USD": 7}, {"EUR": 41, "USD": 7})
        assert counters.money(connection, "garage", "spring") == ({}, {})


def test_counts_are_undone_with_their_transaction(database: Database) -> None:
    """What a failing transaction counted was never counted."""
    made_campaign(database, contacts=0)

    with contextlib.suppress(KeyError), calling(database) as connection:
        counters.add(connection, "clinic", {("spring", "waiting"): 10})
        raise KeyError

    assert counters.counts(database, "clinic", "spring").waiting == 0


def ended(database: Database, result: AttemptResult, *, at: datetime, lasts: timedelta) -> None:
    """One attempt that was permitted then and lasted so long."""
    attempt = new_attempt()
    claiming.claim(database, "clinic", waiting(database)[0].enrolment_id, attempt, check=allow, now=at)
    finish_attempt(database, "clinic", attempt.attempt_id, result, DONE, now=at + lasts)


def test_what_ended_since(database: Database) -> None:
    """Attempts are counted by how they ended; earlier ones, live ones and those that a crash broke off are not."""
    made_campaign(database, contacts=7)
    made_campaign(database, "autumn")
    minute = timedelta(minutes=1)
    for at, result in ((1, BUSY), (5, BUSY), (6, COMPLETED), (7, replace(BUSY, is_interrupted=True))):
        ended(database, result, at=NOON + at * minute, lasts=minute / 2)
    claimed(database, waiting(database)[0], at=NOON + 8 * minute)

    assert counters.ended_since(database, "clinic", "spring", NOON + 4 * minute) == {
        (PhoneResult.BUSY, Disposition.NOT_REACHED): 1,
        (PhoneResult.ANSWERED, Disposition.COMPLETED): 1,
    }
    assert counters.ended_since(database, "clinic", "autumn", NOON) == {}


def test_a_long_talk_counts_when_it_ends(database: Database) -> None:
    """The longest that a script allows began before the window, and ended in it."""
    made_campaign(database)
    longest = timedelta(seconds=MAX_DURATION_S)
    ended(database, COMPLETED, at=NOON, lasts=longest)

    assert sum(counters.ended_since(database, "clinic", "spring", NOON + longest - timedelta(seconds=1)).values()) == 1

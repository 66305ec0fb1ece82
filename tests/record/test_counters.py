"""Counts and money, kept with the rows they count."""

import contextlib

from opendeep_kit.record import counters
from opendeep_kit.record.counters import Counts
from opendeep_kit.record.database import Database
from tests.record.campaigning import made_campaign


def test_counts_add_up(database: Database) -> None:
    """Additions and subtractions over transactions make the campaign's counts; zeros are no outcomes."""
    made_campaign(database, contacts=0)
    changes = [
        {("spring", "waiting"): 10, ("spring", "outcome:completed"): 2, ("spring", "attempts"): 3},
        {("spring", "waiting"): -4, ("spring", "claimed"): 1, ("spring", "final"): 3, ("spring", "outcome:silent"): 1},
        {("spring", "outcome:silent"): -1},
    ]

    for change in changes:
        with counters.calling(database) as connection:
            counters.add(connection, "clinic", change)

    expected = Counts(waiting=6, claimed=1, final=3, attempts=3, outcomes={"completed": 2})
    assert counters.counts(database, "clinic", "spring") == expected
    assert counters.counts(database, "garage", "spring").waiting == 0


def test_money_is_kept_by_currency(database: Database) -> None:
    """A campaign's money is its own, the tenant's is that of all its campaigns; currencies never mix."""
    for name in ("spring", "autumn"):
        made_campaign(database, name, contacts=0)
    with counters.calling(database) as connection:
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

    with contextlib.suppress(KeyError), counters.calling(database) as connection:
        counters.add(connection, "clinic", {("spring", "waiting"): 10})
        raise KeyError

    assert counters.counts(database, "clinic", "spring").waiting == 0

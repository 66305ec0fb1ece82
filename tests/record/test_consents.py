"""Consents on file."""

from dataclasses import replace
from datetime import timedelta

import pytest

from opendeep_kit.campaigns.model import Consent
from opendeep_kit.errors import BadInput
from opendeep_kit.record import consents, counters, enrolments
from opendeep_kit.record.database import Database
from tests.record.campaigning import assert_books_agree, made_campaign, number
from tests.record.conftest import NOON, SOON

DAY = timedelta(days=1)


def consent(reference: str, *, given: int = 0, ends: int | None = None) -> Consent:
    """Of one number, in days from noon."""
    expires_at = None if ends is None else NOON + ends * DAY
    return Consent(number=number(0), reference=reference, given_at=NOON + given * DAY, expires_at=expires_at)


@pytest.mark.parametrize(
    ("given", "judged"),
    [
        ([], None),
        ([consent("a", given=-9, ends=-1)], "a"),
        ([consent("a", given=-9, ends=3), consent("b", given=-1, ends=2)], "a"),
        ([consent("a", given=-9), consent("b", given=-1, ends=2)], "a"),
        ([consent("a", given=-9, ends=0), consent("b", given=2)], "b"),
        ([consent("a", given=-9, ends=1), consent("b", given=2)], "a"),
    ],
)
def test_the_consent_that_is_judged(database: Database, given: list[Consent], judged: str | None) -> None:
    """Of those in force the one that lasts longest is judged; when none is, the newest."""
    assert consents.save_consents(database, "clinic", given, now=NOON) == len(given)

    with database.read() as connection:
        found = consents.consent_at(connection, "clinic", number(0), NOON)
        assert consents.consent_at(connection, "garage", number(0), NOON) is None
    assert (found and found.reference) == judged


def test_saving_again_changes(database: Database) -> None:
    """The same reference of the same number is one consent, as it was saved last."""
    consents.save_consents(database, "clinic", [consent("a"), consent("a", ends=5)], now=NOON)

    assert consents.consents_of(database, "clinic", number(0)) == [consent("a", ends=5)]


def test_a_list_that_comes_again_renews_nothing(database: Database) -> None:
    """A consent that was withdrawn stays so when the list it came from is imported again; a new one is added."""
    consents.save_consents(database, "clinic", [consent("a", given=-2)], now=NOON)
    consents.withdraw(database, "clinic", number(0), now=NOON)

    consents.save_consents(database, "clinic", [consent("a"), consent("b")], renews=False, now=NOON)

    found = consents.consents_of(database, "clinic", number(0))
    assert [(one.reference, one.expires_at) for one in found] == [("b", None), ("a", NOON)]


def test_a_withdrawal_ends_all(database: Database) -> None:
    """From that instant on none is in force; those that had ended keep their end."""
    old = consent("old", given=-9, ends=-3)
    consents.save_consents(database, "clinic", [old, consent("a", given=-2), consent("b", given=-1, ends=4)], now=NOON)

    assert consents.withdraw(database, "clinic", number(0), now=NOON) == 2

    ends = [one.expires_at for one in consents.consents_of(database, "clinic", number(0))]
    assert ends == [NOON, NOON, old.expires_at]
    assert consents.withdraw(database, "garage", number(0), now=NOON) == 0


def test_whom_a_campaign_misses(database: Database) -> None:
    """Counted are those who wait and have no consent, or one that has ended; one that begins later is one."""
    made_campaign(database, contacts=5)
    enrolments.cancel_number(database, "clinic", number(4), reason="done", now=NOON)
    given = [(0, None, 0), (1, -1, -9), (2, None, 3)]
    consents.save_consents(
        database,
        "clinic",
        [replace(consent("a", given=since, ends=ends), number=number(last)) for last, ends, since in given],
        now=NOON,
    )

    assert consents.missing(database, "clinic", "spring", now=NOON) == 2
    assert consents.missing(database, "clinic", "autumn", now=NOON) == 0
    spared = [consents.missing(database, "clinic", "spring", spared_like=like, now=NOON) for like in ("+1%", "+44%")]
    assert spared == [0, 2]


def test_who_is_brought_back(database: Database) -> None:
    """Those whose end had that reason and who have a consent in force: they wait again, and the counts follow."""
    for name in ("spring", "autumn"):
        made_campaign(database, name, contacts=4)
    for last, reason in enumerate(("no consent", "no consent", "forbidden", "no consent, 100%")):
        enrolments.cancel_number(database, "clinic", number(last), reason=reason, now=NOON)
    given = [replace(consent("a"), number=number(last)) for last in (0, 2, 3)]
    consents.save_consents(database, "clinic", given, now=NOON)
    numbers = [number(last) for last in range(4)]

    def back(*reasons: str) -> dict[str, int]:
        return dict(consents.bring_back(database, "clinic", ["spring"], numbers, reasons=reasons, now=SOON))

    assert (back("no consent, 1%0"), back("no consent"), back("no consent")) == ({}, {"spring": 2}, {})
    waiting = enrolments.due(database, "clinic", "spring", now=SOON, limit=9)
    assert [(one.number, one.next_at) for one in waiting] == [(number(0), SOON), (number(3), SOON)]
    assert counters.counts(database, "clinic", "autumn").waiting == 0
    assert_books_agree(database)


def test_impossible_consents_are_refused(database: Database) -> None:
    """A consent without a number, a place or a tenant is none."""
    with pytest.raises(BadInput, match=r"not E\.164"):
        Consent(number="0101", reference="a", given_at=NOON)
    with pytest.raises(BadInput, match="where it is on file"):
        consent(" ")
    with pytest.raises(BadInput, match="refers to one that does not"):
        consents.save_consents(database, "nobody", [consent("a")], now=NOON)
    assert number(0) not in repr(consent("a"))

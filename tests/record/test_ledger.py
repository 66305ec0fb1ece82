"""The ledger of permissions."""

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.record import ledger
from opendeep_kit.record.database import Database
from opendeep_kit.record.ledger import Ruling
from tests.record.campaigning import NO, YES, number
from tests.record.conftest import NOON, SOON

WINDOW = Ruling(
    is_allowed=False,
    rule="window",
    words="it is Tue 06:00 in America/Chicago, outside the windows",
    facts_sha256="cd" * 32,
    dnc_snapshot="everyone 3, clinic 7",
    consent="form 7",
    try_again_at=SOON,
)


def test_a_ruling_is_read_as_noted(database: Database) -> None:
    """Rule, words, hash, lists, consent and when to ask again come back."""
    ledger.record(database, "clinic", "spring", number(0), WINDOW, now=NOON)

    (noted,) = ledger.permissions_of(database, "clinic", number=number(0))

    assert (noted.is_allowed, noted.rule, noted.words) == (False, "window", WINDOW.words)
    assert (noted.facts_sha256, noted.dnc_snapshot, noted.consent) == ("cd" * 32, "everyone 3, clinic 7", "form 7")
    assert (noted.try_again_at, noted.at, noted.attempt_id) == (SOON, NOON, None)
    assert number(0) not in repr(noted)


def test_rulings_are_found_by_number_and_campaign(database: Database) -> None:
    """The newest comes first; a number, a campaign or both narrow it down; another tenant sees nothing."""
    for campaign_id, last, ruling in (("spring", 0, YES), ("autumn", 0, NO), ("spring", 1, WINDOW), ("", 0, YES)):
        ledger.record(database, "clinic", campaign_id, number(last), ruling, now=NOON)

    def rules(**which: object) -> list[str | None]:
        return [noted.rule for noted in ledger.permissions_of(database, "clinic", **which)]  # type: ignore[arg-type]

    assert rules() == [None, "window", "concurrency", None]
    assert rules(number=number(0)) == [None, "concurrency", None]
    assert rules(campaign_id="spring") == ["window", None]
    assert rules(campaign_id="autumn", number=number(1)) == []
    assert rules(limit=1) == [None]
    assert ledger.permissions_of(database, "garage") == []


def test_a_ruling_has_a_tenant(database: Database) -> None:
    """Nothing is noted for a tenant that is not there."""
    with pytest.raises(BadInput, match="refers to one that does not"):
        ledger.record(database, "nobody", "spring", number(0), YES, now=NOON)

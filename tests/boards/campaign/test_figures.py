"""A campaign at this moment: its pace, what its last attempts came to, and which rules hold it back."""

from datetime import timedelta

from opendeep_kit.boards.campaign.figures import campaign_now
from opendeep_kit.record import claiming, ledger
from opendeep_kit.record.attempts import finish_attempt
from opendeep_kit.record.database import Database
from tests.record.campaigning import BUSY, DONE, NO, YES, allow, made_campaign, new_attempt, number, waiting
from tests.record.conftest import NOON


def ended(database: Database, *, minutes: float) -> None:
    """One attempt that was placed so long after noon and ended half a minute later."""
    at = NOON + timedelta(minutes=minutes)
    attempt = new_attempt()
    claiming.claim(database, "clinic", waiting(database)[0].enrolment_id, attempt, check=allow, now=at)
    finish_attempt(database, "clinic", attempt.attempt_id, BUSY, DONE, now=at + timedelta(seconds=30))


def test_nothing_yet(database: Database) -> None:
    """Of a campaign that has not called, only who is due is told."""
    made_campaign(database)
    now = campaign_now(database, "clinic", "spring", now=NOON, minutes=3)

    assert (now.per_minute, dict(now.refusals), now.rulings, now.due) == ((0, 0, 0), {}, 0, 3)


def test_pace_by_minute(database: Database) -> None:
    """Attempts are counted in the minute in which they began, the present one last; older ones are left out."""
    made_campaign(database)
    for minutes in (1, 8.2, 9.5):
        ended(database, minutes=minutes)
    now = campaign_now(database, "clinic", "spring", now=NOON + timedelta(minutes=10), minutes=4)

    assert now.per_minute == (0, 0, 1, 1)


def test_refusals_by_rule(database: Database) -> None:
    """Rulings that said no are counted by rule, the most frequent first, another campaign's not."""
    made_campaign(database)
    window = ledger.Ruling(is_allowed=False, rule="window", words="it is night")
    for ruling in (YES, NO, NO, window):
        ledger.record(database, "clinic", "spring", number(1), ruling, now=NOON)
    ledger.record(database, "clinic", "other", number(1), NO, now=NOON)
    now = campaign_now(database, "clinic", "spring", now=NOON)

    assert list(now.refusals.items()) == [("concurrency", 2), ("window", 1)]
    assert now.rulings == 4


def test_due_is_only_who_waits_and_whose_time_has_come(database: Database) -> None:
    """Before their time nobody is due; a contact in a call is not."""
    made_campaign(database)
    before = campaign_now(database, "clinic", "spring", now=NOON - timedelta(seconds=1))
    claiming.claim(database, "clinic", waiting(database)[0].enrolment_id, new_attempt(), check=allow, now=NOON)
    now = campaign_now(database, "clinic", "spring", now=NOON)

    assert (before.due, now.due) == (0, 2)

"""Hand-overs: told as failed, they are never carried out."""

from datetime import timedelta

import pytest

from opendeep_kit.errors import Refused
from opendeep_kit.record import calls, hand_overs
from opendeep_kit.record.database import Database
from tests.record.conftest import NOON
from tests.record.test_live_calls import expected

TARGET, SECOND = "+12125550132", timedelta(seconds=1)


@pytest.fixture
def call_id(database: Database) -> str:
    """A live call whose worker asked for a hand-over."""
    made = expected(database)
    calls.admit_at(database, made, "media-1", now=NOON)
    hand_overs.ask(database, made, TARGET, now=NOON)
    return made


def take(database: Database, call_id: str, by: str = "control-1", after: timedelta = -SECOND) -> str | None:
    """What this control process gets when it takes the wish."""
    return hand_overs.take(database, call_id, by=by, asked_after=NOON + after)


def test_it_is_taken_and_answered_once(database: Database, call_id: str) -> None:
    """By one process, and by the one that took it; while it is, no other is asked for."""
    assert [take(database, call_id, name) for name in ("control-1", "control-2")] == [TARGET, None]
    with pytest.raises(Refused, match="under way"):
        hand_overs.ask(database, call_id, "+12125550133", now=NOON + SECOND)
    told = [hand_overs.answer(database, call_id, "no", by=name) for name in ("control-2", "control-1")]

    assert (told, hand_overs.answer_of(database, call_id)) == ([False, True], "no")
    assert not hand_overs.answer(database, call_id, "yes", by="control-1")
    hand_overs.ask(database, call_id, TARGET, now=NOON + SECOND)
    assert (hand_overs.answer_of(database, call_id), take(database, call_id)) == (None, TARGET)


def test_what_is_withdrawn_cannot_be_taken(database: Database, call_id: str) -> None:
    """And what is taken cannot be withdrawn."""
    assert hand_overs.withdraw(database, call_id)
    assert hand_overs.withdraw(database, call_id)  # the same, whose answer was lost

    assert take(database, call_id) is None
    assert hand_overs.answer_of(database, call_id) == hand_overs.WITHDRAWN
    hand_overs.ask(database, call_id, TARGET, now=NOON + SECOND)
    assert take(database, call_id) == TARGET
    assert not hand_overs.withdraw(database, call_id)


def test_an_old_wish_is_not_taken(database: Database, call_id: str) -> None:
    """Nor that of a call that is over: whoever asked has told the callee so."""
    assert take(database, call_id, after=SECOND) is None
    assert take(database, call_id, after=-SECOND) == TARGET


def test_a_wish_whose_answer_was_lost_is_one(database: Database, call_id: str) -> None:
    """Asked for again with the same time, it is not asked for twice: whoever took it has it."""
    assert take(database, call_id) == TARGET
    hand_overs.ask(database, call_id, TARGET, now=NOON)
    media = calls.media_of(database, call_id)

    assert media is not None
    assert (media.is_transfer_asked, media.transfer_taken_by) == (False, "control-1")

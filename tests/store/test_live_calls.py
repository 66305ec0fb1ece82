"""What the process that places a call and the one that holds its sound tell each other."""

from uuid import uuid4

from opendeep_kit.outcomes import EndedBy
from opendeep_kit.store import live_calls, records
from opendeep_kit.store.calls import ExpectedCall, expect, mark_answered
from opendeep_kit.store.database import Database
from opendeep_kit.store.live_calls import MediaEnd
from tests.store.conftest import NOON, SOON


def expected(database: Database) -> str:
    """A call of the clinic's that may come to the door."""
    records.save_script(database, "clinic", name="short", text="the text", now=NOON)
    call = ExpectedCall(
        call_id=str(uuid4()),
        tenant_id="clinic",
        number="+12125550101",
        line="simulator",
        expected_until=SOON,
        script_name="short",
        script_version=1,
        facts={"name": "Maria"},
    )
    expect(database, call, now=NOON)
    return call.call_id


def test_admission_tells_what_the_call_is_about(database: Database) -> None:
    """Once, and with the script's text and the contact's facts."""
    call_id = expected(database)
    first = live_calls.admit_at(database, call_id, "media-1", now=NOON)

    assert first is not None
    assert (first.tenant_id, first.script_name, first.script_text) == ("clinic", "short", "the text")
    assert first.facts == {"name": "Maria"}
    assert live_calls.admit_at(database, call_id, "media-2", now=NOON) is None
    media = live_calls.media_of(database, call_id)
    assert media is not None
    assert media.worker_id == "media-1"


def test_too_late(database: Database) -> None:
    """After its time a call is not admitted."""
    assert live_calls.admit_at(database, expected(database), "media-1", now=SOON) is None


def test_answers(database: Database) -> None:
    """Of many calls those whose callee picked up."""
    first, second = expected(database), expected(database)
    mark_answered(database, "clinic", second, at=NOON)

    assert live_calls.answered_of(database, [first, second]) == {second}


def test_the_first_end_stays(database: Database) -> None:
    """How the sound ended is noted once."""
    call_id = expected(database)
    end = MediaEnd(ended_by=EndedBy.AGENT, detail="completed", media_ms=5000.0, recording="a.wav", recording_sha256="x")
    live_calls.end_media(database, call_id, end, now=NOON)
    live_calls.end_media(database, call_id, MediaEnd(detail="again"), now=NOON)

    media = live_calls.media_of(database, call_id)
    assert media is not None
    assert media.end == end


def test_hand_over(database: Database) -> None:
    """It is asked for until it is answered, and may be asked for again."""
    call_id = expected(database)
    live_calls.ask_transfer(database, call_id, "+12125550132", now=NOON)
    asked = live_calls.media_of(database, call_id)
    live_calls.answer_transfer(database, call_id, "nobody answers", now=NOON)
    answered = live_calls.media_of(database, call_id)

    assert asked is not None
    assert answered is not None
    assert (asked.transfer_to, answered.transfer_to) == ("+12125550132", None)
    assert live_calls.transfer_answer(database, call_id) == "nobody answers"
    live_calls.ask_transfer(database, call_id, "+12125550132", now=NOON)
    assert live_calls.transfer_answer(database, call_id) is None

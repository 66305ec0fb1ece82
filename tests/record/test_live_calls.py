"""What the process that places a call and the one that holds its sound tell each other."""

from uuid import uuid4

from opendeep_kit.outcomes import EndedBy
from opendeep_kit.record import calls, directory
from opendeep_kit.record.calls import ExpectedCall, MediaEnd, expect, mark_answered
from opendeep_kit.record.database import Database
from tests.record.conftest import NOON, SOON


def expected(database: Database) -> str:
    """A call of the clinic's that may come to the door."""
    directory.save_script(database, "clinic", name="short", text="the text", now=NOON)
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
    first = calls.admit_at(database, call_id, "media-1", now=NOON)

    assert first is not None
    assert (first.tenant_id, first.script_name, first.script_text) == ("clinic", "short", "the text")
    assert first.facts == {"name": "Maria"}
    assert calls.admit_at(database, call_id, "media-2", now=NOON) is None
    media = calls.media_of(database, call_id)
    assert media is not None
    assert media.worker_id == "media-1"


def test_too_late(database: Database) -> None:
    """After its time a call is not admitted."""
    assert calls.admit_at(database, expected(database), "media-1", now=SOON) is None


def test_answers(database: Database) -> None:
    """Of many calls those whose callee picked up."""
    first, second = expected(database), expected(database)
    mark_answered(database, "clinic", second, at=NOON)

    assert calls.answered_of(database, [first, second]) == {second}


def test_the_first_end_stays(database: Database) -> None:
    """How the sound ended is noted once."""
    call_id = expected(database)
    end = MediaEnd(ended_by=EndedBy.AGENT, detail="completed", media_ms=5000.0, recording="a.wav", recording_sha256="x")
    calls.end_media(database, call_id, end, now=NOON)
    calls.end_media(database, call_id, MediaEnd(detail="again"), now=NOON)

    media = calls.media_of(database, call_id)
    assert media is not None
    assert media.end == end


def test_hand_over(database: Database) -> None:
    """It is asked for until it is answered, and may be asked for again."""
    call_id = expected(database)
    calls.ask_transfer(database, call_id, "+12125550132", now=NOON)
    asked = calls.media_of(database, call_id)
    calls.answer_transfer(database, call_id, "nobody answers", now=NOON)
    answered = calls.media_of(database, call_id)

    assert asked is not None
    assert answered is not None
    assert (asked.transfer_to, answered.transfer_to) == ("+12125550132", None)
    assert calls.transfer_answer(database, call_id) == "nobody answers"
    calls.ask_transfer(database, call_id, "+12125550132", now=NOON)
    assert calls.transfer_answer(database, call_id) is None

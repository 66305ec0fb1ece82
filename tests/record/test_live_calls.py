"""What the process that places a call and the one that holds its sound tell each other."""

from datetime import timedelta
from uuid import uuid4

from opendeep_kit.outcomes import EndedBy
from opendeep_kit.record import calls, directory
from opendeep_kit.record.calls import ExpectedCall, MediaEnd, expect, mark_answered
from opendeep_kit.record.database import Database
from tests.record.conftest import NOON, SOON

LATE = NOON + timedelta(seconds=5)


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


def test_the_door_is_closed(database: Database) -> None:
    """Once the call is over nobody comes in; who was in stays."""
    early, late = expected(database), expected(database)
    assert calls.admit_at(database, early, "media-1", now=NOON) is not None
    for call_id in (early, late):
        calls.close_door(database, call_id)

    assert calls.admit_at(database, late, "media-1", now=NOON) is None
    assert [(media := calls.media_of(database, one)) and media.is_admitted for one in (early, late)] == [True, False]


def test_untold_ends_are_found(database: Database) -> None:
    """Calls that a worker admitted some time ago, and of whose sound's end nothing is known."""
    told, untold, fresh, others = (expected(database) for _ in range(4))
    for call_id, worker_id, at in ((told, "a", NOON), (untold, "a", NOON), (fresh, "a", LATE), (others, "b", NOON)):
        calls.admit_at(database, call_id, worker_id, now=at)
    calls.end_media(database, told, MediaEnd(), now=NOON)

    assert calls.untold_ends(database, "a", admitted_before=LATE) == [untold]

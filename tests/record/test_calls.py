"""Calls: admitted once by one process, ended once, seen by their tenant only."""

import subprocess
import sys
import uuid
from datetime import timedelta

import pytest

from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.errors import BadInput
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.record import calls, directory
from opendeep_kit.record.calls import CallState, ExpectedCall
from opendeep_kit.record.database import Database
from tests.record.conftest import NOON, SOON

RESULT = Summary(
    phone_result=PhoneResult.ANSWERED,
    disposition=Disposition.COMPLETED,
    ended_by=EndedBy.AGENT,
    detail="all answered",
    answers={"comes": "yes"},
    duration_ms=61_500.5,
    turns=7,
    voice_to_voice_p50_ms=812.25,
    voice_to_voice_p95_ms=None,
    barge_ins=2,
    barge_in_stops_ms=(41.5, 63.0),
    disclosed_at_ms=4100.0,
    recording="clinic/2026-11-24/x.wav",
    recording_sha256="ab" * 32,
)
RACER = """
import sys
from datetime import datetime
from opendeep_kit.record.calls import admit_at
from opendeep_kit.record.database import open_database
database = open_database(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    came = admit_at(database, line.strip(), "media-1", now=datetime.fromisoformat(sys.argv[2]))
    print(int(came is not None), flush=True)
"""


def expected(**changed: object) -> ExpectedCall:
    """A call about to be placed for the clinic."""
    values = {"call_id": str(uuid.uuid4()), "tenant_id": "clinic", "number": "+12125550101", "line": "simulator"}
    return ExpectedCall(**values | {"expected_until": SOON} | changed)  # type: ignore[arg-type]


def test_admitted_once(database: Database) -> None:
    """The first asking is let in, the second is not."""
    call = expected()
    calls.expect(database, call, now=NOON)

    first, second = (calls.admit_at(database, call.call_id, "media-1", now=NOON) for _ in range(2))
    assert first is not None
    assert (first.tenant_id, second) == ("clinic", None)
    live = calls.call(database, "clinic", call.call_id)
    assert live is not None
    assert (live.state, live.admitted_at) == (CallState.LIVE, NOON)


def test_unknown_is_refused(database: Database) -> None:
    """A UUID that nobody issued is refused."""
    stranger = str(uuid.uuid4())

    assert calls.admit_at(database, stranger, "media-1", now=NOON) is None


def test_expired_is_refused(database: Database) -> None:
    """From the instant named on, the UUID is refused; a microsecond before, it is not."""
    late, last = expected(), expected()
    calls.expect(database, late, now=NOON)
    calls.expect(database, last, now=NOON)

    assert not calls.admit_at(database, late.call_id, "media-1", now=SOON)
    assert calls.admit_at(database, last.call_id, "media-1", now=SOON - timedelta(microseconds=1))


def test_ended_before_admitted_is_refused(database: Database) -> None:
    """The UUID of a call that is over does not come in any more."""
    call = expected()
    calls.expect(database, call, now=NOON)
    calls.end(database, "clinic", call.call_id, RESULT, at=NOON)

    assert not calls.admit_at(database, call.call_id, "media-1", now=NOON)


def test_of_two_processes_one_wins(database: Database, url: str) -> None:
    """Two processes that ask for the same UUIDs at once share them: each is admitted exactly once."""
    ids = [expected() for _ in range(30)]
    for call in ids:
        calls.expect(database, call, now=NOON)
    asking = "".join(f"{call.call_id}\n" for call in ids)
    command = [sys.executable, "-c", RACER, url, NOON.isoformat()]
    racers = [subprocess.Popen(command, stdin=-1, stdout=-1, text=True) for _ in range(2)]
    for racer in racers:
        assert racer.stdout
        assert racer.stdout.readline() == "ready\n"

    for racer in racers:
        assert racer.stdin
        racer.stdin.write(asking)
        racer.stdin.flush()
    wins = [racer.communicate(timeout=60)[0].split() for racer in racers]

    assert [int(one) + int(other) for one, other in zip(*wins, strict=True)] == [1] * 30


def test_the_same_id_is_expected_once(database: Database) -> None:
    """An id that was used before is refused."""
    call = expected()
    calls.expect(database, call, now=NOON)

    with pytest.raises(BadInput, match="it exists already"):
        calls.expect(database, call, now=NOON)


def test_a_call_cannot_point_into_another_tenant(database: Database) -> None:
    """A contact and a script of another tenant cannot be used."""
    directory.save_contacts(database, "garage", [Contact(contact_id="1", number="+12125550101")], now=NOON)
    directory.save_script(database, "garage", name="offer", text="Hello.", now=NOON)

    for foreign in ({"contact_id": "1"}, {"script_name": "offer", "script_version": 1}, {"tenant_id": "nobody"}):
        with pytest.raises(BadInput, match="refers to one that does not"):
            calls.expect(database, expected(**foreign), now=NOON)
    own = expected(tenant_id="garage", contact_id="1", script_name="offer", script_version=1)
    calls.expect(database, own, now=NOON)


def test_result_is_read_as_told(database: Database) -> None:
    """Every figure of the result comes back as it was given."""
    call = expected(campaign="spring")
    calls.expect(database, call, now=NOON)
    calls.admit_at(database, call.call_id, "media-1", now=NOON)

    assert calls.mark_answered(database, "clinic", call.call_id, at=NOON)
    assert calls.end(database, "clinic", call.call_id, RESULT, at=SOON)

    read = calls.call(database, "clinic", call.call_id)
    assert read is not None
    assert read.result == RESULT
    assert (read.state, read.answered_at, read.ended_at, read.campaign) == (CallState.ENDED, NOON, SOON, "spring")


def test_first_end_stays(database: Database) -> None:
    """A second end, or an answer after the end, changes nothing."""
    call = expected()
    calls.expect(database, call, now=NOON)
    busy = Summary(phone_result=PhoneResult.BUSY, disposition=Disposition.NOT_REACHED, ended_by=EndedBy.NETWORK)

    assert calls.end(database, "clinic", call.call_id, busy, at=NOON)
    assert not calls.end(database, "clinic", call.call_id, RESULT, at=SOON)
    assert not calls.mark_answered(database, "clinic", call.call_id, at=SOON)

    read = calls.call(database, "clinic", call.call_id)
    assert read is not None
    assert (read.result, read.ended_at, read.answered_at) == (busy, NOON, None)


def test_another_tenant_sees_and_changes_nothing(database: Database) -> None:
    """With another tenant's name, a call is not there."""
    call = expected()
    calls.expect(database, call, now=NOON)

    assert calls.call(database, "garage", call.call_id) is None
    assert calls.calls_of(database, "garage") == []
    assert not calls.end(database, "garage", call.call_id, RESULT, at=SOON)
    assert not calls.mark_answered(database, "garage", call.call_id, at=SOON)


def test_calls_are_listed_newest_first(database: Database) -> None:
    """A tenant's calls come newest first, by campaign and state when asked."""
    for minute, campaign in enumerate(["spring", "spring", "autumn"]):
        call = expected(campaign=campaign, number=f"+1212555010{minute}")
        calls.expect(database, call, now=NOON + timedelta(minutes=minute))
    calls.admit_at(database, call.call_id, "media-1", now=NOON)

    def last_digits(**which: object) -> str:
        return "".join(read.number[-1] for read in calls.calls_of(database, "clinic", **which))  # type: ignore[arg-type]

    assert last_digits() == "210"
    assert last_digits(campaign="spring") == "10"
    assert last_digits(state=CallState.LIVE) == "2"
    assert last_digits(limit=1) == "2"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"call_id": "call-1"}, "not a UUID"),
        ({"call_id": str(uuid.uuid4()).upper()}, "not a UUID"),
        ({"number": "12125550101"}, "not E.164"),
        ({"script_name": "offer"}, "half a script"),
    ],
)
def test_impossible_calls_cannot_be_built(wrong: dict[str, object], told: str) -> None:
    """What could never be admitted or explained later is refused first."""
    with pytest.raises(BadInput, match=told):
        expected(**wrong)

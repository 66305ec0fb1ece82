"""When callees were called, and whether they answered."""

from opendeep_kit.record import attempts, enrolling, workers
from opendeep_kit.record.attempts import Rang, rang
from opendeep_kit.record.database import Database
from tests.record.campaigning import BUSY, COMPLETED, DONE, claimed, made_campaign, person, waiting
from tests.record.conftest import NOON, SOON


def test_attempts_with_their_callees_zones(database: Database) -> None:
    """Of this tenant those that were dialled and ended, the newest first, no more than asked for."""
    made_campaign(database, contacts=0)
    made_campaign(database, tenant_id="garage")
    workers.beat_control(database, "control-1", host="a", now=NOON)
    people = [person(f"+1212555010{n}") for n in range(4)]
    enrolling.enrol(database, "clinic", "spring", people, now=NOON)
    for who, result in zip(waiting(database), (BUSY, COMPLETED, None, BUSY), strict=True):
        attempt = claimed(database, who)
        if result is not BUSY or attempt.number != people[3].number:
            attempts.mark_dialled(
                database, "clinic", attempt.attempt_id, control_id="control-1", line="simulator", at=SOON
            )
        if result is not None:
            attempts.finish_attempt(database, "clinic", attempt.attempt_id, result, DONE, now=SOON)
    theirs = claimed(database, waiting(database, tenant_id="garage")[0], tenant_id="garage")
    attempts.mark_dialled(database, "garage", theirs.attempt_id, control_id="control-1", line="simulator", at=SOON)
    attempts.finish_attempt(database, "garage", theirs.attempt_id, BUSY, DONE, now=SOON)
    found = rang(database, "clinic")

    of = {one.phone_result: one for one in found}
    assert len(found) == 2
    assert of["busy"] == Rang(at=SOON, zones=("America/New_York",), phone_result="busy", disposition="not_reached")
    assert of["answered"].disposition == "completed"
    assert len(rang(database, "clinic", limit=1)) == 1

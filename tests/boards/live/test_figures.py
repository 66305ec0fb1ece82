"""The calls of a tenant at this moment: who lives, how far each has come, and what is new in the chosen one."""

import uuid
from datetime import datetime, timedelta

from sqlalchemy import event

from opendeep_kit.boards.live.figures import LiveCalls, Stage
from opendeep_kit.campaigns.capacity import Heartbeat
from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.record import calls, campaigns, hand_overs, workers
from opendeep_kit.record.database import Database
from tests.record import recorded
from tests.record.conftest import NOON

DEAD_AFTER_S = 10.0
LATER = NOON + timedelta(seconds=5)


def placed(database: Database, *, at: datetime = NOON, tenant_id: str = "clinic", **more: object) -> str:
    """A call that was asked of the line."""
    call_id = str(uuid.uuid4())
    recorded.expect(database, call_id, at=at, tenant_id=tenant_id, **more)
    return call_id


def talking(database: Database, *, at: datetime = NOON, tenant_id: str = "clinic") -> str:
    """A call that was answered."""
    call_id = placed(database, at=at, tenant_id=tenant_id)
    calls.admit_at(database, call_id, "media-1", now=at)
    calls.mark_answered(database, tenant_id, call_id, at=at)
    return call_id


def follower(database: Database, tenant_id: str = "clinic") -> LiveCalls:
    """A viewer of that tenant."""
    return LiveCalls(database, tenant_id, dead_after_s=DEAD_AFTER_S)


def beat(database: Database, *, at: datetime) -> None:
    """A sign of the media worker."""
    sign = Heartbeat(
        worker_id="media-1", host="h", port=9092, capacity=9, live_calls=2, loop_lag_ms=3.5, gap_share=0.25
    )
    workers.beat(database, sign, now=at)


def stages(found: LiveCalls, now: datetime) -> dict[str, Stage]:
    """How far each call has come."""
    return {one.call_id: one.stage for one in found.look(now=now).calls}


def test_stages(database: Database) -> None:
    """A call is dialling, ringing, talking, transferring, ending, and then gone from the list."""
    call_id, seen = placed(database), follower(database)
    assert stages(seen, LATER) == {call_id: Stage.DIALLING}
    calls.admit_at(database, call_id, "media-1", now=LATER)
    assert stages(seen, LATER) == {call_id: Stage.RINGING}
    calls.mark_answered(database, "clinic", call_id, at=LATER)
    assert stages(seen, LATER) == {call_id: Stage.TALKING}
    hand_overs.ask(database, call_id, "+12125550199", now=LATER)
    assert stages(seen, LATER) == {call_id: Stage.TRANSFERRING}
    calls.end_media(database, call_id, calls.MediaEnd(), now=LATER)
    assert stages(seen, LATER) == {call_id: Stage.ENDING}
    calls.end(database, "clinic", call_id, _result(), at=LATER)
    assert stages(seen, LATER) == {}


def _result() -> Summary:
    return Summary(phone_result=PhoneResult.ANSWERED, disposition="partial", ended_by=EndedBy.CALLEE)  # type: ignore[arg-type]


def test_names_are_joined(database: Database) -> None:
    """The contact's name, as the call was placed, and the campaign's stand beside the call; where there is none, nothing."""
    new = Campaign(tenant_id="clinic", campaign_id="spring", name="Spring check-up", state=TaskState.RUNNING)
    campaigns.create(database, new, by="Ann", now=NOON)
    placed(database, facts={"name": "Ana Lima"}, campaign="spring")
    placed(database, at=LATER)
    found = follower(database).look(now=LATER).calls

    assert [(one.name, one.campaign) for one in found] == [("Ana Lima", "Spring check-up"), ("", "")]


def test_tenants_are_apart(database: Database) -> None:
    """Another tenant's call is not listed, and neither it nor its talk is told when its id is asked for."""
    theirs = talking(database, tenant_id="garage")
    happened = recorded.renamed(recorded.recorded()[0], theirs)
    recorded.write(database, happened, tenant_id="garage")
    look = follower(database).look(now=LATER, chosen=theirs)

    assert (look.calls, look.chosen, look.news) == ((), None, ())


def test_only_news_is_told(database: Database) -> None:
    """Each look tells what happened since the one before; another chosen call is told from its beginning."""
    first, second, seen = talking(database), talking(database), follower(database)
    happened = recorded.renamed(recorded.recorded()[0], first)
    recorded.write(database, happened[:3])
    recorded.write(database, recorded.renamed(happened[:1], second))

    assert seen.look(now=LATER, chosen=first).news == tuple(happened[:3])
    assert seen.look(now=LATER, chosen=first).news == ()
    recorded.write(database, happened[3:5])
    assert seen.look(now=LATER, chosen=first).news == tuple(happened[3:5])
    assert len(seen.look(now=LATER, chosen=second).news) == 1
    assert seen.look(now=LATER, chosen=first).news == tuple(happened[:5])


def test_ended_call_is_still_told_when_chosen(database: Database) -> None:
    """The chosen call stays, with its outcome, when it has left the list."""
    call_id, seen = talking(database), follower(database)
    calls.end(database, "clinic", call_id, _result(), at=LATER)
    look = seen.look(now=LATER, chosen=call_id)

    assert look.calls == ()
    assert look.chosen is not None
    assert (look.chosen.stage, look.chosen.disposition, look.chosen.ended_by) == (Stage.ENDED, "partial", "callee")


def test_long_calls_stay(database: Database) -> None:
    """A call that was placed long before the last look is still followed."""
    call_id, seen = talking(database), follower(database)
    for minutes in (1, 20, 60):
        assert list(stages(seen, NOON + timedelta(minutes=minutes))) == [call_id]
    assert stages(seen, NOON + timedelta(hours=3)) == {}


def test_late_commit_is_seen(database: Database) -> None:
    """A call whose row bears a time before the last look is found all the same."""
    seen = follower(database)
    seen.look(now=LATER)
    call_id = placed(database, at=NOON)

    assert list(stages(seen, LATER + timedelta(seconds=1))) == [call_id]


def test_call_without_sound_goes(database: Database) -> None:
    """A call whose sound never came is not shown for ever."""
    placed(database)
    seen = follower(database)

    assert len(stages(seen, NOON + timedelta(minutes=2))) == 1
    assert stages(seen, NOON + timedelta(minutes=3)) == {}


def test_loops(database: Database) -> None:
    """A media worker's lag, gaps and silence are told; when it is dead, its calls are lost."""
    call_id, seen = talking(database), follower(database)
    beat(database, at=NOON)
    look = seen.look(now=LATER)
    assert [(one.lag_ms, one.gap_share, one.silent_s, one.is_serving) for one in look.loops] == [(3.5, 0.25, 5.0, True)]
    assert stages(seen, LATER) == {call_id: Stage.TALKING}

    assert stages(seen, NOON + timedelta(seconds=11)) == {call_id: Stage.LOST}
    assert seen.look(now=NOON + timedelta(minutes=5)).loops == ()


def test_history_is_not_read(database: Database) -> None:
    """A second look asks by ids and by the newest calls: no plan scans the calls or their events."""
    if database.is_postgresql:  # plans of an almost empty table say nothing there
        return
    call_id, seen = talking(database), follower(database)
    seen.look(now=NOON + timedelta(minutes=5), chosen=call_id)
    asked: list[tuple[str, object]] = []
    event.listen(database.engine, "before_cursor_execute", lambda c, cur, sql, values, *_: asked.append((sql, values)))
    seen.look(now=NOON + timedelta(minutes=6), chosen=call_id)
    selects = [one for one in asked if one[0].startswith("SELECT")]
    with database.engine.connect() as connection:
        plans = [
            str(row[3])
            for sql, values in selects
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).all()  # type: ignore[arg-type]
        ]

    assert len(selects) == 5
    assert [plan for plan in plans if "SCAN calls" in plan or "SCAN call_events" in plan] == []
    assert "SEARCH calls USING INDEX sqlite_autoindex_calls_1 (call_id=?)" in plans
    assert "SEARCH call_events USING INDEX sqlite_autoindex_call_events_1 (call_id=? AND seq>?)" in plans

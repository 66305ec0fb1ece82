"""What a quality board asks of the warehouse, over six recorded calls."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from opendeep_kit.boards.quality import figures
from opendeep_kit.boards.quality.figures import CallScope
from opendeep_kit.record import directory
from opendeep_kit.record.database import Database
from opendeep_kit.warehouse.connection import Warehouse, open_warehouse
from tests.record import recorded
from tests.record.conftest import NOON

ALL = CallScope(since=datetime.min.replace(year=2000, tzinfo=NOON.tzinfo))


@pytest.fixture
def house(database: Database, url: str) -> Iterator[Warehouse]:
    """Six calls of the clinic, one an hour from noon on, and one of the garage."""
    script = directory.save_script(database, "clinic", name="confirm", text="Say hello.", now=NOON)
    for hour, happened in enumerate(recorded.recorded()):
        more = {"script_name": "confirm", "script_version": script.version, "campaign": "spring" if hour else None}
        recorded.place(database, happened, at=NOON + timedelta(hours=hour), **more)
    theirs = recorded.renamed(recorded.recorded()[0], str(uuid.uuid4()))
    recorded.place(database, theirs, at=NOON, tenant_id="garage", campaign="tyres")
    with open_warehouse(url, tenant_id="clinic") as opened:
        yield opened


def test_totals(house: Warehouse) -> None:
    """Calls, how far they came, the waits by percentile and the stages that add up to their mean."""
    found = figures.totals(house.connection, ALL)

    assert (found.calls, found.answered, found.completed, found.barge_ins) == (6, 5, 1, 2)
    assert list(found.waits_ms) == ["p50", "p90", "p95", "p99"]
    assert found.waits_ms["p50"] <= found.waits_ms["p95"]
    mean = house.connection.execute("SELECT avg(voice_to_voice_ms) FROM latencies").fetchall()[0][0]
    assert sum(found.stages_ms.values()) == pytest.approx(mean)


def test_scope(house: Warehouse) -> None:
    """Only calls since then, and of the campaign, are counted."""
    since = CallScope(since=NOON + timedelta(hours=4))
    campaign = CallScope(since=ALL.since, campaign="spring")

    assert figures.totals(house.connection, since).calls == 2
    assert figures.totals(house.connection, campaign).calls == 5
    assert sum(figures.dispositions(house.connection, campaign).values()) == 5


def test_nothing_in_the_scope(house: Warehouse) -> None:
    """Where there is no call, there are no waits instead of zeros."""
    found = figures.totals(house.connection, CallScope(since=NOON + timedelta(days=1)))

    assert (found.calls, found.replies, found.waits_ms, found.stages_ms) == (0, 0, {}, {})
    assert found.barge_in_stop_ms is None


def test_campaigns_and_versions(house: Warehouse) -> None:
    """The tenant's own campaigns, and each version of a script with its interval."""
    assert figures.campaigns_in(house.connection) == ["spring"]
    (only,) = figures.versions(house.connection)
    assert (only.script_name, only.script_version, only.calls, only.answered, only.completed) == ("confirm", 1, 6, 5, 1)
    assert only.completed_low is not None
    assert only.completed_high is not None
    assert only.completed_low < 0.2 < only.completed_high


def test_worst_first(house: Warehouse) -> None:
    """The call with the weightiest reasons comes first, in words."""
    found = figures.worst(house.connection, ALL)

    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert "asked never to be called again" in found[0].reasons
    assert (found[0].disposition, found[0].has_recording) == ("do_not_call", True)


def test_call_to_hear(house: Warehouse, database: Database) -> None:
    """A call's events come back as they were; another tenant's call is none."""
    happened = recorded.recorded()[recorded.OPTED_OUT]
    found = figures.call_to_hear(house.connection, happened[0].call_id)
    assert found is not None
    assert found.happened == happened
    with database.read() as connection:
        theirs = connection.exec_driver_sql("SELECT call_id FROM calls WHERE tenant_id = 'garage'").scalar_one()

    assert figures.call_to_hear(house.connection, theirs) is None

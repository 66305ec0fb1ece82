"""What people think of calls."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from opendeep_kit.errors import BadInput
from opendeep_kit.record import verdicts
from opendeep_kit.record.database import Database, utc_now
from opendeep_kit.record.service_tables import verdicts as rows
from opendeep_kit.record.verdicts import CallVerdict, Verdict
from opendeep_kit.warehouse.connection import open_warehouse
from tests.record.conftest import NOON

POOR = CallVerdict(call_id="a", verdict=Verdict.POOR, note="too fast", judged_by="Ana", judged_at=NOON)
LATER = replace(POOR, verdict=Verdict.GOOD, note="", judged_at=NOON + timedelta(hours=1))


def test_every_verdict_is_kept(database: Database) -> None:
    """The last one comes first; the very same one is kept once; another tenant sees none."""
    assert verdicts.keep(database, "clinic", [POOR, LATER]) == 2
    assert verdicts.keep(database, "clinic", [POOR]) == 0

    assert verdicts.verdicts_of(database, "clinic", "a") == [LATER, POOR]
    assert verdicts.verdicts_of(database, "garage", "a") == []


def test_a_write_is_stamped_when_it_is_made(database: Database, url: str) -> None:
    """A verdict that was given long before it could be written is seen by whoever follows the record since."""
    with open_warehouse(url, tenant_id="clinic") as opened:
        opened.refresh()
        before = utc_now()
        verdicts.keep(database, "clinic", [replace(POOR, judged_at=before - timedelta(hours=1))])
        with database.read() as connection:
            assert connection.scalar(select(rows.c.changed_at)) >= before
        opened.refresh()

        assert opened.sql("SELECT count(*) FROM verdicts").fetchall() == [(1,)]


def test_analysts_join_them(database: Database, url: str) -> None:
    """A verdict given while the warehouse is open is there after a refresh, and the last one counts."""
    with open_warehouse(url, tenant_id="clinic") as opened, open_warehouse(url, tenant_id="garage") as other:
        verdicts.keep(database, "clinic", [LATER, POOR])
        for one in (opened, other):
            one.refresh()

        told = opened.sql("SELECT verdict, is_last, judged_by FROM verdicts ORDER BY judged_at").fetchall()
        assert told == [("poor", False, "Ana"), ("good", True, "Ana")]
        assert other.sql("FROM verdicts").fetchall() == []


def test_a_note_is_not_in_a_log() -> None:
    """What was written of a person stays out of the object's text."""
    assert "too fast" not in repr(POOR)


def test_verdict_of_another_kind() -> None:
    """Only the known ones are taken."""
    with pytest.raises(BadInput, match="no verdict 'nice': choose one of: good, poor, wrong_outcome"):
        verdicts.verdict_named("nice")

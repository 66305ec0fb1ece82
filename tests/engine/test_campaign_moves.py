"""What outcomes, money, time and people make of a campaign."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from opendeep_kit.campaigns.lifecycle import TaskFact
from opendeep_kit.engine.campaign_moves import move, move_along
from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.store import campaigns, enrolments
from opendeep_kit.store.database import Database, open_database
from tests.service_rig import AGREES, TENANT, new_tenant, now, start_campaign


@contextlib.contextmanager
def running(folder: Path, **spec: object) -> Iterator[Database]:
    """A record with one running campaign of one contact."""
    database = open_database(f"sqlite:///{folder / 'opendeep.db'}")
    new_tenant(database)
    start_campaign(database, "one", [AGREES], **spec)
    yield database
    database.close()


def last(database: Database) -> tuple[str, str, str]:
    """The last step: state, fact, who."""
    step = campaigns.moves_of(database, TENANT, "one")[-1]
    return step.after, step.fact, step.by


def test_nothing_is_due(tmp_path: Path) -> None:
    """A campaign whose contact waits stays as it is."""
    with running(tmp_path) as database:
        assert move_along(database, now=now()) == []


def test_it_runs_out(tmp_path: Path) -> None:
    """With everybody at their end it is exhausted, by the control process."""
    with running(tmp_path) as database:
        enrolments.cancel_number(database, TENANT, AGREES, reason="gone", now=now())
        assert move_along(database, now=now()) == [(TENANT, "one", TaskFact.RAN_OUT)]
        assert last(database) == ("exhausted", "ran_out", "control")


def test_it_has_no_money_left(tmp_path: Path) -> None:
    """A budget that the next call could overspend pauses it, with the sum in the reason."""
    money = {"minor": 5, "currency": "USD"}
    with running(tmp_path, budget=money, call_cost={"minor": 6, "currency": "USD"}) as database:
        move_along(database, now=now())

        assert last(database) == ("paused", "tripped", "control")
        reason = campaigns.moves_of(database, TENANT, "one")[-1].reason
        assert reason == "this campaign has spent 0 of 5 minor units of USD; a call may cost 6"


def test_it_expires(tmp_path: Path) -> None:
    """After its last moment it is stopped."""
    with running(tmp_path) as database:
        with database.write() as connection:
            ends_at = str((now() - timedelta(hours=1)).replace(tzinfo=None))
            connection.exec_driver_sql("UPDATE campaigns SET ends_at = ?", (ends_at,))
        move_along(database, now=now())

        assert last(database) == ("stopped", "expired", "control")


def test_people(tmp_path: Path) -> None:
    """A person's step is kept with their name; an impossible one is refused with what is possible."""
    with running(tmp_path) as database:
        assert move(database, TENANT, "one", TaskFact.PAUSED, reason="lunch", by="Sam", now=now()) == "paused"
        assert last(database) == ("paused", "paused", "Sam")
        with pytest.raises(Refused, match="a campaign that is paused cannot be started"):
            move(database, TENANT, "one", TaskFact.STARTED, reason="go", by="Sam", now=now())
        with pytest.raises(BadInput, match="there is no campaign 'two'"):
            move(database, TENANT, "two", TaskFact.STARTED, reason="go", by="Sam", now=now())

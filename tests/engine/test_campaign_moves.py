"""What outcomes, money, time and people make of a campaign."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from opendeep_kit.campaigns.lifecycle import TaskFact
from opendeep_kit.engine.campaign_moves import move, move_along
from opendeep_kit.engine.campaign_service import set_limits
from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.outcomes import Disposition, PhoneResult
from opendeep_kit.record import campaigns, claiming, enrolments
from opendeep_kit.record.attempts import AttemptResult, finish_attempt
from opendeep_kit.record.claiming import NewAttempt
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.record.enrolments import NextStep
from opendeep_kit.record.ledger import Ruling
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


@pytest.mark.parametrize(
    ("cost", "reason"),
    [
        (None, "the tenant has a budget in USD, and the campaign does not say what a call costs"),
        ({"minor": 6, "currency": "EUR"}, "the tenant's budget is in USD, a call's cost in EUR"),
    ],
)
def test_a_call_whose_price_is_not_known(tmp_path: Path, cost: dict[str, object] | None, reason: str) -> None:
    """A tenant's budget that fits no call pauses a running campaign, and keeps it from going on."""
    with running(tmp_path, **({"call_cost": cost} if cost else {})) as database:
        set_limits(database, TENANT, {"budget": {"minor": 500, "currency": "USD"}})
        move_along(database, now=now())

        assert last(database) == ("paused", "tripped", "control")
        assert campaigns.moves_of(database, TENANT, "one")[-1].reason == reason
        with pytest.raises(Refused, match=reason):
            move(database, TENANT, "one", TaskFact.RESUMED, reason="go", by="Sam", now=now())
        set_limits(database, TENANT, {"budget": None})
        assert move(database, TENANT, "one", TaskFact.RESUMED, reason="go", by="Sam", now=now()) == "running"


def test_it_expires(tmp_path: Path) -> None:
    """After its last moment it is stopped."""
    with running(tmp_path) as database:
        with database.write() as connection:
            ends_at = str((now() - timedelta(hours=1)).replace(tzinfo=None))
            connection.exec_driver_sql("UPDATE campaigns SET ends_at = ?", (ends_at,))
        move_along(database, now=now())

        assert last(database) == ("stopped", "expired", "control")


@pytest.mark.parametrize(("is_interrupted", "state"), [(True, "running"), (False, "paused")])
def test_a_restart_does_not_pause_it(tmp_path: Path, is_interrupted: bool, state: str) -> None:
    """Attempts that the death of a process of ours broke off are no failures of the campaign; others are."""
    with running(tmp_path, breaker={"min_calls": 1, "max_line_share": 0.5, "max_numbers_share": 1.0}) as database:
        who = enrolments.due(database, TENANT, "one", now=now(), limit=1)[0].enrolment_id
        attempt = NewAttempt(
            attempt_id=str(uuid4()),
            control_id="control-1",
            trunk_id="default",
            worker_id="media-1",
            media_host="127.0.0.1",
            media_port=9,
        )
        allow = Ruling(is_allowed=True, words="yes")
        claiming.claim(database, TENANT, who, attempt, check=lambda facts: allow, now=now())
        failed = AttemptResult(
            phone_result=PhoneResult.FAILED, disposition=Disposition.FAILED, is_interrupted=is_interrupted
        )
        again = NextStep(at=now() + timedelta(hours=1), reason="again")
        finish_attempt(database, TENANT, attempt.attempt_id, failed, again, now=now())
        move_along(database, now=now())

        assert last(database)[0] == state


def test_people(tmp_path: Path) -> None:
    """A person's step is kept with their name; an impossible one is refused with what is possible."""
    with running(tmp_path) as database:
        assert move(database, TENANT, "one", TaskFact.PAUSED, reason="lunch", by="Sam", now=now()) == "paused"
        assert last(database) == ("paused", "paused", "Sam")
        with pytest.raises(Refused, match="a campaign that is paused cannot be started"):
            move(database, TENANT, "one", TaskFact.STARTED, reason="go", by="Sam", now=now())
        with pytest.raises(BadInput, match="there is no campaign 'two'"):
            move(database, TENANT, "two", TaskFact.STARTED, reason="go", by="Sam", now=now())

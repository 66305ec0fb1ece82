"""What the planner is told of the record: who is due, what is free, whose turn it is."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from opendeep_kit.campaigns.capacity import Heartbeat
from opendeep_kit.engine.blocked_by import RESERVED
from opendeep_kit.engine.by_hand import CallRequest, enrol
from opendeep_kit.engine.permits import checker
from opendeep_kit.engine.planning import Planned, Planning, Tick
from opendeep_kit.record import attempts, enrolments, workers
from opendeep_kit.record.claiming import ClaimOutcome, NewAttempt, claim
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.settings import FlowSettings, ServiceSettings
from opendeep_kit.tasks.script import parse_script
from tests.service_rig import AGREES, SCRIPT, TENANT, add_contacts, new_tenant, now, start_campaign

NUMBERS = [f"+1{area}5550101" for area in (212, 312, 415, 602, 713)]


@contextlib.contextmanager
def record(folder: Path, capacity: int = 10, **heartbeat: Any) -> Iterator[Database]:
    """A record with one living media worker."""
    database = open_database(f"sqlite:///{folder / 'opendeep.db'}")
    new_tenant(database)
    beat = Heartbeat(worker_id="m", host="127.0.0.1", port=9092, capacity=capacity, live_calls=0, **heartbeat)
    workers.beat(database, beat, now=now())
    yield database
    database.close()


def tick(
    database: Database, *, asked: frozenset[int] = frozenset(), at: datetime | None = None, **settings: object
) -> Tick:
    """One look."""
    planning = Planning(database, ServiceSettings.model_validate(settings))
    return planning.tick(at or now(), live=attempts.open_attempts(database), asked=asked)


def test_everybody_who_is_due(tmp_path: Path) -> None:
    """With room for all, all are planned, each once."""
    with record(tmp_path) as database:
        start_campaign(database, "one", NUMBERS)
        planned = tick(database).calls

    assert len({one.enrolment_id for one in planned}) == 5


def test_no_more_than_there_is_room_for(tmp_path: Path) -> None:
    """Two slots of the media workers, one of which is being asked about: one call."""
    with record(tmp_path, capacity=2) as database:
        start_campaign(database, "one", NUMBERS)
        first = tick(database).calls
        second = tick(database, asked=frozenset([first[0].enrolment_id])).calls

    assert (len(first), len(second)) == (2, 1)
    assert second[0].enrolment_id != first[0].enrolment_id


def test_a_late_worker_is_spared(tmp_path: Path) -> None:
    """A media worker whose loop is very late gets no calls."""
    with record(tmp_path, loop_lag_ms=100.0) as database:
        start_campaign(database, "one", NUMBERS)

        assert tick(database).calls == []


def test_the_voice_models_provider_is_heeded(tmp_path: Path) -> None:
    """With allowances for two calls two are planned; turned away, none, and the reason is told; later, all."""
    soon, later = now() + timedelta(seconds=30), now() + timedelta(seconds=40)
    with record(tmp_path, provider_carries=2, provider_resets_at=soon) as database:
        start_campaign(database, "one", NUMBERS)
        low = tick(database)
        again = tick(database, at=later, worker_dead_after_s=60)
        beat = Heartbeat(worker_id="m", host="127.0.0.1", port=9092, capacity=9, live_calls=0)
        workers.beat(database, replace(beat, provider_blocked_until=soon), now=now())
        blocked = tick(database)

    assert [len(one.calls) for one in (low, blocked, again)] == [2, 0, 5]
    assert blocked.bound_by == "the voice model's provider asked for a pause"


def test_limits_of_the_installation(tmp_path: Path) -> None:
    """The whole installation's limit, and an unknown trunk."""
    with record(tmp_path) as database:
        start_campaign(database, "one", NUMBERS)
        capped = tick(database, everyone=FlowSettings(max_live=3))
        strange = tick(database, trunks={"other": FlowSettings()})

    assert len(capped.calls) == 3
    assert (strange.calls, strange.held) == ([], {"clinic/one": "trunk:default is not known"})


def test_whom_the_line_does_not_reach_is_not_looked_for_at_every_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where only real numbers are due, a line without a trunk is asked for again a minute later; one with a trunk at once."""
    asked: list[int] = []
    due = enrolments.due

    def counted(*given: Any, **more: Any) -> list[enrolments.Due]:
        asked.append(more["limit"])
        return due(*given, **more)

    monkeypatch.setattr(enrolments, "due", counted)
    with record(tmp_path) as database:
        start_campaign(database, "one", ["+442071838750"])
        planning, begun = Planning(database, ServiceSettings(worker_dead_after_s=300)), now()

        def look(after_s: float, *, reaches_people: bool = False) -> int:
            at = begun + timedelta(seconds=after_s)
            planned = planning.tick(at, live=[], asked=frozenset(), reaches_people=reaches_people)
            return len(planned.calls)

        silent = [look(0), look(1), look(59)]
        looks = len(asked)
        reached = look(2, reaches_people=True)
        add_contacts(database, "one", NUMBERS)
        later = [look(59), look(61)]

    assert (silent, looks, reached, later) == ([0, 0, 0], 1, 1, [0, 5])


def test_calls_by_hand_take_room(tmp_path: Path) -> None:
    """One that has not ended counts for everybody, its trunk and its tenant."""
    with record(tmp_path) as database:
        start_campaign(database, "one", NUMBERS)
        request = CallRequest(number=AGREES, script=parse_script(SCRIPT), tenant_id=TENANT)
        who = enrol(database, request, now=now())
        claim_one(database, Planned(tenant_id=TENANT, campaign_id="by-hand", enrolment_id=who, at=now()), 0)
        by_all = tick(database, everyone=FlowSettings(max_live=3)).calls
        by_trunk = tick(database, trunks={"default": FlowSettings(max_live=3)}).calls
        new_tenant(database, flow={"max_live": 3})
        by_tenant = tick(database).calls

    assert [len(calls) for calls in (by_all, by_trunk, by_tenant)] == [2, 2, 2]


def test_made_up_numbers_are_planned_at_any_hour(tmp_path: Path) -> None:
    """Where no line reaches people, closed windows hold back nobody: who is looked for then is made up."""
    another_day = (now() + timedelta(days=3)).strftime("%a").lower()
    with record(tmp_path) as database:
        start_campaign(database, "one", NUMBERS, windows={another_day: "09:00-20:00"})
        ticks = [
            Planning(database, ServiceSettings()).tick(now(), live=[], asked=frozenset(), reaches_people=reaches_people)
            for reaches_people in (False, True)
        ]

    assert [len(found.calls) for found in ticks] == [5, 0]


def usd(minor: int) -> dict[str, object]:
    """Money of a spec."""
    return {"minor": minor, "currency": "USD"}


def claim_one(database: Database, planned: Planned, cost: int) -> None:
    """The planned call is permitted, and its cost reserved."""
    attempt = NewAttempt(
        attempt_id=str(uuid4()),
        control_id="control-1",
        trunk_id="default",
        worker_id="m",
        media_host="127.0.0.1",
        media_port=9092,
        reserved_minor=cost,
        currency="USD",
    )
    check = checker(ServiceSettings(), worker_capacity=10, reaches_people=False)
    made = claim(database, planned.tenant_id, planned.enrolment_id, attempt, check=check, now=now())
    assert made.outcome == ClaimOutcome.CLAIMED


def test_no_more_than_the_budget_holds(tmp_path: Path) -> None:
    """Money for two calls: two are planned; while they live, none, and it is told what holds the others."""
    with record(tmp_path) as database:
        start_campaign(database, "one", NUMBERS, budget=usd(25), call_cost=usd(10))
        first = tick(database)
        for planned in first.calls:
            claim_one(database, planned, 10)
        second = tick(database)

    assert (len(first.calls), second.calls) == (2, [])
    assert first.held == second.held == {"clinic/one": RESERVED}


def test_no_more_than_the_tenants_budget_holds(tmp_path: Path) -> None:
    """Two campaigns never plan more together than the tenant's money allows, and leave none of it."""
    with record(tmp_path) as database:
        new_tenant(database, budget=usd(25))
        start_campaign(database, "cheap", NUMBERS, call_cost=usd(3))
        start_campaign(database, "dear", NUMBERS, call_cost=usd(10))
        spent = 0
        while planned := tick(database).calls:
            for one in planned:
                cost = 10 if one.campaign_id == "dear" else 3
                claim_one(database, one, cost)
                spent += cost

    assert spent == 25


def test_two_campaigns_share(tmp_path: Path) -> None:
    """Of six places two campaigns with equal weight get three each."""
    with record(tmp_path, capacity=6) as database:
        start_campaign(database, "one", NUMBERS)
        start_campaign(database, "two", NUMBERS)
        planned = tick(database).calls

    assert Counter(one.campaign_id for one in planned) == {"one": 3, "two": 3}


def test_closed_hour_groups_wait(tmp_path: Path) -> None:
    """At three in the afternoon in London nobody is up in Los Angeles by these windows; New York is."""
    noon = datetime.now(UTC).replace(hour=14, minute=0) + timedelta(days=1)
    with record(tmp_path) as database:
        start_campaign(database, "one", ["+12125550101", "+14155550101"], windows={"daily": "08:30-20:00"})
        beat = Heartbeat(worker_id="m", host="127.0.0.1", port=9092, capacity=10, live_calls=0)
        workers.beat(database, beat, now=noon)
        planned = tick(database, at=noon).calls

    assert len(planned) == 1

"""A control process, its durable queue included, beside a media worker: campaigns from their start to their end."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from opendeep_kit.campaigns.lifecycle import TaskFact
from opendeep_kit.commands.service import health
from opendeep_kit.engine.blocked_by import held_by
from opendeep_kit.engine.campaign_moves import move
from opendeep_kit.engine.control import Control
from opendeep_kit.engine.dialer import Dialer
from opendeep_kit.engine.planning import Planning
from opendeep_kit.engine.upkeep import closed_before
from opendeep_kit.errors import OurMistake
from opendeep_kit.record import attempts, calls, campaigns, counters, ledger, workers
from opendeep_kit.record.database import Database
from opendeep_kit.rehearsal.engines import Say
from tests.service_rig import AGREES, SILENT, TENANT, Rig, now, rig, until

DAY = timedelta(days=1)
AGAIN = {"max_retries": 1, "delay_s": 0.2, "jitter": 0}
RETRIES = {"rules": dict.fromkeys(("busy", "network", "rejected", "silent", "our_failure"), AGAIN)}
LONG = ((Say("I go on talking for a while, so that the next call waits. " * 2),),)
AREAS = (212, 312, 415, 602, 713)
NUMBERS = [f"+1{area}55501{ending}" for area in AREAS for ending in ("01", "20", "22", "23", "24")]
NUMBERS += [f"+1{area}5550101" for area in (202, 303, 404, 505, 606)]


def control(service: Rig, control_id: str = "") -> Control:
    """A control process on the rig's line."""
    return Control(
        service.settings,
        database=service.database,
        line=service.line,
        control_id=control_id,
    )


def state(database: Database, campaign_id: str) -> str:
    """Where the campaign stands."""
    found = campaigns.campaign(database, TENANT, campaign_id)
    assert found is not None
    return found.state


async def test_a_campaign_of_thirty(tmp_path: Path) -> None:
    """Thirty mixed numbers, retries included, and every contact reaches its end; the campaign says why it is over."""
    async with rig(tmp_path) as service:
        service.campaign("one", NUMBERS, retries=RETRIES, flow={"max_live": 8})
        async with control(service):
            await until(lambda: state(service.database, "one") == "exhausted", within_s=90)

        counts = counters.counts(service.database, TENANT, "one")
        made = attempts.attempts_of(service.database, TENANT)
        assert (counts.waiting, counts.claimed, counts.final) == (0, 0, 30)
        assert dict(counts.outcomes) == {"completed": 10, "not_reached": 35}
        assert (len(made), len({one.attempt_id for one in made})) == (45, 45)
        assert sorted(service.line.dialled) == sorted(UUID(one.attempt_id) for one in made)
        assert service.line.most_at_once <= 8
        last = campaigns.moves_of(service.database, TENANT, "one")[-1]
        assert (last.after, last.reason, last.by) == ("exhausted", "every contact has a final outcome", "control")


@pytest.mark.slow
async def test_a_goal_ends_a_campaign(tmp_path: Path) -> None:
    """Once so many calls are completed the campaign is met, and nobody else is called."""
    numbers = [f"+1{area}5550101" for area in (212, 312, 415, 602, 713)]
    async with rig(tmp_path) as service:
        service.campaign("one", numbers, goal={"target": 2}, flow={"max_live": 1})
        async with control(service) as running:
            await until(lambda: state(service.database, "one") == "met", within_s=60)
            await running.drain(within_s=20)

        counts = counters.counts(service.database, TENANT, "one")
        assert 2 <= counts.outcomes["completed"] <= 3
        assert counts.waiting >= 2


@pytest.mark.slow
async def test_a_paused_campaign_places_no_calls(tmp_path: Path) -> None:
    """From the moment of the pause nothing is dialled; resumed, it goes on."""
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        move(service.database, TENANT, "one", TaskFact.PAUSED, reason="wait", by="test", now=now())
        async with control(service):
            await asyncio.sleep(1.0)
            assert service.line.dialled == []
            move(service.database, TENANT, "one", TaskFact.RESUMED, reason="go on", by="test", now=now())
            await until(lambda: state(service.database, "one") == "exhausted")

        assert len(service.line.dialled) == 1


@pytest.mark.slow
async def test_the_breaker_pauses_a_failing_campaign(tmp_path: Path) -> None:
    """When too many calls fail the campaign is paused with the reason."""
    numbers = [f"+1{area}5550124" for area in (212, 312, 415, 602)]
    breaker = {"min_calls": 2, "max_line_share": 0.5, "max_numbers_share": 1.0}
    async with rig(tmp_path) as service:
        service.campaign("one", numbers, breaker=breaker, flow={"max_live": 1})
        async with control(service):
            await until(lambda: state(service.database, "one") == "paused")

        last = campaigns.moves_of(service.database, TENANT, "one")[-1]
        assert last.fact == "tripped"
        assert "failed through us or the network" in last.reason


@pytest.mark.slow
async def test_upkeep_is_done_and_the_queue_forgets(tmp_path: Path) -> None:
    """Once a day the planner keeps the record; what the queue knows of attempts that are over is deleted, no more."""
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        async with control(service) as running:
            await until(lambda: state(service.database, "one") == "exhausted")
            await until(lambda: running._kept_up == closed_before(now()))
            async with asyncio.timeout(20):
                while await running._attempts.waiting():  # noqa: ASYNC110 - the queue's own pace
                    await asyncio.sleep(0.05)
            forgotten = [await running._attempts.forget(now() + age) for age in (-DAY, DAY, DAY)]

        assert forgotten[0] == 0
        assert forgotten[1] >= 1
        assert forgotten[2] == 0


async def test_what_holds_a_campaign_is_told(tmp_path: Path) -> None:
    """While calls wait for something, the record says for what; when they do not, nothing is said."""
    async with rig(tmp_path, replies=LONG) as service:
        service.campaign("one", [AGREES, SILENT], flow={"max_live": 1})

        def held() -> str:
            row = campaigns.campaign(service.database, TENANT, "one")
            assert row is not None
            controls = workers.controls_alive(service.database, now=now(), within_s=10)
            return held_by(row, controls)

        assert held() == "no control process is alive: run opendeep up"
        async with control(service):
            await until(lambda: held() == "the campaign has as many calls as it may")
            await service.duty.periodic.stop("heartbeat")
            workers.sign_off(service.database, "media-1")
            await until(lambda: held() == "no media worker is alive")
            move(service.database, TENANT, "one", TaskFact.PAUSED, reason="wait", by="test", now=now())
            assert held() == ""


@pytest.mark.slow
async def test_a_line_that_is_away_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A control process alone without its line plans nothing, and says why."""
    monkeypatch.setattr(Dialer, "is_ready", False)
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        async with control(service):

            def bound_by() -> str:
                return workers.controls_alive(service.database, now=now(), within_s=10)[0].bound_by

            await until(lambda: bound_by() == "the line cannot be reached: look whether Asterisk runs")
            monkeypatch.setattr(Dialer, "is_ready", True)
            await until(lambda: state(service.database, "one") == "exhausted")
            await until(lambda: bound_by() == "")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tick", "_due"])
async def test_a_duty_that_fails_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whatever breaks a look at the record, planning goes on: heartbeats alone would only look like a service."""
    works, errors = getattr(Planning, name), [OurMistake("a statement was refused"), KeyError("broken")]

    def breaks(self: Planning, *args: Any, **named: Any) -> Any:
        if errors:
            raise errors.pop()
        return works(self, *args, **named)

    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        monkeypatch.setattr(Planning, name, breaks)
        async with control(service):
            await until(lambda: state(service.database, "one") == "exhausted")

    assert errors == []


@pytest.mark.slow
async def test_a_stopping_control_process_waits_for_its_calls(tmp_path: Path) -> None:
    """Drained, it plans no more, and the call under way comes to its own end."""
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES, "+13125550101"], flow={"max_live": 1})
        async with control(service) as running:
            await until(lambda: len(service.line.dialled) == 1)
            await running.drain(within_s=20)

        (made,) = attempts.attempts_of(service.database, TENANT)
        assert (made.disposition, len(service.line.dialled)) == ("completed", 1)
        found = calls.call(service.database, TENANT, made.attempt_id)
        assert found is not None
        assert found.state == "ended"
        assert workers.controls_alive(service.database, now=now(), within_s=10) == []


@pytest.mark.slow
async def test_a_line_that_reaches_nobody_burns_no_contact(tmp_path: Path) -> None:
    """Real numbers stay due and leave no trace, made-up ones behind them are called; the status says what to set."""
    real = [f"+44207183{last}" for last in range(8700, 8740)]
    async with rig(tmp_path) as service:
        service.campaign("one", [*real, AGREES])
        async with control(service):
            await until(lambda: service.who("one", AGREES).state == "final", within_s=60)
            found = health(service.database, service.settings.service, now=now())

        counts = counters.counts(service.database, TENANT, "one")
        noted = ledger.permissions_of(service.database, TENANT)
        assert (counts.waiting, counts.attempts, [one.number for one in noted]) == (40, 1, [AGREES])
        assert found["controls"][0]["reaches_people"] is False
        assert "real ones wait; no trunk is configured: set asterisk.trunk_host" in found["campaigns"][0]["held_by"]


async def test_a_line_that_reaches_people_calls_them(tmp_path: Path) -> None:
    """With a trunk the same contact is called."""
    async with rig(tmp_path) as service:
        service.line.is_a_play = False
        service.campaign("one", ["+442071838750"])
        async with control(service):
            await until(lambda: service.line.dialled != [])
            found = health(service.database, service.settings.service, now=now())

        assert found["campaigns"] == [] or found["campaigns"][0]["held_by"] == ""

"""One owner of an attempt's life: calls by hand in their own process, and what a process leaves when it goes."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from opendeep_kit.engine.attempts import Attempts
from opendeep_kit.engine.jobs import Job, OwnCall
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.record import attempts, calls, campaigns
from opendeep_kit.record.attempts import Attempt
from opendeep_kit.record.calls import ExpectedCall
from opendeep_kit.rehearsal.engines import Say
from tests.service_rig import AGREES, TENANT, Rig, now, rig, until

LONG = ((Say("I go on talking for a while, so that there is something to break off. " * 3),),)


def by_hand(service: Rig) -> Attempts:
    """A notebook's process: its calls are held by its own media worker."""
    return Attempts(service.settings, database=service.database, line=service.line, worker_id=service.worker.worker_id)


def own_call(service: Rig, told: list[str]) -> OwnCall:
    """The script is a draft that the record does not hold; what happens is told to whoever listens."""

    def expect(row: Attempt) -> ExpectedCall:
        campaign = campaigns.campaign(service.database, TENANT, row.campaign_id)
        assert campaign is not None
        return ExpectedCall(
            call_id=row.attempt_id,
            tenant_id=TENANT,
            number=row.number,
            line=service.line.name,
            expected_until=now() + timedelta(minutes=1),
            script_name=campaign.script_name,
            script_version=campaign.script_version,
            facts={"name": "Maria"},
        )

    return OwnCall(expect=expect, tell=lambda event: told.append(type(event).__name__))


def result_of(service: Rig, job: Job) -> Summary:
    """What the call came to, by its row."""
    call = calls.call(service.database, TENANT, job.attempt_id)
    assert call is not None
    assert call.result is not None
    return call.result


async def test_a_call_by_hand_is_placed_here(tmp_path: Path) -> None:
    """It is an attempt like any other, placed and followed in the process that asks, which learns what came of it."""
    told: list[str] = []
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        async with by_hand(service) as made:
            job = replace(service.job("one", AGREES), placed_by=made.control_id)
            permission = await made.run(job, own_call(service, told))
            again = await made.run(service.job("one", AGREES))

    assert permission.is_allowed
    assert told == ["Dialled", "CallEnded", "CallJudged"]
    assert (again.is_allowed, again.words) == (False, "the contact is not due any more")


async def test_a_call_that_is_broken_off_is_written_down(tmp_path: Path) -> None:
    """Whoever waits gives up: the callee is hung up on, and the record says by whom before it returns."""
    async with rig(tmp_path, replies=LONG) as service:
        service.campaign("one", [AGREES])
        async with by_hand(service) as made:
            job = replace(service.job("one", AGREES), placed_by=made.control_id)
            waiting = asyncio.create_task(made.run(job))
            await until(lambda: "Answered" in service.happened(job.attempt_id))
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting

            result = result_of(service, job)
            assert waiting.cancelled()
        assert (result.phone_result, result.ended_by, result.detail) == (
            PhoneResult.ANSWERED,
            EndedBy.SUPERVISOR,
            "stopped by us",
        )
        assert service.happened(job.attempt_id).count("CallEnded") == 1


async def test_what_a_notebook_leaves_is_not_placed_by_others(tmp_path: Path) -> None:
    """It went before it dialled: nobody is there for the call any more, so the next process closes it undialled."""
    async with rig(tmp_path, control_dead_after_s=1.0) as service:
        service.campaign("one", [AGREES])
        async with by_hand(service) as made:
            job = replace(service.job("one", AGREES), placed_by=made.control_id)
            made.dialer.admit = asyncio.Event().wait  # type: ignore[method-assign,assignment]
            waiting = asyncio.create_task(made.run(job))
            await until(lambda: attempts.open_attempts(service.database) != [])
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        async with by_hand(service):
            await until(lambda: attempts.open_attempts(service.database) == [])

        (made_,) = attempts.attempts_of(service.database, TENANT)
        assert (made_.may_have_rung, made_.disposition, made_.state) == (False, Disposition.FAILED, "interrupted")
        assert made_.detail == "the process that asked for it is gone"
        assert service.line.dialled == []
        assert service.who("one", AGREES).attempts == 0

"""One attempt from its permission to its end, over the simulated line and a media worker that knows the record alone."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from unittest.mock import AsyncMock
from uuid import UUID

import pytest

from opendeep_kit.engine import campaign_service
from opendeep_kit.engine.attempt_end import AttemptOutcome
from opendeep_kit.engine.by_hand import CallRequest
from opendeep_kit.engine.campaign_change import CampaignChange, change
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.line import CallOrder, CallProgress, LineResult
from opendeep_kit.record import attempts, calls, campaigns, dnc, ledger, workers
from opendeep_kit.record.attempts import AttemptState, Rang
from opendeep_kit.rehearsal.engines import Say
from opendeep_kit.tasks.script import parse_script
from tests.service_rig import AGREES, BUSY, OPT_OUT, SCRIPT, TENANT, Rig, now, rig, until

REAL = "+442071838750"
LATER = timedelta(minutes=1)
LONG = ((Say("This is a very long sentence, so that the call is still there when its worker dies. " * 3),),)


def attempt_of(service: Rig, call_id: str) -> attempts.Attempt:
    """The attempt's row."""
    found = attempts.attempt(service.database, TENANT, call_id)
    assert found is not None
    return found


async def test_a_call_is_placed_held_and_written_down(tmp_path: Path) -> None:
    """From the record alone two parts of the service make one call, and what came of it is the record's."""
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        job = service.job("one", AGREES)
        assert await service.call(service.dialer(), job)

        row, who = attempt_of(service, job.attempt_id), service.who("one", AGREES)
        call = calls.call(service.database, TENANT, job.attempt_id)
        assert (row.state, row.phone_result, row.disposition) == (AttemptState.ENDED, "answered", "completed")
        assert (who.state, who.final_reason, who.outcome) == ("final", "completed", "completed")
        assert call is not None
        assert call.result is not None
        assert (call.result.ended_by, call.result.detail, call.campaign) == (EndedBy.AGENT, "completed", "one")
        assert (tmp_path / "recordings" / call.result.recording).stat().st_size > 10_000
        names = service.happened(job.attempt_id)
        assert (names[0], names[-3:]) == ("Dialled", ["RecordingSaved", "CallEnded", "CallJudged"])


async def test_the_ledger_tells_why(tmp_path: Path) -> None:
    """A refusal is noted with its rule, nobody is dialled, and a number that is forbidden is final."""
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        dnc.add(
            service.database,
            TENANT,
            [dnc.DncEntry(entry=AGREES, reason="asked", source="person", added_by="me", added_at=now())],
        )
        assert not await service.call(service.dialer(), service.job("one", AGREES))

        (noted,) = ledger.permissions_of(service.database, TENANT, number=AGREES)
        assert (noted.is_allowed, noted.rule) == (False, "do_not_call")
        assert service.who("one", AGREES).state == "final"
        assert service.line.dialled == []


async def test_busy_is_tried_again_later(tmp_path: Path) -> None:
    """A busy line is due again by the campaign's own rule, and after so many times it is final."""
    async with rig(tmp_path) as service:
        service.campaign("one", [BUSY], retries={"rules": {"busy": {"max_retries": 1, "delay_s": 0.2, "jitter": 0}}})
        dialer = service.dialer()
        assert await service.call(dialer, service.job("one", BUSY))
        first = service.who("one", BUSY)
        await asyncio.sleep(0.3)
        assert await service.call(dialer, service.job("one", BUSY))
        second = service.who("one", BUSY)

        assert (first.state, first.attempts) == ("waiting", 1)
        assert (second.state, second.attempts) == ("final", 2)
        assert second.final_reason == "after 2 × busy there is no further attempt"


async def test_a_better_hour_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once enough callees of the tenant were called, somebody who did not answer is due at an hour when they do.

    Not at one after the campaign's end: they would not be called at all.
    """
    rule = {"no_answer": {"max_retries": 3, "delay_s": 3600, "jitter": 0}}
    zone, soon = "America/New_York", now() + timedelta(hours=5)
    people = [("answered", "completed", soon)] * 40 + [("no_answer", "not_reached", now() - timedelta(hours=2))] * 40
    known = [Rang(at=at, zones=(zone,), phone_result=one, disposition=told) for one, told, at in people]
    due = []
    async with rig(tmp_path) as service:
        for campaign, told, hours in (("one", known[:49], 9), ("two", known, 9), ("three", known, 2)):
            monkeypatch.setattr(attempts, "rang", lambda *_, told=told: told)
            service.campaign(campaign, [BUSY], retries={"rules": rule})
            end = CampaignChange(ends_at=now() + timedelta(hours=hours))
            change(service.database, TENANT, campaign, end, by="me", now=now())
            job, dialer = service.job(campaign, BUSY), service.dialer()
            assert (await dialer.permit(job)).is_allowed
            await dialer.conclude(job, AttemptOutcome(phone_result=PhoneResult.NO_ANSWER, ended_by=None), None)
            due.append(service.who(campaign, BUSY).next_at - now())

    assert due[0] < timedelta(minutes=61)
    assert timedelta(hours=3) < due[1] < timedelta(hours=6)
    assert due[2] < timedelta(minutes=61)


async def test_dial_run_again_does_not_redial(tmp_path: Path) -> None:
    """The step is run again after the process that dialled has died: the line is not asked a second time."""
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        job, dialer = service.job("one", AGREES), service.dialer()
        assert (await dialer.permit(job)).is_allowed
        assert await dialer.admit(job) is None
        dialling = asyncio.create_task(dialer.dial(job))
        await until(lambda: service.line.dialled == [UUID(job.attempt_id)])
        await dialer.close()
        await asyncio.gather(dialling, return_exceptions=True)

        await service.finish(service.dialer("control-2"), job)

        assert service.line.dialled == [UUID(job.attempt_id)]
        row, who = attempt_of(service, job.attempt_id), service.who("one", AGREES)
        assert (row.state, row.control_id) == (AttemptState.INTERRUPTED, "control-2")
        assert (row.disposition, row.may_have_rung, who.state) == ("failed", True, "waiting")


async def test_dial_run_again_here_has_its_result(tmp_path: Path) -> None:
    """Where the queue could not note what came of the dial, the same process still knows it."""
    async with rig(tmp_path) as service:
        service.campaign("one", [BUSY])
        job, dialer = service.job("one", BUSY), service.dialer()
        assert (await dialer.permit(job)).is_allowed
        assert await dialer.admit(job) is None
        outcomes = [await dialer.dial(job), *await asyncio.gather(dialer.dial(job), dialer.dial(job))]

        assert [outcome.phone_result for outcome in outcomes] == [PhoneResult.BUSY] * 3
        assert len(service.line.dialled) == 1


async def test_permit_run_again_finds_its_attempt(tmp_path: Path) -> None:
    """A crash between the claim and its note in the queue costs nothing: the same attempt goes on."""
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        job, dialer = service.job("one", AGREES), service.dialer()
        assert (await dialer.permit(job)).is_allowed
        assert (await dialer.permit(job)).is_allowed

        assert len(attempts.attempts_of(service.database, TENANT)) == 1


async def test_conclude_run_again_changes_nothing(tmp_path: Path) -> None:
    """The call's end is written once, however often the step is run, and by whomever."""
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        job, dialer = service.job("one", AGREES), service.dialer()
        assert (await dialer.permit(job)).is_allowed
        outcome = await service.finish(dialer, job)
        before = service.happened(job.attempt_id)
        await dialer.conclude(job, outcome, None)
        in_doubt = AttemptOutcome.in_doubt("another process believes that nobody knows")
        await service.dialer("control-2").conclude(job, in_doubt, None)

        assert service.happened(job.attempt_id) == before
        assert before.count("CallEnded") == before.count("CallJudged") == 1
        assert attempt_of(service, job.attempt_id).disposition == "completed"


async def test_a_buried_process_does_not_dial(tmp_path: Path) -> None:
    """One that was only asleep while others took its work over neither dials nor closes what was its own."""
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        job, former = service.job("one", AGREES), service.dialer("control-1")
        assert (await former.permit(job)).is_allowed
        assert await former.admit(job) is None
        sign = service.detector.sign_of("control-1")
        assert workers.bury(service.database, "control-1", by="control-2", seen_at=sign, living=[], now=now())
        sleeping = asyncio.create_task(former.dial(job))

        outcome = await service.finish(service.dialer("control-2"), job)

        assert (outcome.phone_result, service.line.dialled) == ("answered", [UUID(job.attempt_id)])
        assert not sleeping.done()
        sleeping.cancel()
        await asyncio.gather(sleeping, return_exceptions=True)
        await former.close()


async def test_an_old_permission_is_not_used(tmp_path: Path) -> None:
    """An attempt that was intended long ago is closed undialled, counts for nothing, and the contact is due again."""
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        job, dialer = service.job("one", AGREES), service.dialer()
        await dialer.permit(job)
        with service.database.write() as connection:
            connection.exec_driver_sql(
                "UPDATE attempts SET created_at = ?", (str((now() - timedelta(minutes=1)).replace(tzinfo=None)),)
            )
        await service.finish(dialer, job)

        row, who = attempt_of(service, job.attempt_id), service.who("one", AGREES)
        assert (service.line.dialled, row.may_have_rung) == ([], False)
        assert (who.state, who.attempts) == ("waiting", 0)


@pytest.mark.slow
async def test_an_opt_out_cancels_other_campaigns(tmp_path: Path) -> None:
    """Who says "never call me again" is cancelled in two other campaigns at once, with their words as evidence."""
    async with rig(tmp_path, replies=OPT_OUT) as service:
        for name in ("one", "two", "three"):
            service.campaign(name, [AGREES])
        job = service.job("one", AGREES)
        assert await service.call(service.dialer(), job)

        states = [service.who(name, AGREES).state for name in ("one", "two", "three")]
        (entry,) = dnc.entries_of(service.database, TENANT)
        assert states == ["final", "final", "final"]
        assert (entry.entry, entry.call_id, entry.utterance) == (AGREES, job.attempt_id, "never call me again")
        assert not await service.call(service.dialer(), service.job("two", AGREES))


async def test_a_dead_media_worker_is_told_truthfully(tmp_path: Path) -> None:
    """A call whose sound died is our failure: not held against the contact, who is called again."""
    async with rig(tmp_path, replies=LONG, worker_dead_after_s=4) as service:
        service.campaign("one", [AGREES])
        job, dialer = service.job("one", AGREES), service.dialer()
        calling = asyncio.create_task(service.call(dialer, job))
        await until(lambda: "Answered" in service.happened(job.attempt_id))
        held = service.worker.held[job.attempt_id]
        assert held.bridge is not None
        held.bridge._connection.abort()
        with service.database.write() as connection:
            connection.exec_driver_sql("UPDATE calls SET worker_id = 'media-gone'")
        service.worker.ends.tell = AsyncMock()  # type: ignore[method-assign]
        await calling

        row, who = attempt_of(service, job.attempt_id), service.who("one", AGREES)
        assert (row.disposition, row.detail) == ("failed", "the process that held its sound died")
        assert row.state == AttemptState.INTERRUPTED
        assert who.state == "waiting"


async def test_caps_are_never_exceeded(tmp_path: Path) -> None:
    """Ten contacts asked for at once and two lines: two calls at a time."""
    numbers = [f"+1{area}5550101" for area in range(212, 222)]
    async with rig(tmp_path) as service:
        service.campaign("one", numbers, flow={"max_live": 2})
        dialer = service.dialer()
        jobs = [service.job("one", number) for number in numbers]
        done = await asyncio.gather(*(service.call(dialer, job) for job in jobs))

        assert service.line.most_at_once == 2
        assert sum(done) == 2
        assert campaigns.campaign(service.database, TENANT, "one") is not None


@pytest.mark.slow
async def test_a_hint_at_a_machine_reaches_the_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the line says of an answering machine is a coach's word in the call, and stands in its record."""
    async with rig(tmp_path) as service:
        service.campaign("one", [AGREES])
        placed = service.line.place

        async def place(order: CallOrder, report: Callable[[CallProgress], None]) -> LineResult:
            def and_hint(progress: CallProgress) -> None:
                report(progress)
                if progress is CallProgress.ANSWERED:
                    report(CallProgress.MACHINE)

            return await placed(order, and_hint)

        monkeypatch.setattr(service.line, "place", place)
        job = service.job("one", AGREES)
        assert await service.call(service.dialer(), job)

        assert "Supervised" in service.happened(job.attempt_id)


async def test_a_line_that_reaches_nobody_is_not_asked(tmp_path: Path) -> None:
    """A real number gets no permission for it, nor a call with the permission that another process had."""
    async with rig(tmp_path) as service:
        service.campaign("one", [REAL])
        dialer, job = service.dialer(), service.job("one", REAL)
        refused = await dialer.permit(job)
        assert (refused.is_allowed, refused.rule) == (False, None)
        assert "reaches made-up numbers only" in refused.words
        assert ledger.permissions_of(service.database, TENANT) == []

        service.line.is_a_play = False
        assert (await dialer.permit(job)).is_allowed
        service.line.is_a_play = True
        came = await service.finish(dialer, job)

        assert (service.line.dialled, came.may_have_rung, came.is_interrupted) == ([], False, True)
        assert (service.who("one", REAL).state, service.who("one", REAL).attempts) == ("waiting", 0)


@pytest.mark.slow
async def test_the_tenants_number_is_shown(tmp_path: Path) -> None:
    """A campaign's call and one by hand show the first caller id of their tenant; without one the line's own."""
    async with rig(tmp_path) as service:
        service.campaign("one", [BUSY, AGREES])
        assert await service.call(service.dialer(), service.job("one", BUSY))
        campaign_service.set_limits(service.database, TENANT, {"caller_ids": ["+12125550198"]})
        assert await service.call(service.dialer(), service.job("one", AGREES))
        request = CallRequest(number=BUSY, script=parse_script(SCRIPT), facts={"name": "Maria"}, tenant_id=TENANT)
        async with service.by_hand() as by_hand:
            await by_hand.call(request)

        assert service.line.shown == ["", "+12125550198", "+12125550198"]

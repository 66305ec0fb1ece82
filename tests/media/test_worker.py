"""The process that holds sound: admission, commands to live calls, hand-overs, draining."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from opendeep_kit import events
from opendeep_kit.errors import OurMistake
from opendeep_kit.media.worker import Brief
from opendeep_kit.outcomes import EndedBy
from opendeep_kit.record import call_commands, calls, workers
from opendeep_kit.record.call_commands import CommandKind
from opendeep_kit.rehearsal.asterisk_leg import AsteriskLeg, LegEnd, connect
from opendeep_kit.rehearsal.engines import Say, UseTool
from opendeep_kit.tasks.script import parse_script
from tests.service_rig import SCRIPT, SILENT, TENANT, Rig, now, rig, until

TALK = ((Say("I go on talking for a while, so that there is something to cut. " * 2),),)


@dataclass(slots=True)
class Talk:
    """One call that the media worker holds."""

    service: Rig
    call_id: str

    async def obeyed(self, kind: CommandKind, argument: str = "") -> str:
        """Give a command; returns what came of it."""
        given = call_commands.give(
            self.service.database, TENANT, self.call_id, kind, argument=argument, by="Sam", now=now()
        )

        def outcome() -> str | None:
            (found,) = [
                one
                for one in call_commands.commands_of(self.service.database, TENANT, self.call_id)
                if one.command_id == given.command_id
            ]
            return found.outcome

        await until(lambda: outcome() is not None)
        return outcome() or ""

    def all(self, kind: type[events.Event]) -> list[Any]:
        """The call's events of this class."""
        self.service.event_log.flush()
        return [event for event in self.service.event_log.read(TENANT, self.call_id) if isinstance(event, kind)]


@contextlib.asynccontextmanager
async def talk(folder: Path, number: str = SILENT) -> AsyncIterator[Talk]:
    """A call that goes on until somebody ends it."""
    async with rig(folder, replies=TALK) as service:
        service.campaign("one", [number])
        job, dialer = service.job("one", number), service.dialer()
        calling = asyncio.create_task(service.call(dialer, job))
        await until(lambda: "Answered" in service.happened(job.attempt_id))
        yield Talk(service, job.attempt_id)
        for held in service.worker.held.values():
            if held.bridge is not None:
                held.bridge.hang_up(EndedBy.SUPERVISOR, "the test is over")
        await calling


def expect(service: Rig, **changes: Any) -> str:
    """A call that may come to the door."""
    row = calls.ExpectedCall(
        call_id=str(uuid4()),
        tenant_id=TENANT,
        number=SILENT,
        line="simulator",
        expected_until=now() + timedelta(minutes=1),
        script_name="short-call",
        script_version=1,
        facts={"name": "Maria"},
        **changes,
    )
    calls.expect(service.database, row, now=now())
    return row.call_id


async def knock(service: Rig, call_id: str) -> AsteriskLeg:
    """A connection to the door."""
    return await connect("127.0.0.1", service.worker.port, UUID(call_id))


async def test_a_call_is_admitted_once(tmp_path: Path) -> None:
    """Of two connections with one UUID the first is held, the second hung up on; an unknown one is hung up on too."""
    async with rig(tmp_path) as service:
        service.campaign("one", [SILENT])
        call_id = expect(service)
        first = await knock(service, call_id)
        await until(lambda: call_id in service.worker.held)
        second, stranger = await knock(service, call_id), await knock(service, str(uuid4()))

        assert [await second.ended, await stranger.ended] == [LegEnd.HUNG_UP, LegEnd.HUNG_UP]
        assert not first.ended.done()
        media = calls.media_of(service.database, call_id)
        assert media is not None
        assert (media.worker_id, media.is_admitted, media.end) == ("media-1", True, None)
        for leg in (first, second, stranger):
            await leg.close()
        await until(lambda: call_id not in service.worker.held)


async def test_sound_that_ends_is_written_down(tmp_path: Path) -> None:
    """When the line leaves, the row says when, that it was not us, and where the recording is."""
    async with rig(tmp_path) as service:
        service.campaign("one", [SILENT])
        call_id = expect(service)
        leg = await knock(service, call_id)
        await until(lambda: call_id in service.worker.held)
        await leg.close()
        await until(lambda: call_id not in service.worker.held)

        media = calls.media_of(service.database, call_id)
        assert media is not None
        assert media.end is not None
        assert (media.end.ended_by, media.end.detail) == (None, "")
        assert media.end.recording.endswith(f"{call_id}.wav")
        assert len(media.end.recording_sha256) == 64


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ("[search_documents]", "From parking.md:\nPark behind the house."),
        ("[search_documents, gone]", "There is no tool 'search_documents'."),
    ],
)
async def test_the_tenants_own_tools(tmp_path: Path, names: str, told: str) -> None:
    """The agent uses what its script names of the tenant's; where that cannot be had the call goes on without."""
    (tmp_path / "knowledge" / TENANT / "documents").mkdir(parents=True)
    (tmp_path / "knowledge" / TENANT / "documents" / "parking.md").write_text("Park behind the house.")
    script = parse_script(SCRIPT.replace("facts:", f"tools: {names}\nfacts:"))
    happened: list[events.Event] = []
    async with rig(tmp_path, replies=((UseTool("search_documents", '{"query": "where to park"}'),),)) as service:
        service.campaign("one", [SILENT])
        call_id = expect(service)
        service.worker.announce(
            call_id, Brief(tenant_id=TENANT, script=script, facts={"name": "Maria"}), happened.append
        )
        service.worker.answered(call_id)
        leg = await knock(service, call_id)
        await until(lambda: any(isinstance(event, events.ToolReturned) for event in happened))
        await leg.close()
        await until(lambda: call_id not in service.worker.held)

    returned = next(event for event in happened if isinstance(event, events.ToolReturned))
    assert returned.output.startswith(told)


async def test_a_stall_is_seen_while_its_call_lives(tmp_path: Path) -> None:
    """A heartbeat tells the gaps of calls that live, not only of those that are over."""
    async with talk(tmp_path) as live:
        bridge = live.service.worker.held[live.call_id].bridge
        assert bridge is not None
        bridge._pacer.skipped += 10

        def is_told() -> bool:
            alive = workers.alive(live.service.database, now=now(), within_s=30)
            return any(worker.gap_share > 0.0 for worker in alive)

        await until(is_told)
        assert live.call_id in live.service.worker.held


async def test_hang_up(tmp_path: Path) -> None:
    """A supervisor ends a live call, and the record says so."""
    async with talk(tmp_path) as live:
        assert await live.obeyed(CommandKind.HANG_UP) == "done"
        await until(lambda: bool(live.all(events.CallEnded)))

        (ended,) = live.all(events.CallEnded)
        assert (ended.ended_by, ended.detail) == ("supervisor", "a supervisor ended the call")


async def test_say(tmp_path: Path) -> None:
    """The agent is cut and says a supervisor's words, which the callee hears to their end."""
    async with talk(tmp_path) as live:
        assert await live.obeyed(CommandKind.SAY, "Please hold the line.") == "done"
        await until(lambda: any(said.heard == "Please hold the line." for said in live.all(events.AgentSaid)))

        (stepped_in,) = live.all(events.Supervised)
        assert (stepped_in.what, stepped_in.argument, stepped_in.by) == ("say", "Please hold the line.", "Sam")


async def test_take_over_silences_the_agent(tmp_path: Path) -> None:
    """After a take-over the agent has no turn of its own any more; what the supervisor gives it is said."""
    async with talk(tmp_path) as live:
        await until(lambda: bool(live.all(events.ReplyBegan)))
        assert await live.obeyed(CommandKind.TAKE_OVER) == "done"
        replies = len(live.all(events.ReplyBegan))
        assert await live.obeyed(CommandKind.SAY, "A human speaks now.") == "done"
        await until(lambda: any(said.heard == "A human speaks now." for said in live.all(events.AgentSaid)))

        assert len(live.all(events.ReplyBegan)) == replies + 1
        assert live.all(events.Nudged) == []


async def test_transfer(tmp_path: Path) -> None:
    """A hand-over is asked for by the worker and done by the process that holds the line."""
    async with talk(tmp_path) as live:
        assert await live.obeyed(CommandKind.TRANSFER, "+12125550132") == "done"
        await until(lambda: bool(live.all(events.CallEnded)))

        assert live.service.line.transferred == ["+12125550132"]


async def test_commands_come_too_late(tmp_path: Path) -> None:
    """What was commanded to a call that is over is closed, not lost."""
    async with talk(tmp_path) as live:
        assert await live.obeyed(CommandKind.COACH, "Be brief.") == "done"
        assert await live.obeyed(CommandKind.HANG_UP) == "done"
        await until(lambda: live.call_id not in live.service.worker.held)

        assert [one.outcome for one in call_commands.commands_of(live.service.database, TENANT, live.call_id)] == [
            "done",
            "done",
        ]


async def test_a_failing_look_is_not_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that refuses a statement once leaves the worker its ears for commands and answers."""
    takes, answers, errors = call_commands.take, calls.answered_of, ["answers", "commands"]

    def once(name: str, works: Any, *args: Any, **named: Any) -> Any:
        if name in errors:
            errors.remove(name)
            raise OurMistake("the database refused a statement")
        return works(*args, **named)

    monkeypatch.setattr(calls, "answered_of", partial(once, "answers", answers))
    monkeypatch.setattr(call_commands, "take", partial(once, "commands", takes))
    async with talk(tmp_path) as live:
        assert await live.obeyed(CommandKind.COACH, "Be brief.") == "done"

    assert errors == []


async def test_a_command_that_breaks_is_answered(tmp_path: Path) -> None:
    """The supervisor is told that it failed, without what was said."""

    def breaks(words: str) -> None:
        raise KeyError(words)

    async with talk(tmp_path) as live:
        bridge = live.service.worker.held[live.call_id].bridge
        assert bridge is not None
        bridge.say = breaks  # type: ignore[method-assign]
        told = await live.obeyed(CommandKind.SAY, "Maria's secret")

    assert told.startswith("failed: an unexpected error (KeyError")
    assert "Maria" not in told


async def test_draining(tmp_path: Path) -> None:
    """A worker that drains takes no call and says so; what lives after its time is hung up."""
    async with talk(tmp_path) as live:
        duty = live.service.duty
        await duty.drain(within_s=0.2)

        (seen,) = workers.alive(live.service.database, now=now(), within_s=10)
        assert (seen.state, seen.free_slots) == ("draining", 0)
        await until(lambda: bool(live.all(events.CallEnded)))
        (ended,) = live.all(events.CallEnded)
        assert (ended.ended_by, ended.detail) == ("supervisor", "the service stops")

"""Calls that a person waits for: by the rules, the record and the end of any other, with a draft, tools and a listener."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opendeep_kit import events
from opendeep_kit.campaigns.lifecycle import TaskFact
from opendeep_kit.campaigns.model import Campaign, Consent, Flow, Money, TenantLimits
from opendeep_kit.campaigns.permission import may_we_call
from opendeep_kit.campaigns.rule_inputs import Listed, Rule, Use
from opendeep_kit.config import service_environment
from opendeep_kit.engine import campaign_service
from opendeep_kit.engine.by_hand import TO_DO, CallRequest, enrol
from opendeep_kit.engine.campaign_moves import move, move_along
from opendeep_kit.engine.permits import rule_inputs_of
from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.record import (
    attempts,
    calls,
    campaigns,
    claim_facts,
    claiming,
    counters,
    dnc,
    enrolments,
    ledger,
    workers,
)
from opendeep_kit.record.attempts import AttemptState
from opendeep_kit.record.claim_facts import Facts
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.record.event_log import read_events
from opendeep_kit.settings import FlowSettings, ServiceSettings
from opendeep_kit.tasks.script import parse_script
from tests.service_rig import AGREES, OPT_OUT, SCRIPT, SILENT, TENANT, Rig, new_tenant, now, rig, settings_for, until

REAL = "+442071838750"
"""London; no simulated line leads there."""
REQUEST = CallRequest(number=REAL, script=parse_script(SCRIPT), facts={"name": "Maria"}, tenant_id=TENANT)
PLAYED = replace(REQUEST, number=AGREES)
NOON = datetime(2030, 6, 5, 12, tzinfo=UTC)
LONG: Any = ((), (), ())


def at(moment: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rules are asked as of then, and time goes on from there."""
    claim, shift = claiming.claim, moment - now()
    monkeypatch.setattr(claiming, "claim", lambda *a, **k: claim(*a, **k | {"now": now() + shift}))


def ledger_of(service: Rig) -> list[tuple[bool, str | None, str]]:
    """Allowed or not, by which rule, with which consent; the newest first."""
    found = ledger.permissions_of(service.database, TENANT, number=REAL)
    return [(one.is_allowed, one.rule, one.consent) for one in found]


# ---- an attempt like any other ----------------------------------------------------------------------


async def test_it_is_an_attempt_of_the_implicit_campaign(tmp_path: Path) -> None:
    """One row in `attempts`, one ruling, one end, counted; the listener heard every event that the record has."""
    heard: list[str] = []
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        outcome = await by_hand.call(PLAYED, lambda event: heard.append(type(event).__name__))

        (row,) = attempts.attempts_of(service.database, TENANT)
        assert (row.campaign_id, row.state, row.attempt_id) == ("by-hand", AttemptState.ENDED, outcome.call_id)
        assert (row.disposition, row.phone_result) == (outcome.summary.disposition, outcome.summary.phone_result)
        (ruling,) = ledger.permissions_of(service.database, TENANT)
        assert (ruling.is_allowed, ruling.attempt_id, ruling.campaign_id) == (True, outcome.call_id, "by-hand")
        assert sorted(service.happened(outcome.call_id)) == sorted(heard)
        assert [heard.count(name) for name in ("Dialled", "Answered", "CallEnded", "CallJudged")] == [1, 1, 1, 1]
        assert outcome.recording is not None
        assert outcome.recording.is_file()
        counts = counters.counts(service.database, TENANT, "by-hand")
        assert (counts.waiting, counts.claimed, counts.final, counts.attempts) == (0, 0, 1, 1)


async def test_a_draft_is_said_and_not_kept(tmp_path: Path) -> None:
    """The script need not be in the record, and calls it a draft; what it asked for is judged all the same."""
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        outcome = await by_hand.call(PLAYED)

        (row,) = calls.calls_of(service.database, TENANT)
        assert (row.script_name, row.script_version, row.campaign) == (None, None, "by-hand")
        assert outcome.summary.phone_result is PhoneResult.ANSWERED


async def test_one_number_again_and_at_once(tmp_path: Path) -> None:
    """A persona is rehearsed with in two calls at a time, and again: each is an attempt of its own."""
    request = replace(PLAYED, is_rehearsal=True)
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        await asyncio.gather(by_hand.call(request), by_hand.call(request))
        await by_hand.call(request)

        made = attempts.attempts_of(service.database, TENANT, campaign_id="rehearsal")
        assert [row.state for row in made] == [AttemptState.ENDED] * 3
        counts = counters.counts(service.database, TENANT, "rehearsal")
        assert (counts.waiting, counts.claimed, counts.final, counts.attempts) == (0, 0, 1, 3)
        assert service.line.most_at_once == 2


async def test_implicit_campaigns_are_nobodys_to_run(tmp_path: Path) -> None:
    """They are never planned, listed or moved, and nobody can make one of their name."""
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        await by_hand.call(PLAYED)
        row = campaigns.campaign(service.database, TENANT, "by-hand")
        assert row is not None

        mine = Campaign(tenant_id=TENANT, campaign_id="rehearsal")
        assert campaigns.campaigns_of(service.database, TENANT) == []
        assert campaigns.all_campaigns(service.database, [row.state]) == []
        assert move_along(service.database, now=now()) == []
        with pytest.raises(Refused, match="holds the calls that people place"):
            move(service.database, TENANT, "by-hand", TaskFact.PAUSED, reason="x", by="me", now=now())
        with pytest.raises(BadInput, match="holds the calls that people place"):
            campaign_service.create(service.database, mine, parse_script(SCRIPT), by="me", now=now())


async def test_a_process_that_calls_by_hand_does_not_plan(tmp_path: Path) -> None:
    """It gives signs of life, and is no control process for anybody who looks for one."""
    async with rig(tmp_path) as service, service.by_hand():
        assert workers.controls_alive(service.database, now=now(), within_s=60) == []
        assert len(workers.signs_of_life(service.database)) == 2


async def test_an_opt_out_is_kept(tmp_path: Path) -> None:
    """Who says "never call me again" is not called by a campaign either; a persona that is rehearsed says it in play."""
    async with rig(tmp_path, replies=OPT_OUT) as service, service.by_hand() as by_hand:
        service.campaign("one", [AGREES])
        for _ in range(2):
            await by_hand.call(replace(PLAYED, is_rehearsal=True))
        assert dnc.entries_of(service.database, TENANT) == []
        outcome = await by_hand.call(PLAYED)

        (entry,) = dnc.entries_of(service.database, TENANT)
        assert (entry.entry, entry.call_id, entry.utterance) == (AGREES, outcome.call_id, "never call me again")
        assert service.who("one", AGREES).state == "final"
        with pytest.raises(Refused, match="on the tenant do-not-call list"):
            await by_hand.call(PLAYED)
        await by_hand.call(replace(PLAYED, is_rehearsal=True))


async def test_a_refused_order_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the line does not take is a failed call with its reason: its row is closed, and its events end."""

    async def place(*_: object) -> None:
        raise BadInput("Asterisk refuses to place calls (no such extension)", do="compare its dialplan with ours")

    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        monkeypatch.setattr(service.line, "place", place)
        outcome = await by_hand.call(PLAYED)

        (row,) = calls.calls_of(service.database, TENANT)
        assert (outcome.summary.phone_result, row.state) == (PhoneResult.FAILED, calls.CallState.ENDED)
        assert outcome.summary.detail == "Asterisk refuses to place calls (no such extension)"
        assert service.happened(outcome.call_id) == ["Dialled", "CallEnded", "CallJudged"]


async def test_cancelling_hangs_up(tmp_path: Path) -> None:
    """The call ends by us and is written down before whoever waited for it goes on."""
    heard: list[events.Event] = []
    async with rig(tmp_path, replies=LONG) as service, service.by_hand() as by_hand:
        request = replace(PLAYED, number=SILENT)
        calling = asyncio.create_task(by_hand.call(request, heard.append))
        await until(lambda: any(isinstance(event, events.Answered) for event in heard))
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling

        (row,) = calls.calls_of(service.database, TENANT)
        (ended,) = [event for event in heard if isinstance(event, events.CallEnded)]
        assert (row.state, ended.ended_by) == (calls.CallState.ENDED, EndedBy.SUPERVISOR)
        assert attempts.open_attempts(service.database) == []


# ---- the rules --------------------------------------------------------------------------------------


async def test_a_forbidden_number_is_not_dialled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on the do-not-call list: nothing is asked of the line, and the ledger says why."""
    at(NOON, monkeypatch)
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        service.line.is_a_play = False
        entry = dnc.DncEntry(entry=REAL, reason="asked", source="person", added_by="me", added_at=now())
        dnc.add(service.database, TENANT, [entry])
        with pytest.raises(Refused, match=r"the number is on the tenant do-not-call list\): leave it alone"):
            await by_hand.call(REQUEST)

        assert ledger_of(service) == [(False, "do_not_call", "")]
        assert (service.line.dialled, calls.calls_of(service.database, TENANT)) == ([], [])


async def test_consent_is_asked_for_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tenant requires one, whoever calls says where it is on file, and the ledger keeps that with the call."""
    at(NOON, monkeypatch)
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        service.line.is_a_play = False
        new_tenant(service.database, needs_consent=True)
        with pytest.raises(Refused, match="say where the consent is on file: `opendeep dial --consent`"):
            await by_hand.call(replace(REQUEST, consent=" "))
        outcome = await by_hand.call(replace(REQUEST, consent="form 7"))

        assert ledger_of(service) == [(True, None, "form 7"), (False, "consent", "")]
        (noted, _) = ledger.permissions_of(service.database, TENANT, number=REAL)
        assert noted.attempt_id == outcome.call_id


async def test_outside_the_window_nobody_is_dialled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At night on the callee's clock a person is not called, over a line to people not even at a made-up number."""
    at(NOON.replace(hour=3), monkeypatch)
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        await by_hand.call(PLAYED)
        service.line.is_a_play = False
        with pytest.raises(Refused, match=r"outside the windows\): wait until 2030-06-05T08:00\+00:00, or call it in"):
            await by_hand.call(REQUEST)
        with pytest.raises(Refused, match=r"outside the windows\): wait until 2030-06-05T13:00\+00:00"):
            await by_hand.call(PLAYED)

        assert ledger_of(service) == [(False, "window", "")]


async def test_a_second_call_counts_for_the_caps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that may be rung once a day is refused, by hand and in a campaign."""
    at(NOON, monkeypatch)
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        service.line.is_a_play = False
        service.campaign("one", [REAL])
        campaign_service.set_limits(service.database, TENANT, {"caps": {"per_day": 1}})
        await by_hand.call(REQUEST)
        with pytest.raises(Refused, match="1 attempts today by the tenant, 1 are allowed a day"):
            await by_hand.call(REQUEST)
        permission = await service.dialer().permit(service.job("one", REAL))

        assert (permission.is_allowed, permission.rule) == (False, "per_day")
        assert len(service.line.dialled) == 1


async def test_a_rate_is_waited_for(tmp_path: Path) -> None:
    """Calls by hand that come too close together are placed one after the other, as far apart as the tenant says."""
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        campaign_service.set_limits(service.database, TENANT, {"flow": {"calls_per_s": 2}})
        await asyncio.gather(by_hand.call(PLAYED), by_hand.call(PLAYED))
        found = ledger.permissions_of(service.database, TENANT, number=AGREES)

    first, *_, last = sorted(one.at for one in found if one.is_allowed)
    assert len(service.line.dialled) == 2
    assert last - first >= timedelta(seconds=0.5)


async def test_a_free_line_is_waited_for(tmp_path: Path) -> None:
    """Of several calls of one process no more are live than the tenant may have: the others follow, none is refused."""
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        new_tenant(service.database, flow={"max_live": 1})
        outcomes = await asyncio.gather(*(by_hand.call(PLAYED) for _ in range(3)))

        assert len({outcome.call_id for outcome in outcomes}) == 3
        assert service.line.most_at_once == 1


async def beat(database: Database, control_id: str) -> None:
    """It lives."""
    while True:
        await asyncio.to_thread(workers.beat_control, database, control_id, host="here", now=now())
        await asyncio.sleep(0.2)


async def test_anothers_call_is_not_waited_for(tmp_path: Path) -> None:
    """A line that is taken by a living process is told at once."""
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        new_tenant(service.database, flow={"max_live": 1})
        service.campaign("one", [AGREES])
        assert (await service.dialer().permit(service.job("one", AGREES))).is_allowed
        beating = asyncio.create_task(beat(service.database, "control-1"))
        with pytest.raises(Refused, match="1 calls of the tenant are live, the most allowed"):
            await by_hand.call(PLAYED)
        beating.cancel()


async def test_a_line_that_reaches_nobody_is_not_asked(tmp_path: Path) -> None:
    """A number that is somebody's is neither called a wrong number nor counted: it is refused, and nothing is noted."""
    async with rig(tmp_path) as service, service.by_hand() as by_hand:
        for number in (REAL, "+18005550142"):
            with pytest.raises(Refused, match=r"no trunk is configured: set asterisk\.trunk_host"):
                await by_hand.call(replace(REQUEST, number=number))

        assert (service.line.dialled, ledger_of(service)) == ([], [])


@contextmanager
def facts_of(folder: Path, request: CallRequest = REQUEST) -> Iterator[Facts]:
    """What the rules are told of a first call."""
    database = open_database(f"sqlite:///{folder / 'opendeep.db'}")
    try:
        new_tenant(database, caps={})
        enrol(database, request, now=NOON)
        who = enrolments.enrolment(database, TENANT, request.campaign_id, request.number)
        assert who is not None
        with database.read() as connection:
            yield claim_facts.read_facts(connection, who, trunk_id="default", worker_id="", now=NOON)
    finally:
        database.close()


FULL = ServiceSettings(everyone=FlowSettings(max_live=0))
TWO_LINES = ServiceSettings(trunks={"default": FlowSettings(max_live=2, calls_per_s=0.1)})
OTHER_TRUNK = ServiceSettings(trunks={"north": FlowSettings(max_live=2)})
FREE = TenantLimits(tenant_id=TENANT, needs_consent=False)
STRICT = TenantLimits(tenant_id=TENANT)
ONE_CALL = replace(FREE, flow=Flow(max_live=1))
FEW_EUROS = replace(FREE, budget=Money(minor=500, currency="EUR"))
ENDED = Consent(number=REAL, reference="old", given_at=NOON.replace(month=1), expires_at=NOON.replace(month=2))


@pytest.mark.parametrize(
    ("changed", "settings", "rule"),
    [
        ({}, ServiceSettings(), None),
        ({}, OTHER_TRUNK, None),
        ({"dnc": Listed(everyone="+44*", snapshot="1")}, ServiceSettings(), Rule.DO_NOT_CALL),
        ({"limits": STRICT}, ServiceSettings(), Rule.CONSENT),
        ({"limits": STRICT, "consent": ENDED}, ServiceSettings(), Rule.CONSENT),
        ({"now": NOON.replace(hour=3)}, ServiceSettings(), Rule.WINDOW),
        ({"now": datetime(2030, 12, 25, 12, tzinfo=UTC)}, ServiceSettings(), Rule.HOLIDAY),
        ({"tenant_attempts": (NOON,) * 3}, ServiceSettings(), Rule.PER_DAY),
        ({"tenant_attempts": (NOON.replace(month=1),) * 8}, ServiceSettings(), Rule.LIFETIME),
        ({"limits": FEW_EUROS}, ServiceSettings(), Rule.BUDGET),
        ({}, FULL, Rule.CONCURRENCY),
        ({"trunk": Use(live=2, last_start=None)}, TWO_LINES, Rule.CONCURRENCY),
        ({"trunk": Use(live=1, last_start=NOON)}, TWO_LINES, Rule.RATE),
        ({"tenant": Use(live=1, last_start=None), "limits": ONE_CALL}, ServiceSettings(), Rule.CONCURRENCY),
    ],
)
def test_every_rule_is_asked(
    tmp_path: Path, changed: dict[str, Any], settings: ServiceSettings, rule: Rule | None
) -> None:
    """Lists, consent, windows, holidays, caps, money and lines: as in a campaign with the defaults."""
    with facts_of(tmp_path) as facts:
        case = rule_inputs_of(replace(facts, **changed), settings, worker_capacity=None, reaches_people=True)
    decision = may_we_call(case)

    assert decision.rule is rule
    assert rule is None or decision.try_again_at is not None or rule in TO_DO


# ---- a process that died ----------------------------------------------------------------------------

KERNEL = f"""
import sys
from opendeep_kit.engine.by_hand import CallRequest
from opendeep_kit.lab.workbench import Workbench
bench = Workbench.open(tenant_id="{TENANT}").result()
bench.call("{SILENT}", {SCRIPT!r}, {{"name": "Maria"}}).result()
"""


async def test_a_killed_kernels_call_does_not_count_for_long(tmp_path: Path) -> None:
    """With one line for the tenant: its call is given up when its heart has stopped, ends once, and the next goes out."""
    dead_after: dict[str, Any] = {"control_dead_after_s": 4, "worker_dead_after_s": 4}
    settings = settings_for(tmp_path, **dead_after)
    settings = settings.model_copy(update={"rehearsal": settings.rehearsal.model_copy(update={"engine": "tones"})})
    database = open_database(settings.store_url)
    new_tenant(database, flow={"max_live": 1})
    environment = service_environment(settings)
    kernel = await asyncio.create_subprocess_exec(sys.executable, "-c", KERNEL, env=environment)
    try:
        await until(lambda: any(call.answered_at for call in calls.calls_of(database, TENANT)), within_s=120)
    finally:
        kernel.kill()
        await kernel.wait()
    (left,) = attempts.open_attempts(database)

    async with rig(tmp_path, **dead_after) as service, service.by_hand() as by_hand:
        campaign_service.set_limits(service.database, TENANT, {"flow": {"max_live": 1}})
        outcome = await by_hand.call(PLAYED)
        assert outcome.summary.phone_result is PhoneResult.ANSWERED

    assert attempts.open_attempts(database) == []
    assert names_of(database, left.attempt_id)[-2:] == ["CallEnded", "CallJudged"]
    assert names_of(database, left.attempt_id).count("CallEnded") == 1
    database.close()


def names_of(database: Database, call_id: str) -> list[str]:
    """The call's events."""
    return [type(event).__name__ for event in read_events(database, TENANT, call_id)]

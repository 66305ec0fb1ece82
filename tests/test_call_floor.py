"""Calls that this process places by hand: by the same rules as a campaign's, and an opt-out is one."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opendeep_kit.call_floor import CallRequest
from opendeep_kit.engine import campaign_service, hand_calls
from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.outcomes import PhoneResult
from opendeep_kit.record import calls, dnc, ledger
from opendeep_kit.tasks.script import parse_script
from tests.service_rig import AGREES, OPT_OUT, SCRIPT, TENANT, Rig, new_tenant, now, rig

REAL = "+442071838750"
"""London; no simulated line leads there."""
REQUEST = CallRequest(number=REAL, script=parse_script(SCRIPT), facts={"name": "Maria"}, tenant_id=TENANT)
WEDNESDAY = datetime(2030, 6, 5, 12, tzinfo=UTC)


@pytest.fixture
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noon on a working day when the rules are asked."""
    permit = hand_calls.permit
    monkeypatch.setattr(hand_calls, "permit", lambda *a, **k: permit(*a, **k | {"now": WEDNESDAY}))


def ledger_of(service: Rig) -> list[tuple[bool, str | None, str]]:
    """Allowed or not, by which rule, with which consent."""
    found = ledger.permissions_of(service.database, TENANT, number=REAL)
    return [(one.is_allowed, one.rule, one.consent) for one in found]


@pytest.mark.usefixtures("noon")
async def test_a_forbidden_number_is_not_dialled(tmp_path: Path) -> None:
    """It is on the do-not-call list: nothing is asked of the line, and the ledger says why."""
    async with rig(tmp_path) as service:
        service.line.is_a_play = False
        entry = dnc.DncEntry(entry=REAL, reason="asked", source="person", added_by="me", added_at=now())
        dnc.add(service.database, TENANT, [entry])
        with pytest.raises(Refused, match=r"the number is on the tenant do-not-call list\): leave it alone"):
            await service.floor().call(REQUEST)

        assert ledger_of(service) == [(False, "do_not_call", "")]
        assert (service.line.dialled, calls.calls_of(service.database, TENANT)) == ([], [])


@pytest.mark.usefixtures("noon")
async def test_consent_is_asked_for_and_kept(tmp_path: Path) -> None:
    """Where the tenant requires one, whoever calls says where it is on file, and the ledger keeps that with the call."""
    async with rig(tmp_path) as service:
        service.line.is_a_play = False
        new_tenant(service.database, needs_consent=True)
        with pytest.raises(Refused, match="say where the consent is on file: `opendeep dial --consent`"):
            await service.floor().call(REQUEST)
        outcome = await service.floor().call(replace(REQUEST, consent="form 7"))

        assert ledger_of(service) == [(True, None, "form 7"), (False, "consent", "")]
        (noted, _) = ledger.permissions_of(service.database, TENANT, number=REAL)
        assert noted.attempt_id == outcome.call_id


async def test_outside_the_window_nobody_is_dialled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At night on the callee's clock the call is refused, with the moment from which on it may be placed."""
    permit, night = hand_calls.permit, WEDNESDAY.replace(hour=3)
    monkeypatch.setattr(hand_calls, "permit", lambda *a, **k: permit(*a, **k | {"now": night}))
    async with rig(tmp_path) as service:
        service.line.is_a_play = False
        with pytest.raises(Refused, match=r"outside the windows\): wait until 2030-06-05T08:00\+00:00, or call it in"):
            await service.floor().call(REQUEST)

        assert ledger_of(service) == [(False, "window", "")]


@pytest.mark.usefixtures("noon")
async def test_calls_by_hand_count_for_the_caps(tmp_path: Path) -> None:
    """The second call of a number that may be rung once a day is refused."""
    async with rig(tmp_path) as service:
        service.line.is_a_play = False
        campaign_service.set_limits(service.database, TENANT, {"caps": {"per_day": 1}})
        await service.floor().call(REQUEST)
        with pytest.raises(Refused, match="1 attempts today by the tenant, 1 are allowed a day"):
            await service.floor().call(REQUEST)

        assert len(service.line.dialled) == 1


async def test_a_rate_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls by hand that come too close together are placed one after the other, as far apart as the tenant says."""
    permit, shift = hand_calls.permit, WEDNESDAY - now()
    monkeypatch.setattr(hand_calls, "permit", lambda *a, **k: permit(*a, **k | {"now": now() + shift}))
    async with rig(tmp_path) as service:
        service.line.is_a_play = False
        campaign_service.set_limits(service.database, TENANT, {"flow": {"calls_per_s": 2}})
        floor = service.floor()
        await asyncio.gather(floor.call(REQUEST), floor.call(REQUEST))
        found = ledger.permissions_of(service.database, TENANT, number=REAL)

    first, *_, last = sorted(one.at for one in found if one.is_allowed)
    assert len(service.line.dialled) == 2
    assert last - first >= timedelta(seconds=0.5)


async def test_a_line_that_reaches_nobody_is_not_asked(tmp_path: Path) -> None:
    """A number that is somebody's is neither called a wrong number nor counted: it is refused, and nothing is noted."""
    async with rig(tmp_path) as service:
        with pytest.raises(Refused, match=r"no trunk is configured: set asterisk\.trunk_host"):
            await service.floor().call(REQUEST)

        assert (service.line.dialled, ledger_of(service)) == ([], [])


async def test_an_opt_out_is_kept(tmp_path: Path) -> None:
    """Who says "never call me again" is not called by a campaign either; a persona that is rehearsed says it in play."""
    async with rig(tmp_path, replies=OPT_OUT) as service:
        service.campaign("one", [AGREES])
        request = replace(REQUEST, number=AGREES)
        await service.floor().call(replace(request, is_rehearsal=True))
        assert dnc.entries_of(service.database, TENANT) == []
        outcome = await service.floor().call(request)

        (entry,) = dnc.entries_of(service.database, TENANT)
        assert (entry.entry, entry.call_id, entry.utterance) == (AGREES, outcome.call_id, "never call me again")
        assert service.who("one", AGREES).state == "final"
        assert ledger.permissions_of(service.database, TENANT, number=AGREES) == []
        assert outcome.summary.phone_result is PhoneResult.ANSWERED


async def test_a_refused_order_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the line does not take is a failed call with its reason: its row is closed, and its events end."""

    async def place(*_: object) -> None:
        raise BadInput("Asterisk refuses to place calls (no such extension)", do="compare its dialplan with ours")

    async with rig(tmp_path) as service:
        monkeypatch.setattr(service.line, "place", place)
        outcome = await service.floor().call(replace(REQUEST, number=AGREES))

        (row,) = calls.calls_of(service.database, TENANT)
        assert (outcome.summary.phone_result, row.state) == (PhoneResult.FAILED, calls.CallState.ENDED)
        assert outcome.summary.detail == "Asterisk refuses to place calls (no such extension)"
        assert service.happened(outcome.call_id) == ["Dialled", "CallEnded", "CallJudged"]

"""Two whole hosts on one record and one Asterisk: the one that plans loses its power, the other takes over."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from pathlib import Path

import pytest

from opendeep_kit.asterisk.exchange import Exchange
from opendeep_kit.config import Settings
from opendeep_kit.record import attempts, counters
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.rehearsal.callees_server import CalleesServer
from opendeep_kit.rehearsal.engines import FixedEars, LoudnessVoice, ToneMouth
from opendeep_kit.settings import PhoneSettings
from tests.service.hosts import host, postgresql
from tests.service_rig import TENANT, new_tenant, settings_for, start_campaign, until, world
from tests.soak.sip_record import Seen, calls_in, most_at_once, switch_on

AREAS = (201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224, 225, 228)
NUMBERS = [f"+1{area}5550101" for area in AREAS]
SOON = {"max_retries": 9, "delay_s": 1.0, "jitter": 0}
CAP = 6
EAST, WEST = "127.0.0.2", "127.0.0.3"


def settings_of(folder: Path, url: str, exchange: Exchange) -> Settings:
    """Of a host whose Asterisk runs elsewhere."""
    line = exchange.line
    settings = settings_for(folder, url, worker_dead_after_s=3.0, control_dead_after_s=4.0, calls_per_worker=CAP)
    account = {"ami_host": line.ami_host, "ami_port": line.ports.ami, "ami_user": line.ami_user}
    asterisk = settings.asterisk.model_copy(update=account | {"ami_secret": line.ami_secret})
    return settings.model_copy(update={"asterisk": asterisk})


@pytest.mark.soak
@pytest.mark.timeout(300)
async def test_a_host_that_is_lost(tmp_path: Path, exchange: Exchange, personas_port: int) -> None:
    """Twenty contacts, both hosts place and hold calls, one dies whole: all are called to their end, none twice."""
    assert exchange.callees is not None
    record = await switch_on(exchange.callees)
    async with contextlib.AsyncExitStack() as stack:
        url = stack.enter_context(postgresql())
        settings, _ = await stack.enter_async_context(world(settings_of(tmp_path, url, exchange)))
        voice = settings.voice.model_copy(update={"provider": "realtime", "api_key": "none"})
        settings = settings.model_copy(update={"voice": voice})
        phone = PhoneSettings(port=personas_port)
        people = CalleesServer(ears=FixedEars(), mouth=ToneMouth(), new_detector=LoudnessVoice, settings=phone)
        await stack.enter_async_context(people)
        database = open_database(url)
        stack.callback(database.close)
        new_tenant(database)
        line = ("--line", "asterisk")
        east = await stack.enter_async_context(host(settings, tmp_path / "east", *line, address=EAST))
        await stack.enter_async_context(host(settings, tmp_path / "west", *line, address=WEST))
        start_campaign(database, "one", NUMBERS, flow={"max_live": CAP}, retries={"rules": {"our_failure": SOON}})
        await until(lambda: has_crossed(database), within_s=90)
        east.die()
        await until(lambda: counters.counts(database, TENANT, "one").final == len(NUMBERS), within_s=120)
        await asyncio.sleep(1)
        check(database, calls_in(record))


def has_crossed(database: Database) -> bool:
    """Whether each control process has placed calls, each host holds some, and some are under way."""
    made = attempts.attempts_of(database, TENANT)
    controls, hosts = {one.control_id for one in made}, {one.media_host for one in made}
    return len(controls) == len(hosts) == 2 and len(attempts.open_attempts(database)) >= 2


def check(database: Database, seen: list[Seen]) -> None:
    """What must hold after it all, by Asterisk's record."""
    made = {one.attempt_id: one for one in attempts.attempts_of(database, TENANT)}
    by_call = Counter(one.call_id for one in seen if one.call_id in made)
    spans = [(one.began, one.ended) for one in seen if one.call_id in made and one.ended is not None]
    sys.stderr.write(
        f"{len(made)} attempts, {by_call.total()} calls seen by Asterisk, at most {most_at_once(spans)} of {CAP} at "
        f"once, {dict(Counter(one.state.value for one in made.values()))}, "
        f"{len({(one.control_id, one.media_host) for one in made.values()})} pairs of control process and host\n"
    )
    assert set(by_call.values()) == {1}
    assert most_at_once(spans) <= CAP
    assert dict(counters.counts(database, TENANT, "one").outcomes)["completed"] == len(NUMBERS)
    assert attempts.open_attempts(database) == []

"""Several hosts on one PostgreSQL record: one places calls, others hold their sound, and one of them is lost."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from pathlib import Path

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.media.duty import reached_at
from opendeep_kit.record import attempts, calls, counters, workers
from opendeep_kit.record.attempts import Attempt
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.settings import PhoneSettings
from tests.service.hosts import host, postgresql
from tests.service_rig import TENANT, new_tenant, now, settings_for, start_campaign, until, world

NUMBERS = [f"+1{area}5550101" for area in (212, 312, 415, 602, 713, 202)]
SOON = {"max_retries": 9, "delay_s": 0.5, "jitter": 0}
EAST, WEST = "127.0.0.2", "127.0.0.3"


@pytest.mark.parametrize(
    ("host_", "advertised", "reached"),
    [("127.0.0.1", "", "127.0.0.1"), ("0.0.0.0", "10.0.0.5", "10.0.0.5"), ("10.0.0.4", "203.0.113.9", "203.0.113.9")],
)
def test_the_line_is_told_where_a_host_is_reached(host_: str, advertised: str, reached: str) -> None:
    """What is advertised, else what is listened on."""
    assert reached_at(PhoneSettings(host=host_, advertise_host=advertised)) == reached


@pytest.mark.parametrize("host_", ["0.0.0.0", "::"])
def test_everywhere_is_nowhere(host_: str) -> None:
    """A host that listens everywhere must say where it is: told before anything starts."""
    with pytest.raises(BadInput, match=r"can reach this host: set phone\.advertise_host"):
        reached_at(PhoneSettings(host=host_))


@pytest.mark.soak
async def test_a_lost_host_is_made_up_for_by_the_others(tmp_path: Path) -> None:
    """One host plans, two hold sound at addresses of their own; one of these dies with its calls, the rest go on."""
    async with contextlib.AsyncExitStack() as stack:
        url = stack.enter_context(postgresql())
        base = settings_for(tmp_path, url, worker_dead_after_s=2.0, calls_per_worker=3)
        settings, _ = await stack.enter_async_context(world(base))
        voice = settings.voice.model_copy(update={"provider": "realtime", "api_key": "none"})
        rehearsal = settings.rehearsal.model_copy(update={"engine": "tones"})
        settings = settings.model_copy(update={"voice": voice, "rehearsal": rehearsal})
        database = open_database(url)
        stack.callback(database.close)
        new_tenant(database)
        east, _, _ = await asyncio.gather(
            stack.enter_async_context(host(settings, tmp_path / "east", "--media-only", address=EAST)),
            stack.enter_async_context(host(settings, tmp_path / "west", "--media-only", address=WEST)),
            stack.enter_async_context(host(settings, tmp_path / "desk", "--control-only", "--line", "simulator")),
        )
        start_campaign(database, "one", NUMBERS, flow={"max_live": 4}, retries={"rules": {"our_failure": SOON}})
        await until(lambda: len(talking(database, EAST)) >= 1 and len(talking(database, WEST)) >= 1, within_s=60)
        lost = talking(database, EAST)
        east.die()
        await until(lambda: counters.counts(database, TENANT, "one").final == len(NUMBERS), within_s=90)
        check(database, lost)
        assert recordings(tmp_path / "west") >= len(NUMBERS) - 3
        assert recordings(tmp_path / "desk") == 0


def talking(database: Database, address: str) -> list[Attempt]:
    """Attempts whose sound is held at this address now."""
    found = [one for one in attempts.open_attempts(database) if one.media_host == address]
    return [one for one in found if (call := calls.call(database, TENANT, one.attempt_id)) and call.state == "live"]


def recordings(folder: Path) -> int:
    """How many lie on this host."""
    return len(list((folder / "recordings").rglob("*.wav")))


def check(database: Database, lost: list[Attempt]) -> None:
    """Everybody came to their end, nobody by an attempt that was dialled twice, and the dead host is seen as dead."""
    made = {one.attempt_id: one for one in attempts.attempts_of(database, TENANT)}
    sys.stderr.write(f"{len(made)} attempts at {dict(Counter(one.media_host for one in made.values()))}\n")
    assert dict(counters.counts(database, TENANT, "one").outcomes)["completed"] == len(NUMBERS)
    assert {made[one.attempt_id].state.value for one in lost} <= {"interrupted", "ended"}
    assert any(made[one.attempt_id].state == "interrupted" for one in lost)
    assert {one.host for one in workers.alive(database, now=now(), within_s=2)} == {WEST}
    assert attempts.open_attempts(database) == []

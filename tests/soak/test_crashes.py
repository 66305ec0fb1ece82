"""Three hundred contacts over a real Asterisk while control, media worker and Asterisk itself are killed at random."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from opendeep_kit.asterisk.program import AsteriskProgram
from opendeep_kit.campaigns.zones import is_in_use
from opendeep_kit.child_process import Child
from opendeep_kit.config import Settings, service_environment
from opendeep_kit.line_choice import LineName
from opendeep_kit.record import attempts, campaigns, counters
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.service.supervisor import Parts, RunningService, service
from tests.service_rig import TENANT, new_tenant, now, settings_for, start_campaign
from tests.soak.sip_record import Seen, calls_in, most_at_once, switch_on

POSTGRESQL = os.environ.get("OPENDEEP_TEST_POSTGRES", "")
CONTACTS = int(os.environ.get("OPENDEEP_SOAK_CONTACTS", "300"))
CAP = 12
ENDINGS = ("01", "20", "22", "01", "24", "23", "01", "25", "26", "10")
"""Half talk or pick up, half are what the network says."""
SOON = {"max_retries": 1, "delay_s": 2.0, "jitter": 0.2}
RETRIES = {
    "max_attempts": 3,
    "rules": dict.fromkeys(("busy", "network", "rejected", "no_answer", "silent", "hung_up_early", "incomplete"), SOON)
    | {"our_failure": SOON | {"max_retries": 20}},
}

BREAKER = {"max_line_share": 0.3, "max_numbers_share": 1.0}
"""The usual one, but for the mixture's many numbers that nobody has: what is killed must not pause the campaign."""


@dataclass(slots=True)
class Kills:
    """What was killed when."""

    what: list[tuple[str, datetime]] = field(default_factory=list)

    def kill(self, name: str, pid: int | None) -> None:
        """At once and without a word; nothing when it is not there."""
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.what.append((name, now()))

    def of_asterisk(self) -> list[datetime]:
        """When the line's Asterisk died."""
        return [at for name, at in self.what if name == "asterisk"]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty place for a record and its queue."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'opendeep.db'}"
        return
    if not POSTGRESQL:
        pytest.skip("set OPENDEEP_TEST_POSTGRES to the URL of a PostgreSQL database in which others may be made")
    place = make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
    name = f"soak_{os.getpid()}_{random.randrange(10**6)}"
    admin = create_engine(place, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield place.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    admin.dispose()


def soak_settings(folder: Path, url: str, program_folder: Path) -> Settings:
    """Tones for speech, short waits, two media workers."""
    settings = settings_for(
        folder, url, media_workers=2, calls_per_worker=CAP, control_dead_after_s=6.0, worker_dead_after_s=5.0
    )
    rehearsal = settings.rehearsal.model_copy(update={"engine": "tones", "audio_speed": 6.0})
    asterisk = settings.asterisk.model_copy(update={"folder": program_folder, "run_dir": folder / "ast"})
    call = settings.call.model_copy(update={"silence_nudge_s": 2.0, "max_nudges": 1, "ring_limit_s": 8.0})
    changes = {"rehearsal": rehearsal, "asterisk": asterisk, "call": call}
    return settings.model_copy(update=changes)


def numbers() -> list[str]:
    """So many different numbers of the rehearsal's public that are in use, their endings mixed."""
    areas = [area for area in range(201, 990) if is_in_use(f"+1{area}5550101")]
    places = [(area, turn) for turn in range(len(ENDINGS)) for area in areas]
    found = [f"+1{area}55501{ENDINGS[(place + turn) % len(ENDINGS)]}" for place, (area, turn) in enumerate(places)]
    return list(dict.fromkeys(found))[:CONTACTS]


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_nothing_is_lost_and_nobody_called_twice(
    url: str, short_dir: Path, asterisk_program: AsteriskProgram
) -> None:
    """Every contact reaches its end, no attempt is dialled twice, no cap exceeded: by Asterisk's record, not ours."""
    root = Path(__file__).parents[2]
    settings = soak_settings(short_dir, url, root / ".cache" / "asterisk")
    database = open_database(url)
    new_tenant(database)
    start_campaign(database, "one", numbers(), retries=RETRIES, flow={"max_live": CAP}, breaker=BREAKER)
    kills = Kills()
    async with service(settings, line=LineName.ASTERISK, parts=Parts()) as running:
        assert running.exchange is not None
        assert running.exchange.callees is not None
        record = await switch_on(running.exchange.callees)
        second = Child("second control", ["control", "--line", "asterisk"], service_environment(running.settings))
        await second.start()
        second.keep_alive()
        await disturb(running, second, kills, database)
        await second.stop(within_s=20)
        seen = calls_in(record)
    check(database, seen, kills)
    database.close()


async def disturb(running: RunningService, second: Child, kills: Kills, database: Database) -> None:
    """Kill something every few seconds until half of the contacts are done; then wait for the rest."""
    rng = random.Random(7)
    assert running.control is not None
    assert running.exchange is not None
    line = running.exchange.line
    turns = ["control", "worker", "asterisk", "second", "worker", "control", "asterisk"]
    done = 0
    async with asyncio.timeout(800):
        while done < CONTACTS:
            await asyncio.sleep(rng.uniform(6, 12))
            done = counters.counts(database, TENANT, "one").final
            if not turns or done == CONTACTS:
                continue
            name = turns.pop(0)
            pids = {
                "control": running.control.pid,
                "second": second.pid,
                "worker": rng.choice(running.workers).pid,
                "asterisk": line.pid,
            }
            kills.kill(name, pids[name])


def check(database: Database, seen: list[Seen], kills: Kills) -> None:
    """What must hold after it all."""
    made = {one.attempt_id: one for one in attempts.attempts_of(database, TENANT, limit=5000)}
    counts = counters.counts(database, TENANT, "one")
    by_call = Counter(one.call_id for one in seen)
    spans = [(one.began, end_of(one, kills)) for one in seen]
    sys.stderr.write(
        f"{len(made)} attempts, {len(seen)} calls seen by Asterisk, at most {most_at_once(spans)} of {CAP} at once; "
        f"kills {[name for name, _ in kills.what]}, states {dict(Counter(one.state.value for one in made.values()))}, "
        f"outcomes {dict(counts.outcomes)}\n"
    )
    assert len(kills.what) >= 5
    assert [step.reason for step in campaigns.moves_of(database, TENANT, "one") if step.fact == "tripped"] == []
    assert (counts.waiting, counts.claimed, counts.final) == (0, 0, CONTACTS)
    assert {call_id: n for call_id, n in by_call.items() if n > 1} == {}
    assert set(by_call) <= set(made)
    assert [one.number for one in seen] == [made[one.call_id].number for one in seen]
    assert most_at_once(spans) <= CAP


def end_of(one: Seen, kills: Kills) -> datetime:
    """When the call was over: with Asterisk's death at the latest, of which no SIP message tells."""
    deaths = [at for at in kills.of_asterisk() if at > one.began]
    ends = [at for at in (one.ended, *deaths) if at is not None]
    return min(ends) if ends else datetime.now(UTC)

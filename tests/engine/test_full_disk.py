"""A disk that fills under a running campaign, record and queue on it: the service waits, and goes on by itself."""

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from opendeep_kit.record import attempts, counters
from tests.engine.test_control import control, state
from tests.service_rig import TENANT, Rig, rig, until
from tests.small_disk import small_disk

NUMBERS = [f"+1{area}5550101" for area in (212, 312, 415, 602, 713, 202)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("talks", "full_s"),
    [pytest.param(0, 1.5, id="while they talk"), pytest.param(2, 15, id="as they end", marks=pytest.mark.soak)],
)
async def test_a_campaign_outlasts_a_full_disk(tmp_path: Path, talks: int, full_s: float) -> None:
    """Nobody is dialled meanwhile; with space each contact comes to its end, none lost and none dialled twice."""
    with small_disk(tmp_path / "disk", megabytes=24) as disk:
        async with rig(disk.folder / "data") as service:
            service.campaign("one", NUMBERS, flow={"max_live": 4})
            async with control(service) as running:
                await until(lambda: has_ended(service) >= talks and len(service.worker.held) >= 4 - talks)
                disk.fill()
                dialled = len(service.line.dialled)
                await asyncio.sleep(full_s)
                assert len(service.line.dialled) == dialled
                disk.free()
                await until(lambda: state(service.database, "one") == "exhausted", within_s=90)
                assert not running.periodic.given_up.is_set()

            check(service)


def has_ended(service: Rig) -> int:
    """Attempts that are over."""
    return sum(one.ended_at is not None for one in attempts.attempts_of(service.database, TENANT))


def check(service: Rig) -> None:
    """What must hold after it all."""
    made = attempts.attempts_of(service.database, TENANT)
    counts = counters.counts(service.database, TENANT, "one")
    assert (counts.waiting, counts.claimed, counts.final) == (0, 0, len(NUMBERS))
    assert {one.state.value for one in made} == {"ended"}
    assert sorted(service.line.dialled) == sorted(UUID(one.attempt_id) for one in made)
    assert counts.outcomes == {"completed": len(NUMBERS)}

"""Media workers that give signs and are not there, or are not reached: nobody is rung for nothing."""

import asyncio
from pathlib import Path

from opendeep_kit.campaigns.capacity import Heartbeat
from opendeep_kit.commands.dashboards import free_port
from opendeep_kit.record import attempts, workers
from opendeep_kit.record.attempts import Attempt
from tests.service_rig import AGREES, TENANT, Rig, now, rig

OTHER = "+13125550101"


def beat(service: Rig, worker_id: str, port: int) -> None:
    """A sign of a worker with more room than the rig's own."""
    sign = Heartbeat(worker_id=worker_id, host="127.0.0.1", port=port, capacity=500, live_calls=0)
    workers.beat(service.database, sign, now=now())


def attempt_of(service: Rig, number: str) -> Attempt:
    """The number's last attempt."""
    return attempts.attempts_of(service.database, TENANT, number=number)[0]


async def test_a_worker_that_just_died_costs_one_call(tmp_path: Path) -> None:
    """Its last sign is fresh and nothing listens: nobody is rung, nothing is counted, and the next call goes elsewhere."""
    async with rig(tmp_path, heartbeat_s=0.2) as service:
        service.campaign("one", [AGREES, OTHER])
        beat(service, "media-dead", free_port("127.0.0.1"))
        dialer = service.dialer()
        assert await service.call(dialer, service.job("one", AGREES))
        assert await service.call(dialer, service.job("one", OTHER))

        first, second = attempt_of(service, AGREES), attempt_of(service, OTHER)
        assert (first.worker_id, first.state, first.may_have_rung) == ("media-dead", "interrupted", False)
        assert (first.detail or "").startswith("nothing listens for sound at 127.0.0.1:")
        assert (second.worker_id, second.disposition) == ("media-1", "completed")
        assert service.who("one", AGREES).attempts == 0
        assert len(service.line.dialled) == 1


async def test_a_living_worker_that_cannot_be_reached_is_a_fault(tmp_path: Path) -> None:
    """It goes on giving signs: the address is wrong, and the campaign's breaker must hear of it."""
    async with rig(tmp_path, heartbeat_s=0.2) as service:
        service.campaign("one", [AGREES])
        port = free_port("127.0.0.1")
        beat(service, "media-afar", port)
        dialer, job = service.dialer(), service.job("one", AGREES)
        assert (await dialer.permit(job)).is_allowed
        finishing = asyncio.create_task(service.finish(dialer, job))
        while not finishing.done():
            beat(service, "media-afar", port)
            await asyncio.sleep(0.1)
        await finishing

        assert (attempt_of(service, AGREES).state, service.line.dialled) == ("ended", [])

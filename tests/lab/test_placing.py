"""Several calls at a time, for a notebook."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from opendeep_kit.app import Service
from opendeep_kit.call_floor import CallRequest
from opendeep_kit.errors import Refused
from opendeep_kit.lab.own_thread import Progress
from opendeep_kit.lab.placing import Placing
from opendeep_kit.tasks.script import parse_script
from tests.service_rig import AGREES, SCRIPT, TENANT, new_tenant, rig


@pytest.mark.parametrize(("number", "most"), [("+442071838750", 2), (AGREES, 4)], ids=["real", "made up"])
async def test_no_more_at_a_time_than_the_tenant_may(tmp_path: Path, number: str, most: int) -> None:
    """Of people no more are called at once than the tenant's limit; of made-up numbers as many as was said."""
    living, reached = {"now": 0, "most": 0}, asyncio.Event()

    async def call(request: CallRequest, watch: Any) -> Any:
        living["now"] += 1
        living["most"] = max(living.values())
        if living["now"] >= most:
            reached.set()
        await reached.wait()
        await asyncio.sleep(0.05)  # for those that would be too many
        living["now"] -= 1
        raise Refused("no", do="nothing")

    async with rig(tmp_path) as world:
        new_tenant(world.database, flow={"max_live": 2})
        floor = world.floor()
        floor.call = call  # type: ignore[method-assign]
        service = Service(
            settings=world.settings, database=world.database, event_log=world.event_log, floor=floor, host=None
        )
        request = CallRequest(number=number, script=parse_script(SCRIPT), facts={"name": "Maria"}, tenant_id=TENANT)
        calls = await Placing(service).many([("who", request)] * 4, Progress("calls", 4), parallel=20)

    assert (len(calls.not_placed), living["most"]) == (4, most)

"""SEAM between a workbench and the call floor: places calls one by one or several at a time, and tells their progress.

Given a running service and orders, gives back calls that are over. Never checks whom it calls: the workbench did.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from opendeep_kit import events
from opendeep_kit.app import Service
from opendeep_kit.call_floor import CallOutcome, CallRequest
from opendeep_kit.engine import hand_calls
from opendeep_kit.errors import OpenDeepError
from opendeep_kit.lab.own_thread import Progress
from opendeep_kit.lab.placed_call import Calls, PlacedCall
from opendeep_kit.rehearsal.public import is_made_up
from opendeep_kit.tasks.script import CallScript

Order = tuple[str, CallRequest]
"""How to call the callee in tables, and the call."""
MOST_WORDS = 40
"""Characters of what is being said, in a progress bar."""


class Placing:
    """Places calls in the service's loop."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def one(self, order: Order, progress: Progress, place: int = 0) -> PlacedCall:
        """One call, to its end; its script is kept as a version."""
        callee, request = order
        version = await self._service.save_script(request.script, tenant_id=request.tenant_id)
        try:
            outcome = await self._service.floor.call(
                replace(request, script_version=version, task_id=request.script.name),
                watch=lambda event: _note(progress, place, callee, event),
            )
        finally:
            progress.doing.pop(place, None)
            progress.done += 1
        return _placed(callee, request.script, version, outcome)

    async def many(self, orders: Sequence[Order], progress: Progress, *, parallel: int) -> Calls:
        """All of them, several at a time; one that cannot be placed does not stop the others.

        Never more at a time than the tenant, the trunk and the installation may have: the others would be refused.
        """
        real = [request for _, request in orders if not is_made_up(request.number)]
        most = await asyncio.to_thread(self._most_at_once, real[0].tenant_id) if real else None
        gate = asyncio.Semaphore(max(1, parallel if most is None else min(parallel, most)))

        async def one(place: int, order: Order) -> PlacedCall | tuple[str, str]:
            async with gate:
                try:
                    return await self.one(order, progress, place)
                except OpenDeepError as error:
                    return order[0], str(error)

        results = await asyncio.gather(*(one(place, order) for place, order in enumerate(orders)))
        placed = [result for result in results if isinstance(result, PlacedCall)]
        return Calls(placed, [result for result in results if not isinstance(result, PlacedCall)])

    def _most_at_once(self, tenant_id: str) -> int | None:
        return hand_calls.most_at_once(self._service.database, tenant_id, self._service.settings.service)


def _placed(callee: str, script: CallScript, version: int, outcome: CallOutcome) -> PlacedCall:
    return PlacedCall(
        call_id=outcome.call_id,
        callee=callee,
        script_name=script.name,
        script_version=version,
        summary=outcome.summary,
        events=outcome.events,
        recording=outcome.recording,
    )


def _note(progress: Progress, place: int, callee: str, event: events.Event) -> None:
    match event:
        case events.Dialled():
            progress.doing[place] = f"{callee}: dialling"
        case events.Answered():
            progress.doing[place] = f"{callee}: answered"
        case events.AgentSaid(heard=text) | events.CalleeSaid(text=text) if text:
            progress.doing[place] = f"{callee}: {text[:MOST_WORDS]}"

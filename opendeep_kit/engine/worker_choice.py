"""SEAM that knows which media workers can be reached from here, beyond what their heartbeats say.

Given the record, picks the worker for a call, and looks at its port before anybody's phone rings. A worker that was
not there is passed over until its next sign of life, and a death is told apart from a port that cannot be reached.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from opendeep_kit.phone.asterisk_line import is_listening
from opendeep_kit.record import workers
from opendeep_kit.record.attempts import Attempt
from opendeep_kit.record.database import Database
from opendeep_kit.record.workers import Worker
from opendeep_kit.settings import ServiceSettings

CONNECT_S = 2.0
SIGNS = 2.5
"""In heartbeats: one that lives has given a sign by then."""


class Reach:
    """The media workers, as one control process reaches them."""

    def __init__(self, database: Database, settings: ServiceSettings) -> None:
        self._database = database
        self._settings = settings
        self._missed: dict[str, datetime] = {}
        """By worker: its last sign when nothing listened at its port."""

    def pick(self, now: datetime) -> Worker | None:
        """The least loaded of those that can be reached; None: none is free. Blocks: call it off the loop."""
        return workers.least_loaded(
            self._database, now=now, within_s=self._settings.worker_dead_after_s, missed=self._missed
        )

    async def is_there(self, row: Attempt) -> bool:
        """Whether the attempt's worker listens: with it gone, the callee would be rung for nothing."""
        return await is_listening(row.media_host, row.media_port, within_s=CONNECT_S)

    async def is_dead(self, row: Attempt) -> bool:
        """Of a worker that does not listen: whether it gives no further sign of life either."""
        before = await self._last_sign(row)
        if before is None:
            return True
        self._missed[row.worker_id] = before
        await asyncio.sleep(SIGNS * self._settings.heartbeat_s)
        return await self._last_sign(row) in (None, before)

    async def _last_sign(self, row: Attempt) -> datetime | None:
        within_s = self._settings.worker_dead_after_s
        found = await asyncio.to_thread(workers.alive, self._database, now=datetime.now(UTC), within_s=within_s)
        return next((one.seen_at for one in found if one.worker_id == row.worker_id), None)

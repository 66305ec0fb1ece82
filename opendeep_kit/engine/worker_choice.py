"""Which media workers can be reached from here, beyond what their heartbeats say.

Given the record, picks the worker for a call and checks its port before any phone rings. A worker that did not answer
is passed over until its next heartbeat; a dead process is distinguished from an unreachable port.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from opendeep_kit.campaigns.capacity import Worker
from opendeep_kit.engine.failure_detector import FailureDetector
from opendeep_kit.phone.asterisk_line import is_listening
from opendeep_kit.record import workers
from opendeep_kit.record.attempts import Attempt
from opendeep_kit.record.database import Database
from opendeep_kit.settings import ServiceSettings

CONNECT_S = 2.0
LOOK_S = 0.25


class WorkerChoice:
    """The media workers, as one process that places calls reaches them.

    Args:
        own_id: of the one that holds all calls of this process; None: any that serves.
    """

    def __init__(
        self, database: Database, settings: ServiceSettings, detector: FailureDetector, own_id: str | None = None
    ) -> None:
        self._database = database
        self._settings = settings
        self._detector = detector
        self._own_id = own_id
        self._missed: dict[str, datetime] = {}
        """By worker: its last sign when nothing listened at its port."""

    def pick(self, now: datetime) -> Worker | None:
        """The least loaded of those that can be reached; None: none is free. Blocks: call it off the loop."""
        within_s = self._settings.worker_dead_after_s
        if self._own_id is not None:
            living = workers.alive(self._database, now=now, within_s=within_s)
            return next((worker for worker in living if worker.worker_id == self._own_id), None)
        return workers.least_loaded(self._database, now=now, within_s=within_s, missed=self._missed)

    async def is_there(self, row: Attempt) -> bool:
        """Whether the attempt's worker listens: with it gone, the callee would be rung for nothing."""
        return await is_listening(row.media_host, row.media_port, within_s=CONNECT_S)

    async def is_dead(self, row: Attempt) -> bool:
        """Of a worker that does not listen: whether it gives no further sign of life either."""
        last_sign = self._detector.sign_of(row.worker_id)
        if last_sign is not None:
            self._missed[row.worker_id] = last_sign
        while self._detector.sign_of(row.worker_id) == last_sign:
            if self._detector.is_dead(row.worker_id, after_s=self._settings.worker_dead_after_s):
                return True
            await asyncio.sleep(LOOK_S)
        return self._detector.sign_of(row.worker_id) is None

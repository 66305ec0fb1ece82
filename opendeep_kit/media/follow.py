"""SEAM that follows, from the process that holds the line, a call whose sound another process holds.

Given the record, looks at the call's row a few times a second: tells the line that sound flows, carries out the
hand-over it asks for, and says how the sound ended, or that its holder is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from opendeep_kit.errors import OpenDeepError, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.media.call_end import insist
from opendeep_kit.outcomes import EndedBy
from opendeep_kit.phone.line import Line
from opendeep_kit.record import calls, workers
from opendeep_kit.record.calls import Media, MediaEnd
from opendeep_kit.record.database import Database
from opendeep_kit.settings import ServiceSettings

LOOK_S = 0.25
END_WITHIN_S = 20.0
"""After the line says that the call is over, its media worker has so long (a polite goodbye included)."""
DIED = MediaEnd(ended_by=EndedBy.FAILURE, detail="the process that held its sound died")
UNTOLD = MediaEnd(ended_by=EndedBy.FAILURE, detail="the process that held its sound did not tell how it ended")


class MediaFollow:
    """One call's sound, seen through the record."""

    def __init__(self, database: Database, line: Line, settings: ServiceSettings, call_id: UUID) -> None:
        self._database = database
        self._line = line
        self._settings = settings
        self._call_id = call_id
        self._is_open = False
        self._answer: str | None = None
        """What came of a hand-over, until the record has it."""

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """While the line carries the call."""
        watch = asyncio.create_task(self._watch(), name="media-follow")
        try:
            yield
        finally:
            watch.cancel()
            (ended,) = await asyncio.gather(watch, return_exceptions=True)
            if not isinstance(ended, asyncio.CancelledError):
                log().error("! nobody watched a call's media", call_id=str(self._call_id), error=type(ended).__name__)

    async def end(self) -> MediaEnd | None:
        """How the sound ended, once the line says that the call is over; None: it never came."""
        loop = asyncio.get_running_loop()
        until = loop.time() + END_WITHIN_S
        while True:
            media = await self.look()
            if media is None or not media.is_admitted:
                return None
            if media.end is not None:
                return media.end
            is_held = await self._is_held(media)
            if not is_held or loop.time() > until:
                log().error("! a call's media did not end with the call", call_id=str(self._call_id))
                return UNTOLD if is_held else DIED
            await asyncio.sleep(LOOK_S)

    async def look(self) -> Media | None:
        """The call's row now; a record that cannot be read is asked again."""
        while True:
            try:
                return await asyncio.to_thread(calls.media_of, self._database, str(self._call_id))
            except Unavailable as error:
                log().warning("! the record cannot be read", what=error.what)
                await asyncio.sleep(1.0)

    async def _watch(self) -> None:
        while True:
            media = await self.look()
            if media is not None:
                self._tell_line(media)
                if media.transfer_to is not None and media.end is None:
                    await self._hand_over(media.transfer_to)
            await asyncio.sleep(LOOK_S)

    def _tell_line(self, media: Media) -> None:
        is_open = media.is_admitted and media.end is None
        if is_open and not self._is_open:
            self._line.media_opened(self._call_id)
        elif self._is_open and not is_open:
            self._line.media_closed(self._call_id)
        self._is_open = is_open

    async def _hand_over(self, target: str) -> None:
        if self._answer is None:  # a record that refused the last answer still asks
            try:
                await self._line.transfer(self._call_id, target)
                self._answer = calls.DONE
            except OpenDeepError as error:
                self._answer = error.what
        # The hand-over ends the call on this line, and with it this watch: the answer is written all the same.
        await asyncio.shield(self._write_answer(self._answer))

    async def _write_answer(self, answer: str) -> None:
        call_id, now = str(self._call_id), datetime.now(UTC)
        try:
            await insist(partial(calls.answer_transfer, self._database, call_id, answer, now=now))
            self._answer = None
        except Unavailable as error:
            log().error("! what came of a hand-over cannot be recorded", call_id=call_id, what=error.what)

    async def _is_held(self, media: Media) -> bool:
        within_s = self._settings.worker_dead_after_s
        found = await asyncio.to_thread(workers.alive, self._database, now=datetime.now(UTC), within_s=within_s)
        return any(one.worker_id == media.worker_id for one in found)

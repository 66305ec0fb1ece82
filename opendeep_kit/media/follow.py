"""Follows a call whose sound another process holds, from the process that holds the line.

Given the record, looks at the call's row several times a second: tells the line that sound is flowing, carries out the
hand-over the call asks for, and reports how the sound ended, or that its holder is dead.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from opendeep_kit.errors import OpenDeepError
from opendeep_kit.logs import log
from opendeep_kit.media.call_end import insist
from opendeep_kit.outcomes import EndedBy
from opendeep_kit.phone.line import Line
from opendeep_kit.record import calls, hand_overs
from opendeep_kit.record.calls import Media, MediaEnd
from opendeep_kit.record.database import Database

LOOK_S = 0.25
HAND_OVER_WITHIN_S = 10.0
"""How long a hand-over request waits for somebody to take it."""
TAKEN_WITHIN_S = 2.0
"""A process that slept for longer while it took one does not carry it out: the talk has gone on."""
DIED = MediaEnd(ended_by=EndedBy.FAILURE, detail="the process that held its sound died")
TAKER_DIED = "the process that was to hand the callee over died"
TOO_LATE = "the process that was to hand the callee over came too late"


class MediaFollow:
    """One call's sound, seen through the record.

    Args:
        control_id: of the process that follows.
        is_dead: whether this process, a media worker or a control process, is.
    """

    def __init__(
        self, database: Database, line: Line, call_id: UUID, *, control_id: str, is_dead: Callable[[str], bool]
    ) -> None:
        self._database = database
        self._line = line
        self._call_id = call_id
        self._control_id = control_id
        self._is_dead = is_dead
        self._is_open = False

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
        """How the sound ended, once the line says that the call is over; None: it never came.

        While its holder lives, what it has to tell is waited for, and with it every event of the call.
        """
        await insist(partial(calls.close_door, self._database, str(self._call_id)))
        while True:
            # Asked before the row is read: the last word of one that has died since may be in it.
            has_died, media = False, await self.look()
            if media is not None and media.is_admitted and media.worker_id is not None and media.end is None:
                has_died = self._is_dead(media.worker_id)
                media = await self.look() if has_died else media
            if media is None or not media.is_admitted:
                return None
            if media.end is not None:
                return media.end
            if has_died:
                log().error("! the holder of a call's sound died", call_id=str(self._call_id))
                return DIED
            await asyncio.sleep(LOOK_S)

    async def look(self) -> Media | None:
        """The call's row now; a record that cannot be read is asked again."""
        return await insist(partial(calls.media_of, self._database, str(self._call_id)))

    async def _watch(self) -> None:
        while True:
            media = await self.look()
            if media is not None:
                self._tell_line(media)
                if media.is_transfer_asked and media.end is None:
                    await self._hand_over()
                taker = media.transfer_taken_by
                if taker not in (None, self._control_id) and self._is_dead(taker):
                    await self._answer(TAKER_DIED, by=taker)
            await asyncio.sleep(LOOK_S)

    def _tell_line(self, media: Media) -> None:
        is_open = media.is_admitted and media.end is None
        if is_open and not self._is_open:
            self._line.media_opened(self._call_id)
        elif self._is_open and not is_open:
            self._line.media_closed(self._call_id)
        self._is_open = is_open

    async def _hand_over(self) -> None:
        loop, now = asyncio.get_running_loop(), datetime.now(UTC)
        too_late = loop.time() + TAKEN_WITHIN_S
        oldest = now - timedelta(seconds=HAND_OVER_WITHIN_S)
        taking = partial(hand_overs.take, by=self._control_id, asked_after=oldest)
        target = await insist(partial(taking, self._database, str(self._call_id)))
        if target is None:
            return
        try:
            if loop.time() > too_late:
                outcome = TOO_LATE
            else:
                await self._line.transfer(self._call_id, target)
                outcome = hand_overs.DONE
        except OpenDeepError as error:
            outcome = error.what
        # The hand-over ends the call on this line, and with it this watch: the answer is written all the same.
        await asyncio.shield(self._answer(outcome, by=self._control_id))

    async def _answer(self, outcome: str, *, by: str) -> None:
        answering = partial(hand_overs.answer, outcome=outcome, by=by)
        await insist(partial(answering, self._database, str(self._call_id)))

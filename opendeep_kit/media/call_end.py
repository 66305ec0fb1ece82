"""Determines how a call ended: folds its events, names its end and who caused it.

Given the line's result and how the sound ended, makes the call's last two events and its result, and records how its
sound ended. Never places or holds a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from opendeep_kit import events
from opendeep_kit.errors import Unavailable
from opendeep_kit.insight.analysis import Summary, summarise
from opendeep_kit.logs import log
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.line import HANDED_OVER, OUR_LEG_ENDED, OUR_LEG_ENDED_EARLY, WE_HUNG_UP, LineResult
from opendeep_kit.record import calls as call_rows
from opendeep_kit.record.calls import MediaEnd
from opendeep_kit.record.database import Database
from opendeep_kit.record.event_log import EventLog

T = TypeVar("T")

WRITE_AGAIN_S = 1.0
NO_SOUND = "answered, but the sound connection never came"
SOUND_LOST = "the line closed the sound connection, and neither side had hung up"
"""Asterisk does so when nobody sent anything for two seconds, or when what we sent was no AudioSocket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a call came to: its last two events, and what all of them say."""

    ended: events.CallEnded
    judged: events.CallJudged
    summary: Summary


def judge(
    call_id: str,
    happened: Sequence[events.Event],
    result: LineResult,
    media: MediaEnd | None,
    required: Collection[str],
) -> Judgement:
    """What the call came to. Pure.

    Args:
        happened: all events so far, in order.
        media: None: its sound never came.
        required: ids of the questions that had to be answered.
    """
    phone_result = result.phone_result
    ended_by, detail = who_ended(happened, result, media)
    if (media is None and phone_result is PhoneResult.ANSWERED) or (
        ended_by is EndedBy.FAILURE and phone_result is PhoneResult.CANCELLED
    ):
        phone_result = PhoneResult.FAILED
    now_ms = media.media_ms if media is not None else max((event.at_ms for event in happened), default=0.0)
    ended = events.CallEnded(call_id=call_id, at_ms=now_ms, phone_result=phone_result, ended_by=ended_by, detail=detail)
    summary = summarise([*happened, ended], required)
    judged = events.CallJudged(call_id=call_id, at_ms=now_ms, disposition=summary.disposition, by="rules")
    return Judgement(ended=ended, judged=judged, summary=summary)


def who_ended(happened: Sequence[events.Event], result: LineResult, media: MediaEnd | None) -> tuple[EndedBy, str]:
    """Our own side knows best why it hung up; of everything else the line does."""
    if any(isinstance(event, events.TransferAsked) for event in happened) and result.ended_by is None:
        return EndedBy.AGENT, result.detail
    if media is not None and media.ended_by is not None:
        return media.ended_by, media.detail
    if media is not None and result.ended_by is None and result.detail in (OUR_LEG_ENDED, OUR_LEG_ENDED_EARLY):
        return EndedBy.FAILURE, SOUND_LOST
    if result.phone_result is not PhoneResult.ANSWERED:
        return result.ended_by or EndedBy.NETWORK, result.detail
    if media is None:
        return EndedBy.FAILURE, NO_SOUND
    if result.ended_by is None and result.detail in (HANDED_OVER, WE_HUNG_UP):
        return EndedBy.SUPERVISOR, result.detail
    return result.ended_by or EndedBy.CALLEE, result.detail


def result_of(summary: Summary, media: MediaEnd | None) -> Summary:
    """What the call's row keeps of it."""
    return summary if media is None else replace(summary, recording_sha256=media.recording_sha256)


class MediaEnds:
    """Writes down how calls' sound ended, however long it takes: nobody else knows it."""

    def __init__(self, database: Database, event_log: EventLog) -> None:
        self._database = database
        self._event_log = event_log
        self._telling: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def tell(self, call_id: str, end: MediaEnd) -> None:
        """Return when it is written."""
        self._telling.add(call_id)
        try:
            await insist(partial(self._write, call_id, end))
        finally:
            self._telling.discard(call_id)

    def tell_soon(self, call_id: str, end: MediaEnd) -> None:
        """In the background."""
        task = asyncio.create_task(self.tell(call_id, end), name="media-end")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def is_telling(self, call_id: str) -> bool:
        """Whether this call's end is on its way."""
        return call_id in self._telling

    async def written(self) -> None:
        """Wait for what was told in the background."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _write(self, call_id: str, end: MediaEnd) -> None:
        # Whoever folds the call's events waits for this row: the events come first.
        if not self._event_log.flush():
            raise Unavailable("the call's events are not in the record yet", do="fix what the log reports about it")
        call_rows.end_media(self._database, call_id, end, now=datetime.now(UTC))


async def insist(ask: Callable[[], T], *, each_s: float = WRITE_AGAIN_S) -> T:
    """Ask the record, off the loop, until it answers: what only this process knows is kept while it lives."""
    is_told = False
    while True:
        try:
            return await asyncio.to_thread(ask)
        except Unavailable as error:
            if not is_told:
                log().warning("! the record is away and is waited for", what=error.what)
            is_told = True
            await asyncio.sleep(each_s)

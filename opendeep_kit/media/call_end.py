"""SEAM that writes down what came of a call: folds its events, names its end, closes its row.

Given what the line said and how the sound ended, adds the call's last two events and its result. Never places or
holds a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from functools import partial

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

WRITE_WITHIN_S, WRITE_AGAIN_S = 60.0, 1.0
NO_SOUND = "answered, but the sound connection never came"
SOUND_LOST = "the line closed the sound connection, and neither side had hung up"
"""Asterisk does so when nobody sent anything for two seconds, or when what we sent was no AudioSocket."""


def judge(
    call_id: str,
    happened: Sequence[events.Event],
    result: LineResult,
    media: MediaEnd | None,
    required: Collection[str],
    emit: Callable[[events.Event], None],
) -> Summary:
    """What the call came to; emits `CallEnded` and `CallJudged`.

    Args:
        happened: all events so far, in order.
        media: None: its sound never came, or its holder died.
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
    emit(ended)
    summary = summarise([*happened, ended], required)
    emit(events.CallJudged(call_id=call_id, at_ms=now_ms, disposition=summary.disposition, by="rules"))
    return summary


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


def close_row(
    database: Database,
    event_log: EventLog,
    tenant_id: str,
    call_id: str,
    summary: Summary,
    media: MediaEnd | None,
    *,
    now: datetime,
) -> None:
    """Write the call's result into its row, once; its last events are in the record before."""
    event_log.flush()
    values = {name: getattr(summary, name) for name in Summary.__dataclass_fields__}
    digest = media.recording_sha256 if media is not None else ""
    row = call_rows.CallResult(**values, recording_sha256=digest)
    call_rows.end(database, tenant_id, call_id, row, at=now)


async def note_media_end(database: Database, event_log: EventLog, call_id: str, end: MediaEnd) -> None:
    """Write down how a call's sound ended: nobody else knows it."""
    try:
        await insist(partial(_write_media_end, database, event_log, call_id, end))
    except Unavailable as error:
        log().error("! the end of a call's sound could not be recorded", call_id=call_id, what=error.what)


async def insist(write: Callable[[], object]) -> None:
    """Write, and try again for a while where the record refuses.

    Raises:
        Unavailable: it refused to the end.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + WRITE_WITHIN_S
    while True:
        try:
            await asyncio.to_thread(write)
        except Unavailable:
            if loop.time() > until:
                raise
            await asyncio.sleep(WRITE_AGAIN_S)
        else:
            return


def _write_media_end(database: Database, event_log: EventLog, call_id: str, end: MediaEnd) -> None:
    # Whoever folds the call's events waits for this row: the events come first.
    if not event_log.flush():
        raise Unavailable("the call's events are not in the record yet", do="mend what the log says of it")
    call_rows.end_media(database, call_id, end, now=datetime.now(UTC))

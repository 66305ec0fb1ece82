"""SEAM that writes down what came of a call: folds its events, names its end, closes its row.

Given what the line said and how the sound ended, adds the call's last two events and its result. Never places or
holds a call.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from opendeep_kit import events
from opendeep_kit.insight.analysis import Summary, summarise
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.line import LineResult
from opendeep_kit.store import calls as call_rows
from opendeep_kit.store.database import Database
from opendeep_kit.store.event_log import EventLog
from opendeep_kit.store.live_calls import MediaEnd

NO_SOUND = "answered, but the sound connection never came"


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
    if media is None and phone_result is PhoneResult.ANSWERED:
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
    if result.phone_result is not PhoneResult.ANSWERED:
        return result.ended_by or EndedBy.NETWORK, result.detail
    if media is None:
        return EndedBy.FAILURE, NO_SOUND
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

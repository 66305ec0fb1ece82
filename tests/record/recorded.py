"""Six calls of a real rehearsal, as their events were recorded, and how they come into a record."""

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from pathlib import Path
from uuid import uuid4

from sqlalchemy import insert

from opendeep_kit import events
from opendeep_kit.events import Event
from opendeep_kit.insight.analysis import summarise
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.record import calls
from opendeep_kit.record.calls import ExpectedCall
from opendeep_kit.record.campaign_tables import permissions
from opendeep_kit.record.database import Database
from opendeep_kit.record.event_log import to_row, write_rows

FILE = Path(__file__).parents[1] / "data" / "calls_rehearsed.events.jsonl"
QUESTIONS = ("attending", "pain", "arrival")
COMPLETED, INTERRUPTED, OPTED_OUT, VOICEMAIL, CALLBACK, BUSY = range(6)
"""What became of each."""


@cache
def recorded() -> tuple[tuple[Event, ...], ...]:
    """The calls' events."""
    happened = []
    for line in FILE.read_text().splitlines():
        told = json.loads(line)
        happened.append(events.from_json(told.pop("type"), json.dumps(told)))
    return tuple(tuple(of_call) for _, of_call in groupby(happened, key=lambda event: event.call_id))


def renamed(happened: Iterable[Event], call_id: str) -> list[Event]:
    """The same happenings in another call."""
    return [replace(event, call_id=call_id) for event in happened]


def hung_up_after(happened: Iterable[Event], at_ms: float) -> list[Event]:
    """The same call, had the callee hung up then."""
    before = [event for event in happened if event.at_ms <= at_ms]
    ended = events.CallEnded(
        call_id=before[0].call_id, at_ms=at_ms, phone_result=PhoneResult.ANSWERED, ended_by=EndedBy.CALLEE
    )
    return [*before, ended]


def write(database: Database, happened: Iterable[Event], *, tenant_id: str = "clinic") -> None:
    """Write events as the event log does."""
    rows = [to_row(event, tenant_id, number=number) for number, event in enumerate(happened, 1)]
    write_rows(database, str(uuid4()), rows, {})


def expect(database: Database, call_id: str, *, at: datetime, tenant_id: str = "clinic", **more: object) -> None:
    """A call is planned at that time."""
    row = {"number": "+12125550101", "line": "simulator", "expected_until": at + timedelta(minutes=2)}
    calls.expect(database, ExpectedCall(call_id=call_id, tenant_id=tenant_id, **row | more), now=at)  # type: ignore[arg-type]


def place(
    database: Database, happened: Iterable[Event], *, at: datetime, tenant_id: str = "clinic", **more: object
) -> str:
    """A whole call, planned at that time and ended: its row and its events. Returns its id."""
    happened = list(happened)
    call_id = happened[0].call_id
    expect(database, call_id, at=at, tenant_id=tenant_id, **more)
    calls.admit_at(database, call_id, "media-1", now=at)
    write(database, happened, tenant_id=tenant_id)
    told = summarise(happened, QUESTIONS)
    if told.phone_result is PhoneResult.ANSWERED:
        calls.mark_answered(database, tenant_id, call_id, at=at + timedelta(seconds=1))
    calls.end(database, tenant_id, call_id, told, at=at + timedelta(milliseconds=happened[-1].at_ms))
    return call_id


def permit(
    database: Database, number: str, *, at: datetime, rule: str | None = None, tenant_id: str = "clinic"
) -> None:
    """The ledger's answer to "may we?" for a number: no, when a rule said so."""
    row = {
        "tenant_id": tenant_id,
        "campaign_id": "spring",
        "number": number,
        "is_allowed": rule is None,
        "rule": rule,
        "words": "outside the hours" if rule else "",
        "at": at,
    }
    with database.write() as connection:
        connection.execute(insert(permissions), row | dict.fromkeys(["facts_sha256", "dnc_snapshot", "consent"], ""))

"""Both folds of the same events, in Python for the live view and in SQL for history, side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from sqlalchemy import select

from opendeep_kit import events
from opendeep_kit.events import Event
from opendeep_kit.insight.analysis import summarise
from opendeep_kit.insight.latency import barge_ins, turns
from opendeep_kit.insight.transcript import transcript
from opendeep_kit.record.database import Database
from opendeep_kit.record.tables import call_events
from opendeep_kit.warehouse.folding import clear, make_tables, take_in
from opendeep_kit.warehouse.pull import Pulled, Watermark

FIGURES = ("disclosed_at_ms", "duration_ms", "turns", "barge_ins", "voice_to_voice_p50_ms", "voice_to_voice_p95_ms")
NAMED = ("phone_result", "ended_by", "disposition")


@cache
def _folding() -> duckdb.DuckDBPyConnection:
    """One DuckDB for all comparisons of a process: making it takes longer than a fold."""
    connection = duckdb.connect()
    make_tables(connection)
    return connection


def assert_folds_agree(calls: Sequence[Sequence[Event]]) -> None:
    """Every figure of every call is the same in Python and in SQL; the events of each in their order."""
    connection = _folding()
    clear(connection)
    take_in(connection, Pulled(tables=_tables(calls), mark=Watermark()))
    by_sql = _by_sql(connection)
    for happened in calls:
        assert by_sql[happened[0].call_id] == pytest.approx(_by_python(happened)), _shown(happened)


def assert_record_folds_agree(database: Database) -> None:
    """The same of all calls that a record holds."""
    query = select(call_events.c.call_id, call_events.c.type, call_events.c.data).order_by(
        call_events.c.call_id, call_events.c.seq
    )
    calls: dict[str, list[Event]] = {}
    with database.read() as connection:
        for call_id, kind, data in connection.execute(query):
            calls.setdefault(call_id, []).append(events.from_json(kind, data))
    if calls:
        assert_folds_agree([*calls.values()])


def _by_python(happened: Sequence[Event]) -> dict[str, Any]:
    summary = summarise(happened, ())
    ended = any(isinstance(event, events.CallEnded) for event in happened)
    judged = [event.disposition for event in happened if isinstance(event, events.CallJudged)]
    found: dict[str, Any] = {name: getattr(summary, name) for name in FIGURES}
    found |= {"phone_result": str(summary.phone_result), "ended_by": str(summary.ended_by)} if ended else {}
    found |= {"disposition": str(judged[-1])} if judged else {}
    found |= {f"answer {question}": value for question, value in summary.answers.items()}
    for place, line in enumerate(transcript(happened)):
        found[f"turn {place}"] = f"{line.at_ms:.3f} {line.speaker} {line.text!r} {line.meant!r} {line.item_id!r}"
    for place, reply in enumerate(turns(happened)):
        found |= {f"reply {place} {name}": value for name, value in reply.stages.items()}
        found |= {f"reply {place}": reply.voice_to_voice_ms, f"reply {place} tool": float(reply.has_tool)}
    for place, cut in enumerate(barge_ins(happened)):
        found |= {f"cut {place} began": cut.callee_began_ms, f"cut {place} detected": cut.detected_ms}
        found[f"cut {place} stop"] = cut.stop_ms
    found["tools"] = sum(isinstance(event, events.ToolCalled) for event in happened)
    return found


def _by_sql(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    def rows(fold: str, names: str, order: str = "call_id") -> dict[str, list[tuple[Any, ...]]]:
        by_call: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for call_id, *row in connection.execute(
            f"SELECT call_id, {names} FROM live.{fold} ORDER BY {order}"
        ).fetchall():
            by_call[call_id].append(tuple(row))
        return by_call

    stages = ("detect", "begin", "model", "ours", "lead_in")
    heads = rows("calls", ", ".join((*FIGURES, *NAMED)))
    answers, tools = rows("answers", "question, value"), rows("tool_calls", "seq")
    lines = rows("turns", "began_ms, speaker, text, meant, item_id", "turn")
    waits = rows("latencies", ", ".join((*(f"{stage}_ms" for stage in stages), "voice_to_voice_ms, has_tool")), "reply")
    cuts = rows("barge_ins", "callee_began_ms, detected_ms, stop_ms", "seq")
    calls = {}
    for call_id, (head,) in heads.items():
        named = zip((*FIGURES, *NAMED), head, strict=True)
        found: dict[str, Any] = {name: value for name, value in named if name in FIGURES or value is not None}
        found |= {f"answer {question}": value for question, value in answers[call_id]}
        for place, (at_ms, speaker, text, meant, item_id) in enumerate(lines[call_id]):
            found[f"turn {place}"] = f"{at_ms:.3f} {speaker} {text!r} {meant!r} {item_id!r}"
        for place, reply in enumerate(waits[call_id]):
            for stage, value in zip(stages, reply, strict=False):
                found[f"reply {place} {stage.replace('_', '-')}"] = value
            found |= {f"reply {place}": reply[5], f"reply {place} tool": float(reply[6])}
        for place, (began, detected, stop) in enumerate(cuts[call_id]):
            found |= {f"cut {place} began": began, f"cut {place} detected": detected, f"cut {place} stop": stop}
        calls[call_id] = found | {"tools": len(tools[call_id])}
    return calls


def _tables(calls: Iterable[Sequence[Event]]) -> dict[str, pa.Table]:
    instant = "2026-11-24 12:00:00"
    rows: list[dict[str, Any]] = []
    for happened in calls:
        for seq, event in enumerate(happened, start=1):
            at_ms, kind = event.at_ms, type(event).__name__
            rows.append({"call_id": event.call_id, "seq": seq, "at_ms": at_ms, "type": kind, "recorded_at": instant})
            rows[-1] |= {"row_id": len(rows), "data": events.to_json(event)}
    heads = [
        {"call_id": happened[0].call_id, "number": "+12125550101", "line": "simulator", "state": "live"}
        | {"created_at": instant, "changed_at": instant}
        for happened in calls
    ]
    return {"calls": pa.Table.from_pylist(heads), "call_events": pa.Table.from_pylist(rows)}


def _shown(happened: Sequence[Event]) -> str:
    return "\n".join(f"{seq} {event}" for seq, event in enumerate(happened, start=1))

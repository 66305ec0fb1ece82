"""How good the calls were: the quality board's queries of the warehouse.

Given an open warehouse and a period, returns plain figures from its documented views. Never reads the record itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from opendeep_kit import events
from opendeep_kit.events import Event

STAGES = ("detect", "begin", "model", "ours", "lead_in")
"""Where a reply's milliseconds go, in order; columns of the view `latencies` without `_ms`."""
_SCOPE = "created_at >= ? AND (? = '' OR coalesce(campaign, '') = ?)"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScope:
    """Which calls are looked at."""

    since: datetime
    campaign: str = ""
    """Empty: all."""

    @property
    def values(self) -> list[Any]:
        """For `_SCOPE`.

        The views' times are UTC without a zone: compared with a zone they would all be read, instead of the days asked.
        """
        return [self.since.astimezone(UTC).replace(tzinfo=None), self.campaign, self.campaign]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """All calls of the scope."""

    calls: int
    """Ended ones."""
    answered: int
    talked: int
    completed: int
    barge_ins: int
    barge_in_stop_ms: float | None
    """Half of the agent's stops took less."""
    replies: int
    waits_ms: Mapping[str, float]
    """Voice to voice by percentile: `p50`, `p90`, `p95`, `p99`; empty: no reply was measured."""
    stages_ms: Mapping[str, float]
    """Mean of each stage of a reply, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What one version of a script achieved."""

    script_name: str
    script_version: int
    calls: int
    answered: int
    completed: int
    completed_low: float | None
    """0..1, lower end of the 95 % interval of completed / answered."""
    completed_high: float | None
    p50_ms: float | None
    barge_ins_per_call: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Worst:
    """A call worth hearing."""

    call_id: str
    disposition: str
    campaign: str
    reasons: str
    score: int
    created_at: datetime
    duration_ms: float
    has_recording: bool


def campaigns_in(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Labels of campaigns that have calls, by name."""
    rows = connection.execute("SELECT DISTINCT campaign FROM calls WHERE coalesce(campaign, '') <> '' ORDER BY 1")
    return [str(row[0]) for row in rows.fetchall()]


def dispositions(connection: duckdb.DuckDBPyConnection, scope: CallScope) -> dict[str, int]:
    """Ended calls by what they achieved, the most frequent first."""
    query = f"SELECT disposition, count(*) FROM calls WHERE state = 'ended' AND {_SCOPE} GROUP BY 1 ORDER BY 2 DESC, 1"
    return dict(connection.execute(query, scope.values).fetchall())


def totals(connection: duckdb.DuckDBPyConnection, scope: CallScope) -> Totals:
    """All calls of the scope in a few figures."""
    counts = connection.execute(
        "SELECT count(*), count(*) FILTER (is_answered), count(*) FILTER (is_talk), count(*) FILTER (is_completed), "
        f"coalesce(sum(barge_ins), 0)::BIGINT FROM calls WHERE state = 'ended' AND {_SCOPE}",
        scope.values,
    ).fetchall()[0]
    stop = connection.execute(f"SELECT median(stop_ms) FROM barge_ins WHERE {_SCOPE}", scope.values).fetchall()[0][0]
    means = ", ".join(f"avg(coalesce({stage}_ms, 0))" for stage in STAGES)
    replies, points, *stages = connection.execute(
        f"SELECT count(*), quantile_cont(voice_to_voice_ms, [0.5, 0.9, 0.95, 0.99]), {means} "
        f"FROM latencies WHERE {_SCOPE}",
        scope.values,
    ).fetchall()[0]
    return Totals(
        calls=counts[0],
        answered=counts[1],
        talked=counts[2],
        completed=counts[3],
        barge_ins=counts[4],
        barge_in_stop_ms=stop,
        replies=replies,
        waits_ms=dict(zip(("p50", "p90", "p95", "p99"), points, strict=True)) if replies else {},
        stages_ms=dict(zip(STAGES, stages, strict=True)) if replies else {},
    )


def versions(connection: duckdb.DuckDBPyConnection) -> list[Version]:
    """Every version of a script that was used, the newest first."""
    rows = connection.execute(
        "SELECT script_name, script_version, calls, answered, completed, completed_low, completed_high, "
        "voice_to_voice_p50_ms, barge_ins_per_call FROM script_versions ORDER BY last_at DESC, script_name LIMIT 12"
    ).fetchall()
    names = tuple(Version.__dataclass_fields__)
    return [Version(**dict(zip(names, row, strict=True))) for row in rows]


def worst(connection: duckdb.DuckDBPyConnection, scope: CallScope, *, limit: int = 20) -> list[Worst]:
    """The calls that it pays most to hear, the worst first."""
    rows = connection.execute(
        "SELECT call_id, disposition, coalesce(campaign, ''), reasons, score, created_at, duration_ms, "
        f"coalesce(recording, '') <> '' "
        f"FROM calls_to_review WHERE {_SCOPE} ORDER BY score DESC, created_at DESC LIMIT {int(limit)}",
        scope.values,
    ).fetchall()
    names = tuple(Worst.__dataclass_fields__)
    return [Worst(**dict(zip(names, row, strict=True))) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a player needs of a call."""

    disposition: str | None
    created_at: datetime
    recording: str
    """Path below the recordings folder; empty: none."""
    happened: tuple[Event, ...]


def call_to_hear(connection: duckdb.DuckDBPyConnection, call_id: str) -> Heard | None:
    """One call of the warehouse's tenant; None: it has none of this id."""
    query = "SELECT disposition, created_at, coalesce(recording, '') FROM calls WHERE call_id = ?"
    rows = connection.execute(query, [call_id]).fetchall()
    if not rows:
        return None
    disposition, created_at, recording = rows[0]
    query = "SELECT type, data FROM staging.events WHERE call_id = ? ORDER BY seq"
    happened = tuple(events.from_json(kind, data) for kind, data in connection.execute(query, [call_id]).fetchall())
    return Heard(disposition=disposition, created_at=created_at, recording=recording, happened=happened)

"""How soon a history of a million calls opens, and how long the dashboards' questions take on it.

Makes the history in a temporary folder, by the same folds and files as `archive_days`, with today's calls live in a
SQLite record beside it; prints the times, and those of pandas and SQLite for three of the questions. Run with
`python -m benchmarks.warehouse` (minutes, about 3 GB of disk while it runs); `--calls 50000` for a quick look.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
from sqlalchemy import insert

from opendeep_kit.boards.quality.figures import CallScope, dispositions, totals, versions, worst
from opendeep_kit.record import directory, tables
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.tenants import DEFAULT_TENANT, Tenant
from opendeep_kit.warehouse.archive import note_span, write_files
from opendeep_kit.warehouse.connection import Warehouse, open_warehouse
from opendeep_kit.warehouse.folding import make_tables, take_in
from opendeep_kit.warehouse.manifest import Archived
from opendeep_kit.warehouse.pull import Pulled, Watermark

HERE = Path(__file__).parent
MONTHS = 12
LIVE_SHARE = 1 / 365
PEOPLE_PER_CALL = 0.6
REPEATS = 5

QUESTIONS = {
    "calls by disposition, each of the last 30 days": """
        SELECT day, disposition, sum(calls) FROM outcomes
        WHERE day > current_date - 30 GROUP BY ALL""",
    "outcomes of every campaign, whole history": """
        SELECT campaign, disposition, sum(calls), sum(talk_s) FROM outcomes GROUP BY ALL""",
    "funnel of every campaign and script version": "FROM funnel",
    "wait by stage, median and 95th, per script version": """
        SELECT script_version, count(*), quantile_cont(voice_to_voice_ms, [0.5, 0.95]), median(detect_ms),
            median(model_ms), median(ours_ms), median(lead_in_ms) FROM latencies GROUP BY ALL""",
    "wait by hour, last 7 days": """
        SELECT date_trunc('hour', created_at), quantile_cont(voice_to_voice_ms, [0.5, 0.95]) FROM latencies
        WHERE created_at > current_date - 7 GROUP BY ALL""",
    "script versions with intervals": "FROM script_versions",
    "attempts until a person is reached": """
        SELECT answered_attempt, count(*) FROM attempts_per_contact GROUP BY ALL""",
    "after which sentence people leave, first 20": """
        SELECT after_sentence, count(*), median(after_ms) FROM hangups GROUP BY ALL ORDER BY 2 DESC LIMIT 20""",
    "the 20 slowest calls": """
        SELECT call_id, voice_to_voice_p95_ms FROM calls ORDER BY voice_to_voice_p95_ms DESC NULLS LAST LIMIT 20""",
    "answers to a question": "SELECT value, count(*) FROM answers WHERE question = 'attending' GROUP BY ALL",
    "tools: calls, failures, time": """
        SELECT name, count(*), count(*) FILTER (is_failure), median(took_ms) FROM tool_calls GROUP BY ALL""",
    "barge-ins: how soon the agent stops": """
        SELECT script_version, count(*), quantile_cont(stop_ms, [0.5, 0.95]) FROM barge_ins GROUP BY ALL""",
    "cost by month": """
        SELECT date_trunc('month', created_at), sum(input_tokens), sum(output_tokens) FROM costs GROUP BY ALL""",
    "one call's transcript": """
        SELECT * FROM turns WHERE call_id = (SELECT any_value(call_id) FROM latencies WHERE reply = 2) ORDER BY turn""",
}


def main() -> None:
    """Make, open, ask, compare, remove."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="make the history here and leave it; one that is here is used again")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="opendeep-warehouse-"))
    try:
        run(folder, arguments.calls)
    finally:
        if arguments.keep is None:
            shutil.rmtree(folder)


def run(folder: Path, wanted: int) -> None:
    """Everything, in this folder."""
    url = f"sqlite:///{folder / 'opendeep.db'}"
    if not (folder / "archive").exists():
        make_history(url, folder / "archive", wanted)
    size = sum(path.stat().st_size for path in (folder / "archive").rglob("*.parquet"))
    print(f"\n{'ms':50} {'wall':>8} {'work':>8}\n{'open':50} {timed(lambda: opened(url).close())}")
    with opened(url) as mine:
        ((calls, events),) = mine.sql("SELECT count(*), sum(events)::BIGINT FROM calls").fetchall()
        print(f"{calls:,} calls, {events:,} events, archive {size / 1e6:,.0f} MB")
        print(f"{'refresh, nothing new':50} {timed(mine.refresh)}\n")
        ask_as_the_board(mine)
        print("\nquestions of the notebooks")
        for question, query in QUESTIONS.items():
            print(f"{question:50} {timed(lambda query=query: mine.sql(query).fetchall())}")
        compare(mine, folder)


def ask_as_the_board(mine: Warehouse) -> None:
    """The quality board's own questions, for each of its periods; it opens with seven days."""
    now = datetime.now(UTC)
    print("questions of the quality board")
    for period, since in {
        "7 days": now - timedelta(days=7),
        "30 days": now - timedelta(days=30),
        "all": now.replace(year=2000),
    }.items():
        scope = CallScope(since=since)
        for question in (totals, dispositions, worst):
            took = timed(lambda question=question, scope=scope: question(mine.connection, scope))
            print(f"{f'{question.__name__}, {period}':50} {took}")
    print(f"{'script versions, all time':50} {timed(lambda: versions(mine.connection))}")


def opened(url: str) -> Warehouse:
    """What a notebook does first."""
    return open_warehouse(url)


@dataclass(frozen=True, slots=True)
class Took:
    """The median of some runs, in milliseconds."""

    wall: float
    work: float
    """Of all cores together: on a busy machine the wall time says more about the neighbours."""

    def __str__(self) -> str:
        return f"{self.wall:8,.0f} {self.work:8,.0f}"


def timed(what: Callable[[], Any]) -> Took:
    """How long it takes."""
    wall, work = [], []
    for _ in range(REPEATS):
        began, worked = time.perf_counter(), time.process_time()
        what()
        wall.append((time.perf_counter() - began) * 1000)
        work.append((time.process_time() - worked) * 1000)
    return Took(statistics.median(wall), statistics.median(work))


# ---- the history ------------------------------------------------------------------------------------


def make_history(url: str, archive: Path, wanted: int) -> None:
    """A year of calls in the archive, today's in the record."""
    began = time.perf_counter()
    database = open_database(url)
    directory.save_tenant(database, Tenant(tenant_id=DEFAULT_TENANT, display_name="Benchmark"), now=datetime.now(UTC))
    for version in range(1, 6):
        directory.save_script(database, DEFAULT_TENANT, name="survey", text=f"v{version}", now=datetime.now(UTC))
    people = int(wanted * PEOPLE_PER_CALL)
    today = datetime.now(UTC).date()
    day, calls = today - timedelta(days=365), 0
    add_contacts(database, people)
    live = int(wanted * LIVE_SHARE)
    while day < today:
        end = min((day.replace(day=1) + timedelta(days=32)).replace(day=1), today)
        rows = round((wanted - live) * (end - day).days / 365)
        archive_span(database, archive, day, end, rows, calls, people)
        calls += rows
        day = end
    add_live(database, today, live, calls, people)
    database.close()
    print(f"made in {time.perf_counter() - began:.0f} s")


def generate(first: date, end: date, rows: int, number: int, people: int) -> tuple[pa.Table, pa.Table]:
    """Calls and their events as the record would have them."""
    with duckdb.connect() as connection:
        connection.execute("SET preserve_insertion_order = false")
        made = (HERE / "warehouse_history.sql").read_text()
        for name, value in {
            "first": f"'{first}'",
            "before": f"'{end}'",
            "rows": rows,
            "number": number,
            "people": people,
        }.items():
            connection.execute(f"SET VARIABLE {name} = {value}")
        connection.execute(made)
        return connection.sql("FROM calls").to_arrow_table(), connection.sql("FROM call_events").to_arrow_table()


def archive_span(
    database: Database, archive: Path, first: date, end: date, rows: int, number: int, people: int
) -> None:
    """One month into Parquet files and the manifest."""
    calls, events = generate(first, end, rows, number, people)
    with duckdb.connect() as facts:
        make_tables(facts)
        take_in(facts, Pulled(tables={"calls": calls, "call_events": events}, mark=Watermark()))
        files = write_files(facts, archive, DEFAULT_TENANT, f"{first}_{end}")
    span = Archived(
        tenant_id=DEFAULT_TENANT,
        first_day=first,
        before_day=end,
        files=files,
        calls=calls.num_rows,
        events=events.num_rows,
        left_open=(),
        row_ids={},
        archived_at=datetime.now(UTC),
    )
    with database.write() as connection:
        note_span(connection, span)
    print(f"  {first} .. {end}: {calls.num_rows:,} calls, {events.num_rows:,} events")


def add_contacts(database: Database, people: int) -> None:
    """Everybody who may be called."""
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
    rows = [(DEFAULT_TENANT, f"c{n}", f"list-{n % 8}", f"+1212{n:07d}", "", "{}", now) for n in range(people)]
    with database.write() as connection:
        connection.exec_driver_sql(
            "INSERT INTO contacts (tenant_id, contact_id, campaign, number, name, facts, created_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )


def add_live(database: Database, today: date, rows: int, number: int, people: int) -> None:
    """Today's calls into the record."""
    made = generate(today, today + timedelta(days=1), rows, number, people)
    for table, arrow in zip((tables.calls, tables.call_events), made, strict=True):
        more: dict[str, Any] = {"tenant_id": DEFAULT_TENANT}
        if table is tables.calls:
            more |= {"expected_until": datetime.now(UTC), "answers": {}}
        with database.write() as connection:
            connection.execute(insert(table), [with_zone(row) | more for row in arrow.to_pylist()])


def with_zone(row: dict[str, Any]) -> dict[str, Any]:
    """The row with its times in UTC."""
    return {name: value.replace(tzinfo=UTC) if isinstance(value, datetime) else value for name, value in row.items()}


# ---- the same questions elsewhere -------------------------------------------------------------------

IN_SQLITE = {
    "outcomes of every campaign": """
        SELECT campaign, disposition, count(*), sum(duration_ms) FROM calls WHERE state = 'ended' GROUP BY 1, 2""",
    "funnel": """
        SELECT campaign, script_version, count(*), sum(a), sum(d), sum(t), sum(c) FROM (
            SELECT campaign, script_version, contact_id, max(is_answered) a, max(is_disclosed) d, max(is_talk) t,
                max(is_completed) c FROM calls GROUP BY 1, 2, 3) GROUP BY 1, 2""",
    "median wait per script version": """
        SELECT script_version, avg(voice_to_voice_ms) FROM (
            SELECT script_version, voice_to_voice_ms,
                row_number() OVER (PARTITION BY script_version ORDER BY voice_to_voice_ms) AS place,
                count(*) OVER (PARTITION BY script_version) AS n FROM latencies)
        WHERE place IN ((n + 1) / 2, (n + 2) / 2) GROUP BY 1""",
}
IN_WAREHOUSE = {
    "outcomes of every campaign": QUESTIONS["outcomes of every campaign, whole history"],
    "funnel": "FROM funnel",
    "median wait per script version": "SELECT script_version, median(voice_to_voice_ms) FROM latencies GROUP BY 1",
}


def compare(mine: Warehouse, folder: Path) -> None:
    """Three of the questions in pandas and SQLite, whose tables were loaded before and hold only what is asked."""
    calls = mine.df(
        "SELECT campaign, script_version, contact_id, disposition, state, duration_ms, is_answered, is_disclosed, "
        "is_talk, is_completed FROM calls"
    )
    waits = mine.df("SELECT script_version, voice_to_voice_ms FROM latencies")
    (folder / "compare.db").unlink(missing_ok=True)
    record = sqlite3.connect(folder / "compare.db")
    calls.to_sql("calls", record, index=False)
    waits.to_sql("latencies", record, index=False)
    in_pandas = {
        "outcomes of every campaign": lambda: (
            calls[calls["state"] == "ended"].groupby(["campaign", "disposition"])["duration_ms"].agg(["count", "sum"])
        ),
        "funnel": lambda: pandas_funnel(calls),
        "median wait per script version": lambda: waits.groupby("script_version")["voice_to_voice_ms"].median(),
    }
    print(f"\n{'the same question':32} {'warehouse':>17} {'pandas':>17} {'SQLite':>17}   ms")
    for question, query in IN_WAREHOUSE.items():
        here = timed(lambda query=query: mine.sql(query).fetchall())
        there = timed(in_pandas[question])
        beside = timed(lambda question=question: record.execute(IN_SQLITE[question]).fetchall())
        print(f"{question:32} {here} {there} {beside}")
    record.close()


def pandas_funnel(calls: pd.DataFrame) -> pd.DataFrame:
    """People per step."""
    steps = ["is_answered", "is_disclosed", "is_talk", "is_completed"]
    people = calls.groupby(["campaign", "script_version", "contact_id"])[steps].max()
    return people.groupby(["campaign", "script_version"]).agg(["size", "sum"])


if __name__ == "__main__":
    main()

"""Folds events into facts, in DuckDB: utterances, waits, interruptions, tools, answers, calls.

Given its own connection and pulled rows, keeps the tables `live.*` correct for every call that changed. The archive's
writer and the warehouse both use it: archived and live calls are counted by the same SQL. Never reads the record.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from opendeep_kit.warehouse.catalogue import read_view
from opendeep_kit.warehouse.pull import LEDGERS, PULLS, How, Pull, Pulled, duckdb_type

FACTS = ("turns", "latencies", "barge_ins", "tool_calls", "answers", "calls")
"""In the order in which they are folded: a call's row counts the others."""
KINDS = (*FACTS, "events", *LEDGERS)
"""What an archive keeps, one Parquet file each."""
EVENT_COLUMNS = "call_id, seq, at_ms, type, data, recorded_at"
SETTINGS = (
    "SET TimeZone = 'UTC'",
    # An extension is fetched over the network: in a closed one that stalls for seconds and fails.
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET preserve_insertion_order = false",
)


def make_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """The empty tables, in an empty DuckDB."""
    for setting in SETTINGS:
        connection.execute(setting)
    for schema in ("pulled", "fold", "live"):
        connection.execute(f"CREATE SCHEMA {schema}")
    for what in PULLS:
        columns = ", ".join(f'"{column.name}" {duckdb_type(column)}' for column in what.columns)
        connection.execute(f"CREATE TABLE pulled.{what.name} ({columns})")
    connection.execute("CREATE TABLE fold.touched (call_id VARCHAR)")
    connection.execute("CREATE TABLE fold.rows AS FROM pulled.calls LIMIT 0")
    connection.execute(f"CREATE TABLE fold.events AS {_sql('events')} LIMIT 0")
    for fact in FACTS:
        connection.execute(f"CREATE TABLE live.{fact} AS {_sql(fact)} LIMIT 0")
    connection.execute(f"CREATE VIEW live.events AS SELECT {EVENT_COLUMNS} FROM pulled.call_events")
    for ledger in LEDGERS:
        connection.execute(f"CREATE VIEW live.{ledger} AS FROM pulled.{ledger}")


def clear(connection: duckdb.DuckDBPyConnection) -> None:
    """Forget every row."""
    for what in PULLS:
        connection.execute(f"DELETE FROM pulled.{what.name}")
    for fact in FACTS:
        connection.execute(f"DELETE FROM live.{fact}")


def take_in(connection: duckdb.DuckDBPyConnection, pulled: Pulled) -> int:
    """Add what was pulled and fold the calls it touches. Returns how many those are."""
    connection.execute("DELETE FROM fold.touched")
    for what in PULLS:
        rows = pulled.tables.get(what.name)
        if rows is not None and (rows.num_rows or what.how is How.WHOLE):
            _add(connection, what, rows)
    (touched,) = connection.execute("SELECT count(DISTINCT call_id) FROM fold.touched").fetchall()[0]
    if touched:
        _fold(connection)
    return int(touched)


def _add(connection: duckdb.DuckDBPyConnection, what: Pull, rows: pa.Table) -> None:
    table = f"pulled.{what.name}"
    connection.register("arriving", rows)
    try:
        if what.how is How.WHOLE:
            connection.execute(f"DELETE FROM {table}")
        elif what.name == "calls":
            # The overlap brings rows that are here already: only those that changed are folded again.
            connection.execute(
                "INSERT INTO fold.touched SELECT call_id FROM arriving ANTI JOIN pulled.calls "
                "ON arriving.call_id = calls.call_id AND arriving.changed_at::TIMESTAMP = calls.changed_at"
            )
        elif what.name == "call_events":
            connection.execute("INSERT INTO fold.touched SELECT DISTINCT call_id FROM arriving")
        if what.how is How.UPSERT:
            connection.execute(f"DELETE FROM {table} WHERE {what.key} IN (SELECT {what.key} FROM arriving)")
        connection.execute(f"INSERT INTO {table} BY NAME FROM arriving")
    finally:
        connection.unregister("arriving")


def _fold(connection: duckdb.DuckDBPyConnection) -> None:
    # An event whose call has no row here is kept, and waits for it.
    connection.execute("CREATE OR REPLACE TABLE fold.rows AS FROM pulled.calls SEMI JOIN fold.touched USING (call_id)")
    connection.execute(f"CREATE OR REPLACE TABLE fold.events AS {_sql('events')}")
    for fact in FACTS:
        connection.execute(f"DELETE FROM live.{fact} WHERE call_id IN (SELECT call_id FROM fold.rows)")
        connection.execute(f"INSERT INTO live.{fact} BY NAME {_sql(fact)}")


def _sql(fold: str) -> str:
    # The header's comments end where the statement begins: `CREATE TABLE … AS` may stand before them.
    return read_view("folds", fold).sql

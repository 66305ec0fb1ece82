"""The record's tables, the same on SQLite and PostgreSQL.

Definitions only. `migrations` creates them step by step, and a test compares the two. Every row carries its tenant;
references between rows carry it too, so that no row can point into another tenant's data.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

from opendeep_kit.errors import OurMistake

HEAD = "0.1.0"
"""The newest revision under `migrations/versions`: what these tables need."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcTime(TypeDecorator[datetime]):
    """An instant. Times without a zone are refused; what is read is always UTC (SQLite keeps no zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Towards the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise OurMistake("a time without a zone was given to the store", do="use datetime.now(UTC)")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From the database."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def changed_at() -> Column[datetime]:
    """When a row was last written, for readers that follow. Stamped by the write itself, within its transaction.

    Never given by a caller: between the time that they noted and the commit may lie a stalled disk, and a reader that
    looks back ten seconds would never see the row.
    """
    return Column("changed_at", UtcTime, nullable=False, default=_now, onupdate=_now)


def _now() -> datetime:
    return datetime.now(UTC)


def _tenant() -> Column[str]:
    return Column("tenant_id", Text, ForeignKey("tenants.tenant_id"), nullable=False)


tenants = Table(
    "tenants",
    metadata,
    Column("tenant_id", Text, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("time_zone", Text, nullable=False, doc="IANA name"),
    Column("default_region", Text, nullable=False, doc="ISO 3166"),
    Column("limits", JSON, nullable=False, server_default="{}", doc="what it may do, over all its campaigns"),
    Column("created_at", UtcTime, nullable=False),
)

tasks = Table(
    "tasks",
    metadata,
    Column("tenant_id", Text, ForeignKey("tenants.tenant_id"), primary_key=True),
    Column("task_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
)

scripts = Table(
    "scripts",
    metadata,
    Column("tenant_id", Text, ForeignKey("tenants.tenant_id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False, doc="1, 2, 3 … per name; never changed"),
    Column("sha256", Text, nullable=False, doc="of the text"),
    Column("text", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    UniqueConstraint("tenant_id", "name", "sha256"),
)

contacts = Table(
    "contacts",
    metadata,
    Column("tenant_id", Text, ForeignKey("tenants.tenant_id"), primary_key=True),
    Column("contact_id", Text, primary_key=True),
    Column("campaign", Text, doc="a label: the list the contact came with"),
    Column("number", Text, nullable=False, doc="E.164"),
    Column("created_at", UtcTime, nullable=False),
    Index(None, "tenant_id", "campaign"),
)

LIVE = text("state = 'live'")
calls = Table(
    "calls",
    metadata,
    Column("call_id", Text, primary_key=True, doc="a UUID's text, ours"),
    _tenant(),
    Column("task_id", Text),
    Column("script_name", Text),
    Column("script_version", Integer),
    Column("contact_id", Text),
    Column("campaign", Text, doc="a label"),
    Column("number", Text, nullable=False, doc="E.164"),
    Column("line", Text, nullable=False, doc="which line carries it"),
    Column("state", Text, nullable=False, doc="`calls.CallState`"),
    Column("created_at", UtcTime, nullable=False),
    changed_at(),
    Column("expected_until", UtcTime, nullable=False, doc="admitted before this instant only"),
    Column("admitted_at", UtcTime),
    Column("answered_at", UtcTime),
    Column("ended_at", UtcTime),
    Column("phone_result", Text),
    Column("disposition", Text),
    Column("ended_by", Text),
    Column("detail", Text),
    Column("answers", JSON(none_as_null=True)),
    Column("duration_ms", Double, doc="from the answer to the end"),
    Column("turns", Integer),
    Column("voice_to_voice_p50_ms", Double),
    Column("voice_to_voice_p95_ms", Double),
    Column("barge_ins", Integer),
    Column("barge_in_stops_ms", JSON(none_as_null=True)),
    Column("disclosed_at_ms", Double, doc="null: never heard that an AI speaks"),
    Column("recording", Text, doc="path below the recordings folder"),
    Column("recording_sha256", Text),
    Column("facts", JSON, nullable=False, server_default="{}", doc="the contact's, as the script may say them"),
    Column("worker_id", Text, doc="which media worker holds it; null: not known, or never admitted"),
    Column("media_ended_at", UtcTime, doc="its sound is over, its events and recording are written"),
    Column("media_ended_by", Text, doc="null: not our side"),
    Column("media_detail", Text, doc="why, when it was our side"),
    Column("media_ms", Double, doc="length of the call's clock"),
    Column("transfer_to", Text, doc="E.164 of the human to whom the callee is to be handed over"),
    Column("transfer_asked_at", UtcTime, doc="a wish that is older than the hand-over may take is not carried out"),
    Column("transfer_taken_by", Text, doc="the control process that carries it out; null: nobody, it may be withdrawn"),
    Column("transfer_answer", Text, doc="of the process that holds the line: `done`, or why not; null: not yet"),
    ForeignKeyConstraint(["tenant_id", "task_id"], ["tasks.tenant_id", "tasks.task_id"]),
    ForeignKeyConstraint(
        ["tenant_id", "script_name", "script_version"],
        ["scripts.tenant_id", "scripts.name", "scripts.version"],
    ),
    ForeignKeyConstraint(["tenant_id", "contact_id"], ["contacts.tenant_id", "contacts.contact_id"]),
    Index(None, "tenant_id", "created_at"),
    Index(None, "tenant_id", "campaign"),
    Index(None, "tenant_id", "contact_id"),
    Index(None, "changed_at"),
    Index("ix_calls_live", "worker_id", sqlite_where=LIVE, postgresql_where=LIVE),
)

ENDED, JUDGED = text("type = 'CallEnded'"), text("type = 'CallJudged'")
call_events = Table(
    "call_events",
    metadata,
    # SQLite keeps a number growing for ever only in a sole primary key; (call_id, seq) is the key in meaning.
    Column("row_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, doc="grows with every commit"),
    Column("tenant_id", Text, nullable=False),
    # Not a reference: what happened is kept even when the call's own row is missing.
    Column("call_id", Text, nullable=False),
    Column("seq", Integer, nullable=False, doc="1, 2, 3 … per call; a gap is an event that was dropped"),
    Column("at_ms", Double, nullable=False, doc="since the call's clock began"),
    Column("type", Text, nullable=False, doc="class name in `opendeep_kit.events`"),
    Column("data", Text, nullable=False, doc="JSON as `events.to_json` wrote it"),
    Column("recorded_at", UtcTime, nullable=False),
    UniqueConstraint("call_id", "seq"),
    # A call ends once and is judged once, whatever process believes it has to say so.
    Index("uq_call_events_ended", "call_id", unique=True, sqlite_where=ENDED, postgresql_where=ENDED),
    Index("uq_call_events_judged", "call_id", unique=True, sqlite_where=JUDGED, postgresql_where=JUDGED),
    sqlite_autoincrement=True,
)

event_writers = Table(
    "event_writers",
    metadata,
    Column("writer_id", Text, primary_key=True, doc="one event log of one process"),
    Column("written", BigInteger, nullable=False, doc="number of its last event that is in `call_events`"),
    Column("seen_at", UtcTime, nullable=False, doc="of its last batch"),
)

archives = Table(
    "archives",
    metadata,
    Column("tenant_id", Text, ForeignKey("tenants.tenant_id"), primary_key=True),
    Column("first_day", Date, primary_key=True, doc="of calls' `created_at`, UTC"),
    Column("before_day", Date, nullable=False, doc="the span ends before it; spans follow one another without gaps"),
    Column("files", JSON, nullable=False, doc="path below the archive's folder, by kind"),
    Column("calls", Integer, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("left_open", JSON, nullable=False, doc="ids of calls before the end that were not over: still live"),
    Column("row_ids", JSON, nullable=False, doc="last row archived so far, by append-only table"),
    Column("layout", Integer, nullable=False, doc="of the files, `manifest.LAYOUT`"),
    Column("archived_at", UtcTime, nullable=False),
)

"""The running service's tables: processes, commands to live calls, schedules, notebook runs, verdicts.

Definitions only, beside those of `tables` and in the same MetaData. Processes belong to no tenant.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from opendeep_kit.record.tables import UtcTime, changed_at, metadata

media_workers = Table(
    "media_workers",
    metadata,
    Column("worker_id", Text, primary_key=True),
    Column("host", Text, nullable=False, doc="where Asterisk reaches it"),
    Column("port", Integer, nullable=False),
    Column("state", Text, nullable=False, doc="`workers.WorkerState`"),
    Column("capacity", Integer, nullable=False, doc="calls at a time"),
    Column("live_calls", Integer, nullable=False),
    Column("loop_lag_ms", Double, nullable=False, doc="worst since the heartbeat before"),
    Column("gap_share", Double, nullable=False, doc="0..1 of 20 ms slots skipped since the heartbeat before"),
    Column(
        "provider_carries", Integer, doc="calls of the account that the provider of the voice carries; null: untold"
    ),
    Column("provider_resets_at", UtcTime, doc="from then on that is outdated"),
    Column("provider_blocked_until", UtcTime, doc="the provider turned us away"),
    Column("started_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)

control_processes = Table(
    "control_processes",
    metadata,
    Column("control_id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("reaches_people", Boolean, nullable=False, doc="false: its line leads to the rehearsal's public"),
    Column("serves", Boolean, nullable=False, doc="false: it places only calls for which somebody waits in it"),
    Column("held", JSON, doc="by `tenant/campaign`: what holds its due calls, in a clause; null: untold"),
    Column("bound_by", Text, doc="what allows no call at all, in a clause; null or empty: nothing"),
    Column("buried_by", Text, doc="who took its work over: for good, even if it was only asleep; null: nobody"),
    Column("started_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
)

call_commands = Table(
    "call_commands",
    metadata,
    Column("command_id", Text, primary_key=True, doc="a UUID's text"),
    Column("tenant_id", Text, ForeignKey("tenants.tenant_id"), nullable=False),
    Column("call_id", Text, nullable=False),
    Column("kind", Text, nullable=False, doc="`commands.CommandKind`"),
    Column("argument", Text, nullable=False, doc="what to say, or where to"),
    Column("by", Text, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("taken_at", UtcTime),
    Column("done_at", UtcTime),
    Column("outcome", Text),
    Column("changed_at", UtcTime, nullable=False),
    Index(None, "call_id", "taken_at"),
    Index(None, "tenant_id", "changed_at"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("tenant_id", Text, ForeignKey("tenants.tenant_id"), primary_key=True),
    Column("schedule_id", Text, primary_key=True),
    Column("cron", Text, nullable=False),
    Column("time_zone", Text, nullable=False, doc="IANA name"),
    Column("notebook", Text, nullable=False, doc="path below the project's folder"),
    Column("parameters", JSON, nullable=False),
    Column("is_paused", Boolean, nullable=False),
    Column("last_run_at", UtcTime, doc="the time it was due"),
    Column("next_run_at", UtcTime, doc="null: never"),
    Column("created_at", UtcTime, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    Index(None, "next_run_at"),
)

runs = Table(
    "runs",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("tenant_id", Text, ForeignKey("tenants.tenant_id"), nullable=False),
    Column("notebook", Text, nullable=False),
    Column("parameters", JSON, nullable=False),
    Column("schedule_id", Text, doc="null: started by hand"),
    Column("due_at", UtcTime, doc="by its schedule"),
    Column("state", Text, nullable=False, doc="`runs.RunState`"),
    Column("started_at", UtcTime, nullable=False),
    Column("heartbeat_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("output_notebook", Text, nullable=False, doc="path below the reports folder"),
    Column("output_html", Text, nullable=False, doc="the same"),
    Column("error", Text, nullable=False),
    Column("changed_at", UtcTime, nullable=False),
    ForeignKeyConstraint(["tenant_id", "schedule_id"], ["schedules.tenant_id", "schedules.schedule_id"]),
    UniqueConstraint("tenant_id", "schedule_id", "due_at"),
    Index(None, "state", "heartbeat_at"),
    Index(None, "tenant_id", "changed_at"),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("verdict_id", Text, primary_key=True, doc="a UUID's text, the same for the same verdict"),
    Column("tenant_id", Text, ForeignKey("tenants.tenant_id"), nullable=False),
    Column("call_id", Text, nullable=False),
    Column("verdict", Text, nullable=False, doc="`verdicts.Verdict`"),
    Column("note", Text, nullable=False),
    Column("judged_by", Text, nullable=False),
    Column("judged_at", UtcTime, nullable=False),
    changed_at(),
    Index(None, "tenant_id", "call_id"),
    Index(None, "tenant_id", "changed_at"),
)

"""Campaigns, who waits in them, attempts, permissions, processes, commands, schedules and runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TIME = sa.DateTime(timezone=True)
NUMBERED = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """One step forward."""
    op.add_column("tenants", sa.Column("limits", sa.JSON, nullable=False, server_default="{}"))
    _create_campaigns()
    _create_counts()
    _create_lanes()
    _create_enrolments()
    _create_attempts()
    _create_dnc()
    _create_consents_and_permissions()
    _create_processes()
    _create_commands()
    _create_schedules_and_runs()


def _needed(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _optional(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text) for name in names]


def _row_id() -> sa.Column[int]:
    return sa.Column("row_id", NUMBERED, nullable=False, autoincrement=True)


def _refers(table: str, columns: list[str], to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        columns, [f"{to}.{column}" for column in columns], name=f"fk_{table}_{'_'.join(columns)}"
    )


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, [*columns])


def _create_campaigns() -> None:
    script = ["scripts.tenant_id", "scripts.name", "scripts.version"]
    op.create_table(
        "campaigns",
        *_needed("tenant_id", "campaign_id", "name"),
        *_optional("task_id", "script_name"),
        sa.Column("script_version", sa.Integer),
        *_needed("state"),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        *_needed("trunk_id"),
        sa.Column("starts_at", TIME),
        sa.Column("ends_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "campaign_id", name="pk_campaigns"),
        _refers("campaigns", ["tenant_id"], "tenants"),
        _refers("campaigns", ["tenant_id", "task_id"], "tasks"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "script_name", "script_version"],
            script,
            name="fk_campaigns_tenant_id_script_name_script_version",
        ),
    )
    _index("campaigns", "state")
    op.create_table(
        "campaign_moves",
        _row_id(),
        *_needed("tenant_id", "campaign_id"),
        *_optional("before"),
        *_needed("after", "fact", "reason"),
        sa.Column("at", TIME, nullable=False),
        *_needed("by"),
        sa.PrimaryKeyConstraint("row_id", name="pk_campaign_moves"),
        _refers("campaign_moves", ["tenant_id", "campaign_id"], "campaigns"),
        sqlite_autoincrement=True,
    )
    _index("campaign_moves", "tenant_id", "campaign_id")


def _create_counts() -> None:
    op.create_table(
        "tallies",
        *_needed("tenant_id", "campaign_id", "what"),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "campaign_id", "what", name="pk_tallies"),
        _refers("tallies", ["tenant_id", "campaign_id"], "campaigns"),
    )
    op.create_table(
        "spending",
        *_needed("tenant_id", "campaign_id", "currency"),
        sa.Column("reserved_minor", sa.BigInteger, nullable=False),
        sa.Column("spent_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "campaign_id", "currency", name="pk_spending"),
        _refers("spending", ["tenant_id", "campaign_id"], "campaigns"),
    )


def _create_lanes() -> None:
    op.create_table(
        "lanes",
        sa.Column("lane_id", NUMBERED, nullable=False, autoincrement=True),
        *_needed("tenant_id", "campaign_id", "clock"),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("zones", sa.JSON, nullable=False),
        *_optional("region", "subdivision"),
        sa.Column("is_stated", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("lane_id", name="pk_lanes"),
        _refers("lanes", ["tenant_id", "campaign_id"], "campaigns"),
        sa.UniqueConstraint(
            "tenant_id", "campaign_id", "clock", "priority", name="uq_lanes_tenant_id_campaign_id_clock_priority"
        ),
        sa.UniqueConstraint("tenant_id", "campaign_id", "lane_id", name="uq_lanes_tenant_id_campaign_id_lane_id"),
    )


def _create_enrolments() -> None:
    op.create_table(
        "enrolments",
        sa.Column("enrolment_id", NUMBERED, nullable=False, autoincrement=True),
        *_needed("tenant_id", "campaign_id", "number"),
        *_optional("contact_id"),
        sa.Column("lane_id", NUMBERED, nullable=False),
        *_needed("state"),
        sa.Column("next_at", TIME),
        sa.Column("is_callback", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        *_optional("last_call_id", "outcome", "final_reason"),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("enrolment_id", name="pk_enrolments"),
        _refers("enrolments", ["tenant_id", "campaign_id", "lane_id"], "lanes"),
        _refers("enrolments", ["tenant_id", "contact_id"], "contacts"),
        sa.UniqueConstraint("tenant_id", "number", "campaign_id", name="uq_enrolments_tenant_id_number_campaign_id"),
    )
    _index("enrolments", "lane_id", "state", "is_callback", "next_at", "enrolment_id")
    _index("enrolments", "tenant_id", "changed_at")


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        *_needed("attempt_id", "tenant_id", "campaign_id"),
        sa.Column("enrolment_id", NUMBERED, nullable=False),
        *_needed("number", "state"),
        sa.Column("is_callback", sa.Boolean, nullable=False),
        *_needed("control_id", "trunk_id", "worker_id", "media_host"),
        sa.Column("media_port", sa.Integer, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("dialled_at", TIME),
        sa.Column("ended_at", TIME),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("may_have_rung", sa.Boolean, nullable=False),
        *_optional("phone_result", "disposition", "detail", "currency"),
        sa.Column("reserved_minor", sa.BigInteger, nullable=False),
        sa.Column("spent_minor", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", name="pk_attempts"),
        _refers("attempts", ["tenant_id", "number", "campaign_id"], "enrolments"),
    )
    _index("attempts", "state", "control_id")
    _index("attempts", "tenant_id", "number")
    _index("attempts", "created_at")
    _index("attempts", "trunk_id", "created_at")
    _index("attempts", "tenant_id", "created_at")
    _index("attempts", "tenant_id", "campaign_id", "created_at")
    _index("attempts", "tenant_id", "changed_at")


def _create_dnc() -> None:
    entry = ["tenant_id", "entry", "reason", "source"]
    op.create_table(
        "dnc_entries",
        *_needed(*entry),
        *_optional("call_id", "utterance"),
        sa.Column("added_at", TIME, nullable=False),
        *_needed("added_by"),
        sa.PrimaryKeyConstraint("tenant_id", "entry", name="pk_dnc_entries"),
    )
    op.create_table(
        "dnc_removals",
        _row_id(),
        *_needed(*entry),
        *_optional("call_id", "utterance"),
        sa.Column("added_at", TIME, nullable=False),
        *_needed("added_by"),
        sa.Column("removed_at", TIME, nullable=False),
        *_needed("removed_by", "removal_reason"),
        sa.PrimaryKeyConstraint("row_id", name="pk_dnc_removals"),
        sqlite_autoincrement=True,
    )
    _index("dnc_removals", "tenant_id", "entry")
    op.create_table(
        "dnc_lists",
        *_needed("tenant_id"),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_dnc_lists"),
    )


def _create_consents_and_permissions() -> None:
    op.create_table(
        "consents",
        *_needed("tenant_id", "number", "reference"),
        sa.Column("given_at", TIME, nullable=False),
        sa.Column("expires_at", TIME),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "number", "reference", name="pk_consents"),
        _refers("consents", ["tenant_id"], "tenants"),
    )
    op.create_table(
        "permissions",
        _row_id(),
        *_needed("tenant_id", "campaign_id", "number"),
        *_optional("attempt_id"),
        sa.Column("is_allowed", sa.Boolean, nullable=False),
        *_optional("rule"),
        *_needed("words", "facts_sha256", "dnc_snapshot", "consent"),
        sa.Column("try_again_at", TIME),
        sa.Column("at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("row_id", name="pk_permissions"),
        _refers("permissions", ["tenant_id"], "tenants"),
        sqlite_autoincrement=True,
    )
    _index("permissions", "tenant_id", "number", "row_id")
    _index("permissions", "tenant_id", "campaign_id", "row_id")


def _create_processes() -> None:
    op.create_table(
        "media_workers",
        *_needed("worker_id", "host"),
        sa.Column("port", sa.Integer, nullable=False),
        *_needed("state"),
        sa.Column("capacity", sa.Integer, nullable=False),
        sa.Column("live_calls", sa.Integer, nullable=False),
        sa.Column("loop_lag_ms", sa.Double, nullable=False),
        sa.Column("gap_share", sa.Double, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("worker_id", name="pk_media_workers"),
    )
    op.create_table(
        "control_processes",
        *_needed("control_id", "host"),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("seen_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("control_id", name="pk_control_processes"),
    )


def _create_commands() -> None:
    op.create_table(
        "call_commands",
        *_needed("command_id", "tenant_id", "call_id", "kind", "argument", "by"),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("taken_at", TIME),
        sa.Column("done_at", TIME),
        *_optional("outcome"),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("command_id", name="pk_call_commands"),
        _refers("call_commands", ["tenant_id"], "tenants"),
    )
    _index("call_commands", "call_id", "taken_at")
    _index("call_commands", "tenant_id", "changed_at")


def _create_schedules_and_runs() -> None:
    op.create_table(
        "schedules",
        *_needed("tenant_id", "schedule_id", "cron", "time_zone", "notebook"),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("is_paused", sa.Boolean, nullable=False),
        sa.Column("last_run_at", TIME),
        sa.Column("next_run_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "schedule_id", name="pk_schedules"),
        _refers("schedules", ["tenant_id"], "tenants"),
    )
    _index("schedules", "next_run_at")
    op.create_table(
        "runs",
        *_needed("run_id", "tenant_id", "notebook"),
        sa.Column("parameters", sa.JSON, nullable=False),
        *_optional("schedule_id"),
        sa.Column("due_at", TIME),
        *_needed("state"),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("heartbeat_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        *_needed("output_notebook", "output_html", "error"),
        sa.Column("changed_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_runs"),
        _refers("runs", ["tenant_id"], "tenants"),
        _refers("runs", ["tenant_id", "schedule_id"], "schedules"),
        sa.UniqueConstraint("tenant_id", "schedule_id", "due_at", name="uq_runs_tenant_id_schedule_id_due_at"),
    )
    _index("runs", "state", "heartbeat_at")
    _index("runs", "tenant_id", "changed_at")

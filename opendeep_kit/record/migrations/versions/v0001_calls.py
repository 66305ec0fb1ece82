"""Tenants, tasks, scripts, contacts, calls and their events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """One step forward."""
    _create_tenants_tasks_scripts()
    _create_contacts()
    _create_calls()
    _create_call_events()


def _create_tenants_tasks_scripts() -> None:
    op.create_table(
        "tenants",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text, nullable=False),
        sa.Column("default_region", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_tenants"),
    )
    op.create_table(
        "tasks",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("task_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "task_id", name="pk_tasks"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_tasks_tenant_id"),
    )
    op.create_table(
        "scripts",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "name", "version", name="pk_scripts"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_scripts_tenant_id"),
        sa.UniqueConstraint("tenant_id", "name", "sha256", name="uq_scripts_tenant_id_name_sha256"),
    )


def _create_contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("contact_id", sa.Text, nullable=False),
        sa.Column("campaign", sa.Text),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("time_zone", sa.Text),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "contact_id", name="pk_contacts"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_contacts_tenant_id"),
    )
    op.create_index("ix_contacts_tenant_id_campaign", "contacts", ["tenant_id", "campaign"])


def _create_calls() -> None:
    op.create_table(
        "calls",
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("task_id", sa.Text),
        sa.Column("script_name", sa.Text),
        sa.Column("script_version", sa.Integer),
        sa.Column("contact_id", sa.Text),
        sa.Column("campaign", sa.Text),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("line", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("expected_until", TIME, nullable=False),
        *(sa.Column(name, TIME) for name in ("admitted_at", "answered_at", "ended_at")),
        *(sa.Column(name, sa.Text) for name in ("phone_result", "disposition", "ended_by", "detail")),
        sa.Column("answers", sa.JSON),
        sa.Column("duration_ms", sa.Double),
        sa.Column("turns", sa.Integer),
        sa.Column("voice_to_voice_p50_ms", sa.Double),
        sa.Column("voice_to_voice_p95_ms", sa.Double),
        sa.Column("barge_ins", sa.Integer),
        sa.Column("barge_in_stops_ms", sa.JSON),
        sa.Column("disclosed_at_ms", sa.Double),
        sa.Column("recording", sa.Text),
        sa.Column("recording_sha256", sa.Text),
        sa.PrimaryKeyConstraint("call_id", name="pk_calls"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_calls_tenant_id"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "task_id"], ["tasks.tenant_id", "tasks.task_id"], name="fk_calls_tenant_id_task_id"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "script_name", "script_version"],
            ["scripts.tenant_id", "scripts.name", "scripts.version"],
            name="fk_calls_tenant_id_script_name_script_version",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "contact_id"],
            ["contacts.tenant_id", "contacts.contact_id"],
            name="fk_calls_tenant_id_contact_id",
        ),
    )
    op.create_index("ix_calls_tenant_id_created_at", "calls", ["tenant_id", "created_at"])
    op.create_index("ix_calls_tenant_id_campaign", "calls", ["tenant_id", "campaign"])
    op.create_index("ix_calls_tenant_id_contact_id", "calls", ["tenant_id", "contact_id"])
    op.create_index("ix_calls_changed_at", "calls", ["changed_at"])


def _create_call_events() -> None:
    op.create_table(
        "call_events",
        sa.Column("row_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False, autoincrement=True),
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.Double, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("data", sa.Text, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("row_id", name="pk_call_events"),
        sa.UniqueConstraint("call_id", "seq", name="uq_call_events_call_id_seq"),
        sqlite_autoincrement=True,
    )

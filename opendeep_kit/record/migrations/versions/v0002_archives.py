"""The manifest of archived days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """One step forward."""
    op.create_table(
        "archives",
        sa.Column("tenant_id", sa.Text, nullable=False),
        sa.Column("first_day", sa.Date, nullable=False),
        sa.Column("before_day", sa.Date, nullable=False),
        sa.Column("files", sa.JSON, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("events", sa.BigInteger, nullable=False),
        sa.Column("left_open", sa.JSON, nullable=False),
        sa.Column("row_ids", sa.JSON, nullable=False),
        sa.Column("layout", sa.Integer, nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "first_day", name="pk_archives"),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.tenant_id"], name="fk_archives_tenant_id"),
    )

"""What a media worker on another host must know of a call, and what it says of its end."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """One step forward."""
    op.add_column("calls", sa.Column("facts", sa.JSON, nullable=False, server_default="{}"))
    op.add_column("calls", sa.Column("worker_id", sa.Text))
    op.add_column("calls", sa.Column("media_ended_at", sa.DateTime(timezone=True)))
    op.add_column("calls", sa.Column("media_ended_by", sa.Text))
    op.add_column("calls", sa.Column("media_detail", sa.Text))
    op.add_column("calls", sa.Column("media_ms", sa.Double))
    op.add_column("calls", sa.Column("transfer_to", sa.Text))
    op.add_column("calls", sa.Column("transfer_answer", sa.Text))

"""What holds due calls, as the planning control process tells it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """One step forward."""
    op.add_column("control_processes", sa.Column("held", sa.JSON))
    op.add_column("control_processes", sa.Column("bound_by", sa.Text))

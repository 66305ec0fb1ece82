"""Whether a control process's line reaches people, or the rehearsal's public."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """One step forward."""
    op.add_column(
        "control_processes", sa.Column("reaches_people", sa.Boolean, nullable=False, server_default=sa.true())
    )

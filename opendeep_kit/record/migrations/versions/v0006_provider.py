"""What the voice model's provider told a media worker of its limits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """One step forward."""
    op.add_column("media_workers", sa.Column("provider_carries", sa.Integer))
    op.add_column("media_workers", sa.Column("provider_resets_at", sa.DateTime(timezone=True)))
    op.add_column("media_workers", sa.Column("provider_blocked_until", sa.DateTime(timezone=True)))

"""Calls of no campaign are found in the ledger by their time: they count for the caps of all calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

BY_HAND = sa.text("campaign_id = ''")


def upgrade() -> None:
    """One step forward."""
    op.create_index("ix_permissions_by_hand", "permissions", ["at"], sqlite_where=BY_HAND, postgresql_where=BY_HAND)

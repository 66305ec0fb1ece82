"""The record as the first release has it.

Until 0.1.0 is released this revision makes whatever the tables say. The release freezes it: from then on each change
of a table is a revision of its own, after this one.
"""

from __future__ import annotations

from alembic import op

from opendeep_kit.record.tables import metadata

revision = "0.1.0"
down_revision = None


def upgrade() -> None:
    """From nothing."""
    metadata.create_all(op.get_bind(), checkfirst=False)

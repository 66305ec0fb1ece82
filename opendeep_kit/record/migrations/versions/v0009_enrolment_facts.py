"""What a script may say of a contact stands on the enrolment: it is what that row of that list said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

# An id that two lists gave to two numbers had kept the last one's facts: they go to that number alone.
FACTS = """
UPDATE enrolments SET facts = (
    SELECT contacts.facts FROM contacts
    WHERE contacts.tenant_id = enrolments.tenant_id AND contacts.contact_id = enrolments.contact_id
)
WHERE EXISTS (
    SELECT 1 FROM contacts
    WHERE contacts.tenant_id = enrolments.tenant_id AND contacts.contact_id = enrolments.contact_id
        AND contacts.number = enrolments.number
)
"""

# Nobody reads them any more, and nothing would ever delete them.
FORGET = "UPDATE contacts SET name = '', time_zone = NULL, facts = '{}'"


def upgrade() -> None:
    """One step forward."""
    op.add_column("enrolments", sa.Column("facts", sa.JSON, nullable=False, server_default="{}"))
    op.execute(FACTS)
    op.execute(FORGET)

"""Looks into a tenant's do-not-call list: its newest entries, and those that begin with some digits.

Given a tenant, reads its own list alone. Whether a number may be called is asked of `dnc`; nothing is changed here.
"""

from __future__ import annotations

from dataclasses import fields

from sqlalchemy import select

from opendeep_kit.store.campaign_tables import dnc_entries, dnc_lists
from opendeep_kit.store.database import Database
from opendeep_kit.store.dnc import Entry


def version_of(database: Database, tenant_id: str) -> int:
    """Another one after every change of the list; cheap to ask."""
    with database.read() as connection:
        found = connection.scalar(select(dnc_lists.c.version).where(dnc_lists.c.tenant_id == tenant_id))
    return int(found or 0)


def newest_entries(database: Database, tenant_id: str, *, beginning: str = "", limit: int = 50) -> list[Entry]:
    """The newest entries; of those that begin so when it is said."""
    query = select(dnc_entries).where(dnc_entries.c.tenant_id == tenant_id)
    if beginning:
        query = query.where(dnc_entries.c.entry.startswith(beginning, autoescape=True))
    query = query.order_by(dnc_entries.c.added_at.desc(), dnc_entries.c.entry).limit(limit)
    with database.read() as connection:
        return [
            Entry(**{part.name: row._mapping[part.name] for part in fields(Entry)}) for row in connection.execute(query)
        ]

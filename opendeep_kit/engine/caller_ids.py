"""Which number a tenant's calls show.

Given the record and a tenant, reads its caller ids. Never checks that the trunk accepts them.
"""

from __future__ import annotations

from opendeep_kit.record import campaigns
from opendeep_kit.record.database import Database


def caller_id_of(database: Database, tenant_id: str) -> str:
    """The first of the tenant's caller ids, E.164; empty when it has none: the line's own is shown.

    Raises:
        BadInput: the tenant's limits cannot be read.
    """
    limits = campaigns.limits_of(database, tenant_id)
    return limits.caller_ids[0] if limits.caller_ids else ""

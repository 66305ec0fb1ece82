"""The shape of the campaigns' tables."""

import pytest
from sqlalchemy import Table

from opendeep_kit.record import campaign_tables

TABLES = [thing for thing in vars(campaign_tables).values() if isinstance(thing, Table)]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_row_carries_its_tenant(table: Table) -> None:
    """No table of campaigns has a row without a tenant."""
    assert not table.c.tenant_id.nullable


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_references_carry_the_tenant(table: Table) -> None:
    """No row can point into another tenant's data."""
    for reference in table.foreign_key_constraints:
        assert "tenant_id" in reference.column_keys


def test_readers_can_follow() -> None:
    """What grows large is either only added to, with a number that grows, or notes its changes."""
    appended = [table.name for table in TABLES if "row_id" in table.c]
    changed = [table.name for table in TABLES if "changed_at" in table.c]

    assert appended == ["campaign_moves", "dnc_removals", "permissions"]
    assert changed == ["campaigns", "enrolments", "attempts", "dnc_lists", "consents"]

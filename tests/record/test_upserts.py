"""Rows that may be there already."""

from sqlalchemy import select

from opendeep_kit.record.database import Database
from opendeep_kit.record.tables import tenants
from opendeep_kit.record.upserts import add_new, upsert
from tests.record.conftest import NOON, SOON

ROW = {"tenant_id": "x", "display_name": "X", "time_zone": "UTC", "default_region": "US", "created_at": NOON}


def read(database: Database) -> dict[str, object]:
    """The row as it is now."""
    with database.read() as connection:
        return dict(connection.execute(select(tenants).where(tenants.c.tenant_id == "x")).one()._mapping)


def test_upsert_writes_what_is_named(database: Database) -> None:
    """A row that is there gets the columns named, but for when it was made; others stay as they are."""
    with database.write() as connection:
        connection.execute(upsert(connection, tenants, [*ROW, "limits"]), ROW | {"limits": {"weight": 2}})
    with database.write() as connection:
        row = ROW | {"display_name": "Y", "created_at": SOON}
        connection.execute(upsert(connection, tenants, ROW), row)

    assert read(database) == ROW | {"display_name": "Y", "limits": {"weight": 2}}


def test_add_new_leaves_what_is_there(database: Database) -> None:
    """The same key again changes nothing, and is not counted."""
    rows = [ROW | {"tenant_id": name} for name in ("x", "y")]
    with database.write() as connection:
        assert connection.execute(add_new(connection, tenants), rows).rowcount == 2
    with database.write() as connection:
        again = [row | {"display_name": "other"} for row in (*rows, ROW | {"tenant_id": "z"})]
        assert connection.execute(add_new(connection, tenants), again).rowcount == 1

    assert read(database)["display_name"] == "X"

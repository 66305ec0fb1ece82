"""The record under test: SQLite files always, PostgreSQL where `OPENDEEP_TEST_POSTGRES` names a server."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from opendeep_kit.record import directory
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.tenants import Tenant

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SOON = NOON + timedelta(minutes=2)
POSTGRESQL = os.environ.get("OPENDEEP_TEST_POSTGRES", "")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty place for a record."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'opendeep.db'}"
        return
    if not POSTGRESQL:
        pytest.skip("set OPENDEEP_TEST_POSTGRES to the URL of an empty PostgreSQL database")
    place = make_url(POSTGRESQL).set(drivername="postgresql+psycopg")
    schema = f"test_{uuid.uuid4().hex}"
    admin = create_engine(place, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    inside = place.update_query_dict({"options": f"-csearch_path={schema}"})
    yield inside.render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    admin.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """An empty place for a SQLite record."""
    return f"sqlite:///{tmp_path / 'opendeep.db'}"


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """An open record with two tenants, `clinic` and `garage`."""
    opened = open_database(url)
    for name in ("clinic", "garage"):
        directory.save_tenant(opened, Tenant(tenant_id=name, display_name=name.title()), now=NOON)
    yield opened
    opened.close()

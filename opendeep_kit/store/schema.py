"""Brings the tables to the newest revision.

Given a connection in a writing transaction, runs what is missing of `migrations` inside it: all or nothing. Never
goes back: an older package refuses a newer record.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from opendeep_kit.errors import BadInput
from opendeep_kit.store import campaign_tables, service_tables
from opendeep_kit.store.tables import HEAD, metadata

TABLES_BESIDE = (campaign_tables, service_tables)
"""Loaded here, so that `metadata` is complete."""

VERSION_TABLE = "alembic_version"


def version_of(connection: Connection) -> str | None:
    """The revision the tables have; None when there are none yet."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    return found


def upgrade(connection: Connection, where: str) -> None:
    """Run the missing revisions, if any.

    Raises:
        BadInput: the revision is not one of ours, or the tables belong to something else.
    """
    found = version_of(connection)
    if found == HEAD:
        return
    if found is None:
        _check_nothing_in_the_way(connection, where)
    # Alembic takes longer to import than an up-to-date record takes to open.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "opendeep_kit.store:migrations")
    known = {revision.revision for revision in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise BadInput(
            f"the database {where} has schema {found!r}, which this version of opendeep_kit does not know",
            do="upgrade opendeep_kit, or name another database in store.url",
        )
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _check_nothing_in_the_way(connection: Connection, where: str) -> None:
    taken = sorted(set(inspect(connection).get_table_names()) & set(metadata.tables))
    if taken:
        raise BadInput(
            f"the database {where} has a table {taken[0]!r} that is not ours", do="name another one in store.url"
        )

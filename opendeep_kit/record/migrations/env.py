"""What Alembic runs for every command.

Given the connection that `store.schema` hands over, runs the revisions in its transaction. Never connects by itself.
"""

from __future__ import annotations

from alembic import context

from opendeep_kit.errors import BadInput
from opendeep_kit.record.tables import metadata

connection = context.config.attributes.get("connection")
if connection is None:
    raise BadInput("Alembic was started by hand", do="open the record with open_database(url): it upgrades it")
# Batches: SQLite alters a table by copying it.
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()

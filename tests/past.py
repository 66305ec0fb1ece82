"""A data folder with six calls of a real rehearsal, as a service leaves it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from opendeep_kit.record import directory
from opendeep_kit.record.database import open_database
from opendeep_kit.tenants import DEFAULT_TENANT, Tenant
from tests.record import recorded

AT = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NUMBERS = ("0101", "0104", "0111", "0108", "0112", "0120")
"""Of the personas who were called, in the order of `recorded`."""


def fill(folder: Path, *, campaign: str = "spring") -> list[str]:
    """Write the six calls; returns their ids."""
    database = open_database(f"sqlite:///{folder / 'opendeep.db'}")
    directory.save_tenant(database, Tenant(tenant_id=DEFAULT_TENANT, display_name="Default"), now=AT)
    script = directory.save_script(database, DEFAULT_TENANT, name="confirm", text="one", now=AT)
    ids = [
        recorded.place(
            database,
            happened,
            at=AT + timedelta(minutes=place),
            tenant_id=DEFAULT_TENANT,
            number=f"+1212555{NUMBERS[place]}",
            campaign=campaign,
            script_name=script.name,
            script_version=script.version,
        )
        for place, happened in enumerate(recorded.recorded())
    ]
    database.close()
    return ids

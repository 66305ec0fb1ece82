"""The shape of the service's tables."""

from sqlalchemy import Table

from opendeep_kit.record import service_tables

TABLES = [thing for thing in vars(service_tables).values() if isinstance(thing, Table)]


def test_only_processes_belong_to_no_tenant() -> None:
    """Commands, schedules and runs carry their tenant; processes serve all."""
    without = [table.name for table in TABLES if "tenant_id" not in table.c]

    assert without == ["media_workers", "control_processes"]
    assert all("changed_at" in table.c for table in TABLES if table.name not in without)

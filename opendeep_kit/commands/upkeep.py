"""`opendeep upkeep`: archives closed days and deletes what may be kept no longer, now instead of at night.

Given settings, does what the service does once a day, and prints it. On a host that only holds sound, run it daily:
its recordings are its own.
"""

from __future__ import annotations

from pathlib import Path

from opendeep_kit.commands.record import now, record, say_rows
from opendeep_kit.engine.upkeep import keep_up


def run_upkeep(*, as_json: bool, data: Path | None) -> int:
    """Do it, and print a line for each tenant. Returns 1 when a tenant's could not be done."""
    with record(data) as (database, settings):
        done = keep_up(database, settings, now=now())
    rows = [
        {
            "tenant": one.tenant_id,
            "days_archived": one.days,
            "calls_archived": one.calls,
            "keeps_from": one.keeps_from,
            "calls_dropped": one.forgotten.rows,
            "recordings_deleted": one.forgotten.recordings,
            "reports_deleted": one.reports,
            "contacts_emptied": one.contacts,
            "failure": one.failure,
        }
        for one in done
    ]
    say_rows(as_json, rows, title="Upkeep", nothing="no tenant")
    return int(any(one.failure for one in done))

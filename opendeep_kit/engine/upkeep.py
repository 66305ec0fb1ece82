"""The nightly upkeep: archives closed days and deletes what is past a tenant's retention.

Given the record and the time, does for each tenant what is due; when nothing is due it costs one look. A failure for
one tenant is reported and leaves the others alone. Never deletes what is not archived.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from opendeep_kit.config import Settings
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.record import campaigns, directory, enrolments
from opendeep_kit.record.database import Database
from opendeep_kit.tenants import DEFAULT_TENANT
from opendeep_kit.warehouse.archive import archive_days, merge_months, sweep
from opendeep_kit.warehouse.manifest import midnight
from opendeep_kit.warehouse.retention import Forgotten, forget, forget_files, forget_reports

DEMO_REPORTS = ("report.ipynb", "report.ipynb.new", "report.html")
"""In the data folder, which may be a person's own."""
AFTER_MIDNIGHT = timedelta(hours=2)
"""UTC: by then the day's last calls have ended and are written down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What was done for one tenant."""

    tenant_id: str
    days: int = 0
    """Newly in the archive."""
    calls: int = 0
    """Of these days."""
    forgotten: Forgotten = field(default_factory=Forgotten)
    reports: int = 0
    """Deleted files with calls word for word: reports, and the events of rehearsals and single calls."""
    contacts: int = 0
    """Contacts whose facts were erased: they are not called any more, and their campaign is just as old."""
    keeps_from: date | None = None
    """Words and recordings of earlier days are gone."""
    failure: str = ""
    """Why it was not done, with what to do; empty: it was."""


def closed_before(now: datetime) -> date:
    """Days before this one are over and written down."""
    return (now - AFTER_MIDNIGHT).date()


def keep_up(database: Database, settings: Settings, *, now: datetime) -> list[Kept]:
    """All that is due, tenant by tenant. Blocks, for minutes after a day of many calls: call it off the loop.

    Raises:
        Unavailable: the record cannot be reached.
    """
    archive = settings.data_dir / "archive"
    done = [_keep(database, settings, tenant_id, now) for tenant_id in _tenants(database)]
    if archive.is_dir():
        sweep(database, archive)
    return done


def _tenants(database: Database) -> list[str]:
    return [tenant.tenant_id for tenant in directory.all_tenants(database)]


def _keep(database: Database, settings: Settings, tenant_id: str, now: datetime) -> Kept:
    archive = settings.data_dir / "archive"
    try:
        keeps_from = closed_before(now) - timedelta(days=campaigns.limits_of(database, tenant_id).retention_days)
        spans = archive_days(database, closed_before(now), archive, now=now, tenant_id=tenant_id, daily_from=keeps_from)
        gone = forget(database, tenant_id, keeps_from, recordings=settings.recordings_dir, archive=archive)
        reports = _forget_reports(settings, tenant_id, keeps_from)
        contacts = enrolments.forget_facts(database, tenant_id, midnight(keeps_from))
        # A month is merged once its words are gone: until then each day's can be deleted on its own day.
        merge_months(database, archive, tenant_id, now=now, before=keeps_from)
    except (BadInput, Unavailable) as error:
        log().error("! a tenant's upkeep could not be done", tenant=tenant_id, what=error.what)
        return Kept(tenant_id=tenant_id, failure=str(error))
    return Kept(
        tenant_id=tenant_id,
        days=sum((span.before_day - span.first_day).days for span in spans),
        calls=sum(span.calls for span in spans),
        forgotten=gone,
        reports=reports,
        contacts=contacts,
        keeps_from=keeps_from,
    )


def _forget_reports(settings: Settings, tenant_id: str, before: date) -> int:
    gone = forget_reports(settings.reports_dir, tenant_id, before)
    if tenant_id == DEFAULT_TENANT:  # for whom `demo`, `rehearse` and `dial` call; their files name no tenant
        data = settings.data_dir
        reports = (data / name for name in DEMO_REPORTS)
        gone += forget_files([*reports, *data.glob("rehearsals/*.events.jsonl")], before)
    return gone

"""What every board's presenter is given, and the words that they share.

Given settings, opens one tenant's record for the notebook of a board; given plain values, says instants, money and
names as a page shows them. Which tenant it is, is decided by whoever starts the dashboards, never by a browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from opendeep_kit.config import Settings, load_settings
from opendeep_kit.errors import BadInput
from opendeep_kit.record import directory
from opendeep_kit.record.database import Clock, Database, open_database, utc_now
from opendeep_kit.tenants import DEFAULT_TENANT, Tenant

NO_MINOR_UNIT = frozenset(["CLP", "ISK", "JPY", "KRW", "PYG", "UGX", "VND", "XAF", "XOF"])
"""Currencies without cents (ISO 4217)."""
THOUSANDTHS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRecord:
    """One tenant's record, open for a board."""

    settings: Settings
    tenant: Tenant
    database: Database
    clock: Clock = utc_now

    @property
    def tenant_id(self) -> str:
        """Whose calls a board may show."""
        return self.tenant.tenant_id

    def close(self) -> None:
        """Close the record."""
        self.database.close()


def open_tenant_record(settings: Settings | None = None, *, tenant_id: str = "") -> TenantRecord:
    """The record of one tenant.

    Args:
        settings: None: those in force.
        tenant_id: empty: the one in the settings.

    Raises:
        BadInput: there is no such tenant.
        Unavailable: the record cannot be opened.
    """
    settings = settings or load_settings()
    tenant_id = tenant_id or settings.dashboards.tenant
    database = open_database(settings.store_url)
    try:
        return TenantRecord(settings=settings, tenant=existing_tenant(database, tenant_id), database=database)
    except BaseException:
        database.close()
        raise


def existing_tenant(database: Database, tenant_id: str) -> Tenant:
    """The tenant; the default one is made where there is none yet.

    Raises:
        BadInput: there is no such tenant.
    """
    if tenant_id == DEFAULT_TENANT:
        directory.ensure_default_tenant(database, now=utc_now())
    tenant = directory.tenant(database, tenant_id)
    if tenant is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="run `opendeep tenant add`")
    return tenant


# ---- words ------------------------------------------------------------------------------------------


def unknown_action() -> BadInput:
    """A page that is older or newer than this kernel asks for something else."""
    return BadInput("this board does not have that action", do="reload the page")


def epoch_ms(at: datetime) -> float:
    """The instant as a browser counts."""
    return at.timestamp() * 1000


def named(by: str) -> str:
    """Who acts.

    Raises:
        BadInput: nobody is named.
    """
    if not by.strip():
        raise BadInput("your name is missing", do="write your name at the top of the page")
    return by.strip()


def money(minor: int, currency: str) -> str:
    """12.50 USD."""
    if currency in NO_MINOR_UNIT:
        return f"{minor:,} {currency}"
    digits = 3 if currency in THOUSANDTHS else 2
    return f"{minor / 10**digits:,.{digits}f} {currency}"


def moment(at: datetime, now: datetime, time_zone: str) -> str:
    """When it is, on the tenant's wall clock, and in how long: `14:30 CET, in 12 min`."""
    there = at.astimezone(ZoneInfo(time_zone))
    is_today = there.date() == now.astimezone(ZoneInfo(time_zone)).date()
    clock = f"{there:%H:%M %Z}" if is_today else f"{there:%a %d %b %H:%M %Z}"
    return f"{clock}, in {_span(at - now)}" if at > now else clock


def _span(wait: timedelta) -> str:
    minutes = wait.total_seconds() / 60
    if minutes < 1:
        return "less than a minute"
    if minutes < 90:
        return f"{minutes:.0f} min"
    return f"{minutes / 60:.0f} h" if minutes < 36 * 60 else f"{minutes / 1440:.0f} days"

"""SEAM that opens a tenant's desk: the record, and the boards over it.

Given settings, opens one tenant's record for a dashboard's notebook and builds the board it asks for. Which tenant is
decided by whoever starts the dashboards, never by a browser.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opendeep_kit.config import Settings, load_settings
from opendeep_kit.errors import BadInput
from opendeep_kit.record import directory
from opendeep_kit.record.database import Clock, Database, open_database, utc_now
from opendeep_kit.tenants import DEFAULT_TENANT, Tenant

if TYPE_CHECKING:
    from opendeep_kit.boards.campaign.desk import CampaignDesk
    from opendeep_kit.boards.live.desk import LiveDesk
    from opendeep_kit.boards.quality.desk import QualityDesk
    from opendeep_kit.boards.tenant.desk import TenantDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One tenant's desk. A board's own modules are imported when it is asked for: every viewer is a kernel."""

    settings: Settings
    tenant: Tenant
    database: Database
    clock: Clock = utc_now

    def live(self) -> LiveDesk:
        """Calls now."""
        from opendeep_kit.boards.live.desk import LiveDesk

        return LiveDesk(self.database, self.tenant.tenant_id, self.settings.service, clock=self.clock)

    def campaign(self) -> CampaignDesk:
        """Campaigns."""
        from opendeep_kit.boards.campaign.desk import CampaignDesk

        return CampaignDesk(self.database, self.tenant, self.settings.service, clock=self.clock)

    def quality(self) -> QualityDesk:
        """What the calls were like."""
        from opendeep_kit.boards.quality.desk import QualityDesk

        return QualityDesk(self.settings, self.tenant.tenant_id, clock=self.clock)

    def tenant_board(self) -> TenantDesk:
        """Limits, money, do-not-call, schedules."""
        from opendeep_kit.boards.tenant.desk import TenantDesk
        from opendeep_kit.engine.schedules import reports_dir

        return TenantDesk(self.database, self.tenant, reports=reports_dir(self.settings), clock=self.clock)

    def close(self) -> None:
        """Close the record."""
        self.database.close()


def open_desk(settings: Settings | None = None, *, tenant_id: str = "") -> Desk:
    """The desk of one tenant.

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
        return Desk(settings=settings, tenant=existing_tenant(database, tenant_id), database=database)
    except BaseException:
        database.close()
        raise


def existing_tenant(database: Database, tenant_id: str) -> Tenant:
    """The tenant; the default one is made where there is none yet.

    Raises:
        BadInput: there is no such tenant.
    """
    found = directory.tenant(database, tenant_id)
    if found is None and tenant_id == DEFAULT_TENANT:
        found = Tenant(tenant_id=DEFAULT_TENANT, display_name="Default")
        directory.save_tenant(database, found, now=utc_now())
    if found is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="run `opendeep tenant add`")
    return found

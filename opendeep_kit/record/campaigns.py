"""Campaigns, how they were moved, and what their tenants may do.

Given plain values and the time, writes and reads them; a campaign's state changes only together with a row of its
history. Which move is possible, and what a spec means, is not known here: that is `campaigns/`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update

from opendeep_kit.errors import BadInput
from opendeep_kit.record.campaign_tables import campaign_moves, campaigns
from opendeep_kit.record.counters import calling
from opendeep_kit.record.database import Database
from opendeep_kit.record.tables import tenants

MADE = "made"
"""The fact of a campaign's first move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCampaign:
    """What a person sets of a campaign."""

    tenant_id: str
    campaign_id: str
    """The tenant's own; another tenant may use the same."""
    name: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    """Windows, caps, retries, budget, goal … as JSON."""
    task_id: str | None = None
    script_name: str | None = None
    script_version: int | None = None
    priority: int = 0
    """Among the tenant's campaigns; the higher goes first."""
    weight: float = 1.0
    """Share among campaigns of one priority."""
    trunk_id: str = "default"
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.campaign_id.strip() or not self.name.strip():
            raise BadInput("a campaign has no id or no name", do="give it both")
        if (self.script_name is None) != (self.script_version is None):
            raise BadInput("a campaign names half a script", do="give both its name and its version, or neither")


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign(NewCampaign):
    """One campaign's row."""

    state: str
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One step of a campaign."""

    before: str | None
    """None: it was made."""
    after: str
    fact: str
    """What moved it."""
    reason: str
    """One clause for a person."""
    at: datetime
    by: str
    """A person's name, or `control`."""


def create(database: Database, campaign: NewCampaign, *, state: str, by: str, now: datetime) -> None:
    """Add a campaign.

    Raises:
        BadInput: it is there already, or its tenant, task or script is not.
    """
    row = _values(campaign) | {"state": state, "created_at": now, "changed_at": now}
    first = Move(before=None, after=state, fact=MADE, reason="it was made", at=now, by=by)
    with calling(database) as connection:
        connection.execute(insert(campaigns), row)
        connection.execute(insert(campaign_moves), _move_row(campaign.tenant_id, campaign.campaign_id, first))


def change(
    database: Database, campaign: NewCampaign, *, in_states: Collection[str], now: datetime, step: Move | None = None
) -> bool:
    """Set all that a person sets. False when there is no such campaign in one of these states.

    Args:
        step: taken with it, with its history; the campaign must be in the state before it.

    Raises:
        BadInput: its task or script is not there.
    """
    mine: tuple[ColumnElement[bool], ...] = (
        *_of(campaign.tenant_id, campaign.campaign_id),
        campaigns.c.state.in_(in_states),
    )
    values = _values(campaign) | {"changed_at": now}
    if step is not None:
        mine = (*mine, campaigns.c.state == step.before)
        values |= {"state": step.after}
    with calling(database) as connection:
        changed = connection.execute(update(campaigns).where(*mine).values(values))
        if changed.rowcount == 1 and step is not None:
            connection.execute(insert(campaign_moves), _move_row(campaign.tenant_id, campaign.campaign_id, step))
        return changed.rowcount == 1


def move(database: Database, tenant_id: str, campaign_id: str, step: Move) -> bool:
    """Take a step, with its history. False when the campaign is not (any more) in the state before it.

    Once a step out of a calling state has returned, no further call is permitted.
    """
    mine = (*_of(tenant_id, campaign_id), campaigns.c.state == step.before)
    with calling(database) as connection:
        moved = connection.execute(update(campaigns).where(*mine).values(state=step.after, changed_at=step.at))
        if moved.rowcount != 1:
            return False
        connection.execute(insert(campaign_moves), _move_row(tenant_id, campaign_id, step))
        return True


def campaign(database: Database, tenant_id: str, campaign_id: str) -> Campaign | None:
    """The tenant's campaign of this id."""
    with database.read() as connection:
        row = connection.execute(select(campaigns).where(*_of(tenant_id, campaign_id))).one_or_none()
    return None if row is None else to_campaign(row)


def campaigns_of(database: Database, tenant_id: str) -> list[Campaign]:
    """The tenant's campaigns, the newest first."""
    query = select(campaigns).where(campaigns.c.tenant_id == tenant_id)
    query = query.order_by(campaigns.c.created_at.desc(), campaigns.c.campaign_id)
    with database.read() as connection:
        return [to_campaign(row) for row in connection.execute(query)]


def all_campaigns(database: Database, states: Collection[str]) -> list[Campaign]:
    """Campaigns of every tenant in these states, by tenant and id. For the dialler and the operator only."""
    query = select(campaigns).where(campaigns.c.state.in_(states))
    query = query.order_by(campaigns.c.tenant_id, campaigns.c.campaign_id)
    with database.read() as connection:
        return [to_campaign(row) for row in connection.execute(query)]


def moves_of(database: Database, tenant_id: str, campaign_id: str) -> list[Move]:
    """How the campaign came to where it is, in order."""
    mine = (campaign_moves.c.tenant_id == tenant_id, campaign_moves.c.campaign_id == campaign_id)
    query = select(campaign_moves).where(*mine).order_by(campaign_moves.c.row_id)
    with database.read() as connection:
        return [
            Move(**{part.name: row._mapping[part.name] for part in fields(Move)}) for row in connection.execute(query)
        ]


# ---- what tenants may do ----------------------------------------------------------------------------


def save_limits(database: Database, tenant_id: str, limits: Mapping[str, Any]) -> None:
    """Set what a tenant may do, over all its campaigns.

    Raises:
        BadInput: there is no such tenant.
    """
    with calling(database) as connection:
        mine = update(tenants).where(tenants.c.tenant_id == tenant_id)
        if connection.execute(mine.values(limits=dict(limits))).rowcount != 1:
            raise BadInput(f"there is no tenant {tenant_id!r}", do="add it with save_tenant")


def limits_of(database: Database, tenant_id: str) -> dict[str, Any] | None:
    """What the tenant may do, as it was saved; None: there is no such tenant."""
    with database.read() as connection:
        found = connection.scalar(select(tenants.c.limits).where(tenants.c.tenant_id == tenant_id))
    return None if found is None else dict(found)


def all_limits(database: Database) -> dict[str, dict[str, Any]]:
    """What every tenant may do, by tenant. For the dialler and the operator only."""
    with database.read() as connection:
        return dict(connection.execute(select(tenants.c.tenant_id, tenants.c.limits)).all())


# ---- rows -------------------------------------------------------------------------------------------


def to_campaign(row: Row[Any]) -> Campaign:
    """The campaign in a row that has all its columns."""
    return Campaign(**{part.name: row._mapping[part.name] for part in fields(Campaign)})


def _of(tenant_id: str, campaign_id: str) -> tuple[Any, Any]:
    return campaigns.c.tenant_id == tenant_id, campaigns.c.campaign_id == campaign_id


def _values(campaign: NewCampaign) -> dict[str, Any]:
    return {part.name: getattr(campaign, part.name) for part in fields(NewCampaign)} | {"spec": dict(campaign.spec)}


def _move_row(tenant_id: str, campaign_id: str, step: Move) -> dict[str, Any]:
    values = {part.name: getattr(step, part.name) for part in fields(Move)}
    return {"tenant_id": tenant_id, "campaign_id": campaign_id} | values

"""Campaigns, how they were moved, and what their tenants may do.

Given campaigns, limits and the time, writes and reads them as the rules know them; a campaign's state changes only
together with a row of its history. Which move is possible is not known here: that is `campaigns/lifecycle`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, select, update

from opendeep_kit.campaigns.lifecycle import Move, TaskFact, TaskState
from opendeep_kit.campaigns.model import Campaign, TenantLimits
from opendeep_kit.campaigns.specs import NAMES, limits_spec, parse_limits, parse_spec, spec_of
from opendeep_kit.errors import BadInput
from opendeep_kit.logs import log
from opendeep_kit.record.campaign_tables import campaign_moves, campaigns
from opendeep_kit.record.database import Database, calling
from opendeep_kit.record.tables import tenants

BY_HAND, REHEARSAL = "by-hand", "rehearsal"
"""What a person calls, and the personas that they rehearse with. Such a campaign is made at its first call, runs for
ever, and is never planned: each of its calls is asked for by whoever waits for it."""
IMPLICIT = (BY_HAND, REHEARSAL)
_SET = tuple(part.name for part in fields(Campaign) if part.name not in (*NAMES, "state", "created_at", "changed_at"))
"""What a person sets besides the spec, by the columns' names."""


def create(database: Database, campaign: Campaign, *, by: str, now: datetime) -> None:
    """Add a campaign, in the state that it has.

    Raises:
        BadInput: it has no id, is there already, or its tenant, task or script is not.
    """
    if not campaign.campaign_id.strip():
        raise BadInput("a campaign has no id", do="give it one")
    with calling(database) as connection:
        _create(connection, campaign, by=by, now=now)


def keep(database: Database, new: Campaign, *, by: str, now: datetime) -> None:
    """Add a campaign, unless there is one of this id.

    Raises:
        BadInput: there is no such tenant.
    """
    if campaign(database, new.tenant_id, new.campaign_id) is not None:
        return
    with calling(database) as connection:
        of = _of(new.tenant_id, new.campaign_id)
        if connection.scalar(select(campaigns.c.campaign_id).where(*of)) is None:
            _create(connection, new, by=by, now=now)


def change(
    database: Database, campaign: Campaign, *, in_states: Collection[str], now: datetime, step: Move | None = None
) -> bool:
    """Set all that a person sets. False when there is no such campaign in one of these states.

    Args:
        step: taken with it, with its history; the campaign must be in the state before it.

    Raises:
        BadInput: its task or script is not there.
    """
    conditions: tuple[ColumnElement[bool], ...] = (
        *_of(campaign.tenant_id, campaign.campaign_id),
        campaigns.c.state.in_(in_states),
    )
    values = _values(campaign) | {"changed_at": now}
    if step is not None:
        conditions = (*conditions, campaigns.c.state == step.before)
        values |= {"state": step.after}
    with calling(database) as connection:
        changed = connection.execute(update(campaigns).where(*conditions).values(values))
        if changed.rowcount == 1 and step is not None:
            connection.execute(insert(campaign_moves), _move_row(campaign.tenant_id, campaign.campaign_id, step))
        return changed.rowcount == 1


def move(database: Database, tenant_id: str, campaign_id: str, step: Move) -> bool:
    """Take a step, with its history. False when the campaign is not (any more) in the state before it.

    Once a step out of a calling state has returned, no further call is permitted.
    """
    conditions = (*_of(tenant_id, campaign_id), campaigns.c.state == step.before)
    with calling(database) as connection:
        moved = connection.execute(update(campaigns).where(*conditions).values(state=step.after, changed_at=step.at))
        if moved.rowcount != 1:
            return False
        connection.execute(insert(campaign_moves), _move_row(tenant_id, campaign_id, step))
        return True


def campaign(database: Database, tenant_id: str, campaign_id: str) -> Campaign | None:
    """The tenant's campaign of this id.

    Raises:
        BadInput: its rules cannot be read: another version wrote them.
    """
    with database.read() as connection:
        row = connection.execute(select(campaigns).where(*_of(tenant_id, campaign_id))).one_or_none()
    return None if row is None else to_campaign(row)


def campaigns_of(database: Database, tenant_id: str) -> list[Campaign]:
    """The campaigns that the tenant made, the newest first; one that cannot be read is left out, and logged."""
    query = select(campaigns).where(campaigns.c.tenant_id == tenant_id, campaigns.c.campaign_id.not_in(IMPLICIT))
    query = query.order_by(campaigns.c.created_at.desc(), campaigns.c.campaign_id)
    with database.read() as connection:
        return [*_readable(connection, query)]


def all_campaigns(database: Database, states: Collection[str]) -> list[Campaign]:
    """Campaigns that tenants made, in these states, by tenant and id. For the dialler and the operator only.

    One that cannot be read is left out, and logged.
    """
    with database.read() as connection:
        return read_campaigns(connection, states)


def read_campaigns(connection: Connection, states: Collection[str]) -> list[Campaign]:
    """As `all_campaigns`, in a transaction."""
    query = select(campaigns).where(campaigns.c.state.in_(states), campaigns.c.campaign_id.not_in(IMPLICIT))
    return [*_readable(connection, query.order_by(campaigns.c.tenant_id, campaigns.c.campaign_id))]


def moves_of(database: Database, tenant_id: str, campaign_id: str) -> list[Move]:
    """How the campaign came to where it is, in order."""
    of_campaign = (campaign_moves.c.tenant_id == tenant_id, campaign_moves.c.campaign_id == campaign_id)
    query = select(campaign_moves).where(*of_campaign).order_by(campaign_moves.c.row_id)
    with database.read() as connection:
        return [_move(row) for row in connection.execute(query)]


# ---- what tenants may do ----------------------------------------------------------------------------


def save_limits(database: Database, limits: TenantLimits) -> None:
    """Set what a tenant may do, over all its campaigns.

    Raises:
        BadInput: there is no such tenant.
    """
    with calling(database) as connection:
        row = update(tenants).where(tenants.c.tenant_id == limits.tenant_id).values(limits=limits_spec(limits))
        if connection.execute(row).rowcount != 1:
            raise BadInput(f"there is no tenant {limits.tenant_id!r}", do="run `opendeep tenant add`")


def limits_of(database: Database, tenant_id: str) -> TenantLimits:
    """What the tenant may do.

    Raises:
        BadInput: there is no such tenant, or its limits cannot be read.
    """
    with database.read() as connection:
        spec = connection.scalar(select(tenants.c.limits).where(tenants.c.tenant_id == tenant_id))
    if spec is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="run `opendeep tenant add`")
    return parse_limits(tenant_id, spec)


def all_limits(database: Database) -> dict[str, TenantLimits]:
    """What every tenant may do, by tenant. For the dialler and the operator only.

    A tenant whose limits cannot be read is left out, and logged: none of its calls is placed.
    """
    with database.read() as connection:
        return read_limits(connection)


def read_limits(connection: Connection) -> dict[str, TenantLimits]:
    """As `all_limits`, in a transaction."""
    limits: dict[str, TenantLimits] = {}
    for tenant_id, spec in connection.execute(select(tenants.c.tenant_id, tenants.c.limits)):
        try:
            limits[tenant_id] = parse_limits(tenant_id, spec)
        except BadInput as error:
            log().error("! a tenant's limits cannot be read", tenant=tenant_id, what=error.what)
    return limits


# ---- rows -------------------------------------------------------------------------------------------


def to_campaign(row: Row[Any]) -> Campaign:
    """The campaign in a row that has all its columns.

    Raises:
        BadInput: its rules cannot be read.
    """
    values = {name: row._mapping[name] for name in (*_SET, "created_at", "changed_at")}
    return Campaign(**values, state=TaskState(row.state), **parse_spec(row.spec))


def _readable(connection: Connection, query: Select[Any]) -> Iterator[Campaign]:
    for row in connection.execute(query):
        try:
            yield to_campaign(row)
        except BadInput as error:
            log().error("! a campaign cannot be read and is left out", campaign_id=row.campaign_id, what=error.what)


def _create(connection: Connection, campaign: Campaign, *, by: str, now: datetime) -> None:
    row = _values(campaign) | {"state": campaign.state, "created_at": now, "changed_at": now}
    first = Move(before=None, after=campaign.state, fact=TaskFact.MADE, reason="it was made", at=now, by=by)
    connection.execute(insert(campaigns), row)
    connection.execute(insert(campaign_moves), _move_row(campaign.tenant_id, campaign.campaign_id, first))


def _of(tenant_id: str, campaign_id: str) -> tuple[Any, Any]:
    return campaigns.c.tenant_id == tenant_id, campaigns.c.campaign_id == campaign_id


def _values(campaign: Campaign) -> dict[str, Any]:
    named = {name: getattr(campaign, name) for name in _SET} | {"name": campaign.name or campaign.campaign_id}
    return named | {"spec": spec_of(campaign)}


def _move(row: Row[Any]) -> Move:
    values = {part.name: row._mapping[part.name] for part in fields(Move)}
    before = None if row.before is None else TaskState(row.before)
    return Move(**values | {"before": before, "after": TaskState(row.after), "fact": TaskFact(row.fact)})


def _move_row(tenant_id: str, campaign_id: str, step: Move) -> dict[str, Any]:
    values = {part.name: getattr(step, part.name) for part in fields(Move)}
    return {"tenant_id": tenant_id, "campaign_id": campaign_id} | values

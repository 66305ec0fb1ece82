"""Tenants, tasks, script versions and contacts: who calls, what is asked, in which words, and who is called.

Given plain values and the time, writes and reads them. Every read names its tenant; a script version never changes.
Knows nothing of calls: those are in `calls`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select

from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.errors import BadInput
from opendeep_kit.record.database import Database
from opendeep_kit.record.tables import contacts, scripts, tasks, tenants
from opendeep_kit.record.upserts import upsert
from opendeep_kit.tenants import DEFAULT_TENANT, Tenant

_TENANT_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a task is, as the store keeps it."""

    task_id: str
    name: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    """`TaskSpec` as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptVersion:
    """One version of a call script."""

    name: str
    version: int
    """1 for the first text under this name."""
    sha256: str
    """Of the text."""
    text: str
    created_at: datetime


# ---- tenants ----------------------------------------------------------------------------------------


def save_tenant(database: Database, tenant: Tenant, *, now: datetime) -> None:
    """Add a tenant, or change what is known of it.

    Raises:
        BadInput: its id cannot be part of a path.
    """
    if not _TENANT_ID.fullmatch(tenant.tenant_id):
        raise BadInput("a tenant's id is a-z, 0-9 and -, at most 63", do="choose a short name")
    row = {
        "tenant_id": tenant.tenant_id,
        "display_name": tenant.display_name,
        "time_zone": tenant.time_zone,
        "default_region": tenant.default_region,
        "created_at": now,
    }
    with database.write() as connection:
        connection.execute(upsert(connection, tenants, row), row)


def ensure_default_tenant(database: Database, *, now: datetime) -> None:
    """There is somebody who calls when no tenant is named."""
    if tenant(database, DEFAULT_TENANT) is None:
        save_tenant(database, Tenant(tenant_id=DEFAULT_TENANT, display_name="Default"), now=now)


def tenant(database: Database, tenant_id: str) -> Tenant | None:
    """The tenant of this id."""
    with database.read() as connection:
        row = connection.execute(select(tenants).where(tenants.c.tenant_id == tenant_id)).one_or_none()
    return None if row is None else _tenant(row)


def region(database: Database, tenant_id: str) -> str:
    """In which a tenant's numbers without a country code are read, ISO 3166; US for a tenant that is not there yet."""
    known = tenant(database, tenant_id)
    return known.default_region if known else "US"


def all_tenants(database: Database) -> list[Tenant]:
    """Every tenant of this installation, by id. For its operator only."""
    with database.read() as connection:
        return [_tenant(row) for row in connection.execute(select(tenants).order_by(tenants.c.tenant_id))]


# ---- tasks ------------------------------------------------------------------------------------------


def save_task(database: Database, tenant_id: str, task: Task, *, now: datetime) -> None:
    """Add a task, or change it.

    Raises:
        BadInput: there is no such tenant.
    """
    row = {
        "tenant_id": tenant_id,
        "task_id": task.task_id,
        "name": task.name,
        "spec": dict(task.spec),
        "created_at": now,
    }
    with database.write() as connection:
        _lock_tenant(connection, tenant_id)
        connection.execute(upsert(connection, tasks, row), row)


def task(database: Database, tenant_id: str, task_id: str) -> Task | None:
    """The tenant's task of this id."""
    query = select(tasks).where(tasks.c.tenant_id == tenant_id, tasks.c.task_id == task_id)
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Task(task_id=row.task_id, name=row.name, spec=row.spec)


# ---- scripts ----------------------------------------------------------------------------------------


def save_script(database: Database, tenant_id: str, *, name: str, text: str, now: datetime) -> ScriptVersion:
    """Keep a script's text. The same text is the same version; another text is the next one.

    Raises:
        BadInput: there is no such tenant.
    """
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    versions = select(scripts).where(scripts.c.tenant_id == tenant_id, scripts.c.name == name)
    with database.write() as connection:
        _lock_tenant(connection, tenant_id)
        known = connection.execute(versions.where(scripts.c.sha256 == sha256)).one_or_none()
        if known is not None:
            return _script(known)
        newest = connection.scalar(select(func.max(versions.subquery().c.version))) or 0
        row = {"name": name, "version": newest + 1, "sha256": sha256, "text": text, "created_at": now}
        connection.execute(insert(scripts), {"tenant_id": tenant_id} | row)
        return _script(connection.execute(versions.where(scripts.c.sha256 == sha256)).one())


def script(database: Database, tenant_id: str, name: str, version: int | None = None) -> ScriptVersion | None:
    """A version of the tenant's script; the newest when none is named."""
    query = select(scripts).where(scripts.c.tenant_id == tenant_id, scripts.c.name == name)
    if version is not None:
        query = query.where(scripts.c.version == version)
    with database.read() as connection:
        row = connection.execute(query.order_by(scripts.c.version.desc()).limit(1)).one_or_none()
    return None if row is None else _script(row)


# ---- contacts ---------------------------------------------------------------------------------------


def save_contacts(
    database: Database, tenant_id: str, people: Iterable[Contact], *, campaign: str | None = None, now: datetime
) -> int:
    """Add contacts; one whose id is known is changed. All or none. Returns how many were given.

    Args:
        campaign: a label: the list they came with.

    Raises:
        BadInput: there is no such tenant.
    """
    with database.write() as connection:
        _lock_tenant(connection, tenant_id)
        return write_contacts(connection, tenant_id, people, campaign=campaign, now=now)


def write_contacts(
    connection: Connection, tenant_id: str, people: Iterable[Contact], *, campaign: str | None, now: datetime
) -> int:
    """As `save_contacts`, in a transaction. Only the id and the number: what is known of a person stands in a list."""
    of = {"tenant_id": tenant_id, "campaign": campaign, "created_at": now}
    rows = [of | {"contact_id": person.contact_id, "number": person.number} for person in people]
    if rows:
        connection.execute(upsert(connection, contacts, rows[0]), rows)
    return len(rows)


# ---- rows -------------------------------------------------------------------------------------------


def _lock_tenant(connection: Connection, tenant_id: str) -> None:
    # FOR UPDATE numbers script versions one after another on PostgreSQL; SQLite has one writer anyway.
    query = select(tenants.c.tenant_id).where(tenants.c.tenant_id == tenant_id).with_for_update()
    if connection.scalar(query) is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="add it with save_tenant")


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(
        tenant_id=row.tenant_id,
        display_name=row.display_name,
        time_zone=row.time_zone,
        default_region=row.default_region,
    )


def _script(row: Row[Any]) -> ScriptVersion:
    return ScriptVersion(
        name=row.name, version=row.version, sha256=row.sha256, text=row.text, created_at=row.created_at
    )

"""Whom calls are placed for, what is asked, how it is worded, and by which ids people are known.

Given plain values and the time, writes and reads tenants, tasks, script versions and contacts. Every read names its
tenant; a script's version never changes. Knows nothing of calls: those are in `calls`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Table, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from opendeep_kit.errors import BadInput
from opendeep_kit.numbers import checked
from opendeep_kit.record.database import Database
from opendeep_kit.record.tables import contacts, scripts, tasks, tenants
from opendeep_kit.tenants import Tenant

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """An id to which calls and enrolments refer. What is known of the person stands there: lists may share ids."""

    contact_id: str
    """The tenant's own id of the person."""
    number: str = field(repr=False)
    """E.164, as the last list gave it."""
    campaign: str | None = None
    """A label: the list the contact last came with."""

    def __post_init__(self) -> None:
        if not self.contact_id:
            raise BadInput("a contact has no id", do="give every contact an id of its own")
        checked(self.number, f"the number of contact {self.contact_id!r}")


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
        _upsert(connection, tenants, [row])


def tenant(database: Database, tenant_id: str) -> Tenant | None:
    """The tenant of this id."""
    with database.read() as connection:
        row = connection.execute(select(tenants).where(tenants.c.tenant_id == tenant_id)).one_or_none()
    return None if row is None else _tenant(row)


def region(database: Database, tenant_id: str) -> str:
    """In which a tenant's numbers without a country code are read, ISO 3166; US for a tenant that is not there yet."""
    kept = tenant(database, tenant_id)
    return kept.default_region if kept else "US"


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
        _upsert(connection, tasks, [row])


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


def save_contacts(database: Database, tenant_id: str, people: Iterable[Contact], *, now: datetime) -> int:
    """Add contacts; one whose id is known is changed. All or none. Returns how many were given.

    Raises:
        BadInput: there is no such tenant.
    """
    rows: list[dict[str, Any]] = [
        {
            "tenant_id": tenant_id,
            "contact_id": person.contact_id,
            "campaign": person.campaign,
            "number": person.number,
            "created_at": now,
        }
        for person in people
    ]
    with database.write() as connection:
        _lock_tenant(connection, tenant_id)
        if rows:
            _upsert(connection, contacts, rows)
    return len(rows)


def contact(database: Database, tenant_id: str, contact_id: str) -> Contact | None:
    """The tenant's contact of this id."""
    query = select(contacts).where(contacts.c.tenant_id == tenant_id, contacts.c.contact_id == contact_id)
    with database.read() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else _contact(row)


def contacts_of(database: Database, tenant_id: str, *, campaign: str | None = None) -> list[Contact]:
    """The tenant's contacts by id; those of one campaign when it is named."""
    query = select(contacts).where(contacts.c.tenant_id == tenant_id).order_by(contacts.c.contact_id)
    if campaign is not None:
        query = query.where(contacts.c.campaign == campaign)
    with database.read() as connection:
        return [_contact(row) for row in connection.execute(query)]


# ---- rows -------------------------------------------------------------------------------------------


def _lock_tenant(connection: Connection, tenant_id: str) -> None:
    # FOR UPDATE numbers script versions one after another on PostgreSQL; SQLite has one writer anyway.
    query = select(tenants.c.tenant_id).where(tenants.c.tenant_id == tenant_id).with_for_update()
    if connection.scalar(query) is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="add it with save_tenant")


def _upsert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table)
    key = [column.name for column in table.primary_key]
    kept = {*key, "created_at"}
    # A column that the rows do not name, such as a tenant's limits, is not this caller's to change.
    changed = {name: statement.excluded[name] for name in rows[0] if name not in kept}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), rows)


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


def _contact(row: Row[Any]) -> Contact:
    return Contact(
        contact_id=row.contact_id,
        number=row.number,
        campaign=row.campaign,
    )

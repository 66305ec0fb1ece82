"""The do-not-call lists: each tenant's own, and the installation's.

Given numbers and prefixes with reason and evidence, writes and reads them; removed entries are kept with their history.
Once an entry is added, no process permits a call to it any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select

from opendeep_kit.campaigns.rule_inputs import Listed
from opendeep_kit.errors import BadInput
from opendeep_kit.numbers import is_e164, is_prefix
from opendeep_kit.record import upserts
from opendeep_kit.record.campaign_tables import dnc_entries, dnc_lists, dnc_removals
from opendeep_kit.record.database import Database, calling
from opendeep_kit.record.enrolments import cancel, cancel_number
from opendeep_kit.record.tables import tenants
from opendeep_kit.record.upserts import add_new

EVERYONE = "*"
"""Stands for the installation's own list where a tenant is named: no tenant can have this id."""
BATCH = 5_000
OPTED_OUT = "the callee asked never to be called again"
_LISTS: BindParameter[Any] = bindparam("lists", expanding=True)
_HITS = select(dnc_entries.c.tenant_id, dnc_entries.c.entry).where(
    dnc_entries.c.tenant_id.in_(_LISTS), dnc_entries.c.entry.in_(bindparam("forms", expanding=True))
)
_VERSIONS = select(dnc_lists.c.tenant_id, dnc_lists.c.version).where(dnc_lists.c.tenant_id.in_(_LISTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class DncEntry:
    """Whom not to call, and why."""

    entry: str = field(repr=False)
    """E.164, or a prefix: `+1900*`."""
    reason: str
    source: str
    """Where it came from: `call`, `person`, a file's name."""
    call_id: str | None = None
    """In which it was said."""
    utterance: str | None = field(default=None, repr=False)
    """The callee's own words: the evidence."""
    added_by: str
    added_at: datetime

    def __post_init__(self) -> None:
        if not (is_e164(self.entry) or is_prefix(self.entry)):
            raise BadInput(
                "a do-not-call entry is neither a number nor a prefix",
                do="write numbers as +, country code, digits, and prefixes as +1900*",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """An entry that was taken off its list."""

    entry: DncEntry
    removed_at: datetime
    removed_by: str
    reason: str


def add(database: Database, tenant_id: str, entries: Iterable[DncEntry]) -> int:
    """Put entries on a list, in batches. One that is there keeps its first reason. Returns how many are new.

    Args:
        tenant_id: `EVERYONE` for the installation's own list, which is for its operator only.

    Raises:
        BadInput: there is no such tenant.
    """
    coming, added = iter(entries), 0
    while batch := list(islice(coming, BATCH)):
        with calling(database) as connection:
            _check_list(connection, tenant_id)
            added += _insert(connection, tenant_id, batch)
    return added


def forbid(database: Database, tenant_id: str, entry: DncEntry) -> tuple[bool, int]:
    """A person forbids a number or a prefix: put it on the list, and cancel the calls that wait for the number.

    Calls that wait for a prefix are refused when their time comes.

    Args:
        tenant_id: `EVERYONE` for the installation's own list: calls of all tenants are cancelled.

    Returns:
        Whether the entry is new, and how many calls waited.

    Raises:
        BadInput: there is no such tenant.
    """
    is_new = add(database, tenant_id, [entry]) > 0
    if entry.entry.endswith("*"):
        return is_new, 0
    owners = [tenant_id]
    if tenant_id == EVERYONE:
        with database.read() as connection:
            owners = [*connection.scalars(select(tenants.c.tenant_id))]
    waited = (cancel_number(database, owner, entry.entry, reason=entry.reason, now=entry.added_at) for owner in owners)
    return is_new, sum(waited)


def opt_out(database: Database, tenant_id: str, number: str, *, call_id: str, utterance: str, now: datetime) -> int:
    """The callee asked never to be called again: forbid the number, cancel it everywhere. Returns how many waited.

    Raises:
        BadInput: there is no such tenant, or the number is none.
    """
    with calling(database) as connection:
        return note_opt_out(connection, tenant_id, number, call_id=call_id, utterance=utterance, now=now)


def note_opt_out(
    connection: Connection, tenant_id: str, number: str, *, call_id: str, utterance: str, now: datetime
) -> int:
    """As `opt_out`, in a transaction that `database.calling` began.

    Raises:
        BadInput: there is no such tenant, or the number is none.
    """
    entry = DncEntry(
        entry=number,
        reason=OPTED_OUT,
        source="call",
        call_id=call_id,
        utterance=utterance,
        added_by="callee",
        added_at=now,
    )
    _check_list(connection, tenant_id)
    _insert(connection, tenant_id, [entry])
    return cancel(connection, tenant_id, number, reason=OPTED_OUT, now=now)


def remove(database: Database, tenant_id: str, entry: str, *, reason: str, by: str, now: datetime) -> bool:
    """Take an entry off its list; its story is kept. False when it is not on it."""
    this_entry = (dnc_entries.c.tenant_id == tenant_id, dnc_entries.c.entry == entry)
    with calling(database) as connection:
        row = connection.execute(select(dnc_entries).where(*this_entry)).one_or_none()
        if row is None:
            return False
        gone = {"removed_at": now, "removed_by": by, "removal_reason": reason}
        connection.execute(insert(dnc_removals), dict(row._mapping) | gone)
        connection.execute(delete(dnc_entries).where(*this_entry))
        _count_change(connection, tenant_id, now)
        return True


def look_up(database: Database, tenant_id: str, number: str) -> Listed:
    """What the installation's and the tenant's list say of this number."""
    with database.read() as connection:
        return listed(connection, tenant_id, number)


def entries_of(database: Database, tenant_id: str, *, after: str = "", limit: int = 1000) -> list[DncEntry]:
    """The list in order, a page at a time.

    Args:
        tenant_id: or `EVERYONE`.
        after: the last entry of the page before.
    """
    query = select(dnc_entries).where(dnc_entries.c.tenant_id == tenant_id, dnc_entries.c.entry > after)
    with database.read() as connection:
        return [_entry(row._mapping) for row in connection.execute(query.order_by(dnc_entries.c.entry).limit(limit))]


def removals_of(database: Database, tenant_id: str, entry: str) -> list[Removal]:
    """How often and why this entry was taken off the list, in order."""
    query = select(dnc_removals).where(dnc_removals.c.tenant_id == tenant_id, dnc_removals.c.entry == entry)
    with database.read() as connection:
        return [
            Removal(
                entry=_entry(row._mapping),
                removed_at=row.removed_at,
                removed_by=row.removed_by,
                reason=row.removal_reason,
            )
            for row in connection.execute(query.order_by(dnc_removals.c.row_id))
        ]


def listed(connection: Connection, tenant_id: str, number: str) -> Listed:
    """As `look_up`, in a transaction."""
    both = [EVERYONE, tenant_id]
    forms = [number, *(f"{number[:size]}*" for size in range(2, len(number)))]
    hits = dict(connection.execute(_HITS, {"lists": both, "forms": forms}).all())
    versions = dict(connection.execute(_VERSIONS, {"lists": both}).all())
    return Listed(
        everyone=hits.get(EVERYONE),
        tenant=hits.get(tenant_id),
        snapshot=f"everyone {versions.get(EVERYONE, 0)}, {tenant_id} {versions.get(tenant_id, 0)}",
    )


# ---- inside -----------------------------------------------------------------------------------------


def _check_list(connection: Connection, tenant_id: str) -> None:
    query = select(tenants.c.tenant_id).where(tenants.c.tenant_id == tenant_id)
    if tenant_id != EVERYONE and connection.scalar(query) is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="add it with save_tenant")


def _insert(connection: Connection, tenant_id: str, batch: list[DncEntry]) -> int:
    rows = [
        {"tenant_id": tenant_id} | {part.name: getattr(entry, part.name) for part in fields(DncEntry)}
        for entry in batch
    ]
    added = connection.execute(add_new(connection, dnc_entries), rows).rowcount
    if added:
        _count_change(connection, tenant_id, max(entry.added_at for entry in batch))
    return added


def _count_change(connection: Connection, tenant_id: str, now: datetime) -> None:
    changed = {"version": dnc_lists.c.version + 1, "changed_at": now}
    statement = upserts.insert(connection, dnc_lists).values(tenant_id=tenant_id, version=1, changed_at=now)
    connection.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=changed))


def _entry(row: Any) -> DncEntry:
    return DncEntry(**{part.name: row[part.name] for part in fields(DncEntry)})


# ---- looking into the list ----------------------------------------------------------------------------


def version_of(database: Database, tenant_id: str) -> int:
    """Another one after every change of the list; cheap to ask."""
    with database.read() as connection:
        version = connection.scalar(select(dnc_lists.c.version).where(dnc_lists.c.tenant_id == tenant_id))
    return int(version or 0)


def newest_entries(database: Database, tenant_id: str, *, beginning: str = "", limit: int = 50) -> list[DncEntry]:
    """The newest entries; of those that begin so when it is said."""
    query = select(dnc_entries).where(dnc_entries.c.tenant_id == tenant_id)
    if beginning:
        query = query.where(dnc_entries.c.entry.startswith(beginning, autoescape=True))
    query = query.order_by(dnc_entries.c.added_at.desc(), dnc_entries.c.entry).limit(limit)
    with database.read() as connection:
        return [
            DncEntry(**{part.name: row._mapping[part.name] for part in fields(DncEntry)})
            for row in connection.execute(query)
        ]

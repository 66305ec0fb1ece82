"""Looking into a tenant's do-not-call list: the newest entries, those that begin so, and whether it changed."""

from datetime import timedelta

from opendeep_kit.record import dnc
from opendeep_kit.record.database import Database
from opendeep_kit.record.dnc import EVERYONE, DncEntry, newest_entries, version_of
from tests.record.conftest import NOON


def listed(database: Database, entry: str, *, minutes: int = 0, tenant_id: str = "clinic") -> None:
    """An entry of the list."""
    at = NOON + timedelta(minutes=minutes)
    kept = DncEntry(entry=entry, reason="asked", source="letter", added_by="Ann", added_at=at)
    dnc.add(database, tenant_id, [kept])


def test_newest_first(database: Database) -> None:
    """The newest entries of the tenant's own list come first, no more than asked for."""
    listed(database, "+12125550101", minutes=1)
    listed(database, "+12125550102", minutes=3)
    listed(database, "+12125550103", minutes=2)
    listed(database, "+12125550104", minutes=9, tenant_id="garage")
    listed(database, "+12125550105", minutes=9, tenant_id=EVERYONE)

    found = newest_entries(database, "clinic", limit=2)
    assert [one.entry for one in found] == ["+12125550102", "+12125550103"]


def test_beginning(database: Database) -> None:
    """Entries that begin with the digits are found, prefixes among them; a wildcard of the database is none here."""
    for entry in ("+12125550101", "+1900*", "+4930123456"):
        listed(database, entry)

    assert [one.entry for one in newest_entries(database, "clinic", beginning="+1")] == ["+12125550101", "+1900*"]
    assert newest_entries(database, "clinic", beginning="%") == []


def test_version_changes_with_the_list(database: Database) -> None:
    """An addition and a removal change it; another tenant's does not."""
    assert version_of(database, "clinic") == 0
    listed(database, "+12125550101")
    listed(database, "+12125550101", tenant_id="garage")
    assert version_of(database, "clinic") == 1
    dnc.remove(database, "clinic", "+12125550101", reason="a mistake", by="Ann", now=NOON)
    assert version_of(database, "clinic") == 2

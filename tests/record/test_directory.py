"""Tenants, tasks, script versions and contacts."""

from datetime import timedelta

import pytest

from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.errors import BadInput
from opendeep_kit.record import directory
from opendeep_kit.record.database import Database
from opendeep_kit.record.directory import Task
from opendeep_kit.tenants import Tenant
from tests.record.conftest import NOON

ANN = Contact(contact_id="1", number="+12125550101")


def test_tenant_is_read_as_saved_and_may_change(database: Database) -> None:
    """Saving a tenant again changes what is known of it."""
    lisbon = Tenant(tenant_id="clinic", display_name="Clínica", time_zone="Europe/Lisbon", default_region="PT")

    directory.save_tenant(database, lisbon, now=NOON)

    assert directory.tenant(database, "clinic") == lisbon
    assert [tenant.tenant_id for tenant in directory.all_tenants(database)] == ["clinic", "garage"]
    assert directory.tenant(database, "nobody") is None
    assert [directory.region(database, tenant) for tenant in ("clinic", "nobody")] == ["PT", "US"]


@pytest.mark.parametrize("tenant_id", ["", "../garage", "A b", "-x", "x" * 64])
def test_tenant_ids_are_safe_in_paths(database: Database, tenant_id: str) -> None:
    """An id that could leave its folder is refused."""
    with pytest.raises(BadInput, match="a-z, 0-9 and -"):
        directory.save_tenant(database, Tenant(tenant_id=tenant_id, display_name="x"), now=NOON)


def test_task_is_read_as_saved_and_may_change(database: Database) -> None:
    """A task's spec is kept whole."""
    directory.save_task(database, "clinic", Task(task_id="remind", name="Reminder"), now=NOON)
    changed = Task(task_id="remind", name="Reminder", spec={"questions": [{"id": "comes", "required": True}]})
    directory.save_task(database, "clinic", changed, now=NOON)

    assert directory.task(database, "clinic", "remind") == changed
    assert directory.task(database, "garage", "remind") is None


def test_script_versions_count_up_and_stay(database: Database) -> None:
    """Another text is the next version; a text that is known keeps its own."""
    texts = ["Hello.", "Good day.", "Hello."]
    saved = [
        directory.save_script(database, "clinic", name="remind", text=text, now=NOON + timedelta(days=day))
        for day, text in enumerate(texts)
    ]

    assert [script.version for script in saved] == [1, 2, 1]
    assert saved[2] == saved[0]
    assert saved[0].sha256 == "2d8bd7d9bb5f85ba643f0110d50cb506a1fe439e769a22503193ea6046bb87f7"
    assert saved[0].created_at == NOON


def test_script_is_read_by_version_or_newest(database: Database) -> None:
    """Without a version the newest is meant; other tenants and names have their own count."""
    for tenant, name, text in (("clinic", "a", "1"), ("clinic", "a", "2"), ("garage", "a", "3"), ("clinic", "b", "4")):
        directory.save_script(database, tenant, name=name, text=text, now=NOON)

    found = [directory.script(database, "clinic", "a", version) for version in (None, 1, 3)]

    assert [script and script.text for script in found] == ["2", "1", None]
    other = directory.script(database, "garage", "a")
    assert other is not None
    assert (other.version, other.text) == (1, "3")


def test_unknown_tenant_gets_nothing(database: Database) -> None:
    """Rows of a tenant that is not there are refused, with what to do."""
    with pytest.raises(BadInput, match="no tenant 'nobody': add it with save_tenant"):
        directory.save_contacts(database, "nobody", [ANN], now=NOON)
    with pytest.raises(BadInput, match="no tenant 'nobody'"):
        directory.save_script(database, "nobody", name="a", text="x", now=NOON)

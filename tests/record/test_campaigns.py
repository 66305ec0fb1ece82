"""Campaigns: moved by one process at a time, every move on record."""

from dataclasses import replace
from datetime import timedelta

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.record import campaigns, directory
from opendeep_kit.record.campaigns import Move, NewCampaign
from opendeep_kit.record.database import Database
from opendeep_kit.tenants import Tenant
from tests.record.campaigning import race
from tests.record.conftest import NOON, SOON

SPRING = NewCampaign(
    tenant_id="clinic",
    campaign_id="spring",
    name="Spring check-ups",
    spec={"windows": {"mon-fri": "09:00-20:00"}, "caps": {"per_day": 2}},
    priority=3,
    weight=2.5,
    trunk_id="north",
    starts_at=NOON,
    ends_at=NOON + timedelta(days=9),
)
START = Move(before="draft", after="running", fact="started", reason="all is ready", at=SOON, by="Ann")
MOVER = """
import sys
from tests.record.test_campaigns import START, campaigns
from opendeep_kit.record.database import open_database
database = open_database(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    print(int(campaigns.move(database, "clinic", line.strip(), START)), flush=True)
"""


def test_a_campaign_is_read_as_made(database: Database) -> None:
    """All that a person set comes back, with the state and its first move."""
    campaigns.create(database, SPRING, state="draft", by="Ann", now=NOON)

    read = campaigns.campaign(database, "clinic", "spring")
    assert read is not None
    assert {name: getattr(read, name) for name in SPRING.__dataclass_fields__} == {
        name: getattr(SPRING, name) for name in SPRING.__dataclass_fields__
    }
    assert (read.state, read.created_at, read.changed_at) == ("draft", NOON, NOON)
    made = Move(before=None, after="draft", fact="made", reason="it was made", at=NOON, by="Ann")
    assert campaigns.moves_of(database, "clinic", "spring") == [made]


def test_a_move_is_on_record(database: Database) -> None:
    """A move changes the state and adds its reason; from another state it does neither."""
    campaigns.create(database, SPRING, state="draft", by="Ann", now=NOON)

    assert [campaigns.move(database, "clinic", "spring", START) for _ in range(2)] == [True, False]

    read = campaigns.campaign(database, "clinic", "spring")
    assert read is not None
    assert (read.state, read.changed_at) == ("running", SOON)
    assert [move.fact for move in campaigns.moves_of(database, "clinic", "spring")] == ["made", "started"]


def test_a_fact_that_changes_nothing_is_on_record_too(database: Database) -> None:
    """Contacts that were added to a running campaign leave a line in its history."""
    campaigns.create(database, SPRING, state="running", by="Ann", now=NOON)
    step = replace(START, before="running", fact="contacts_added", reason="400 were added")

    assert campaigns.move(database, "clinic", "spring", step)
    assert campaigns.moves_of(database, "clinic", "spring")[-1] == step


def test_of_two_processes_one_moves(database: Database, url: str) -> None:
    """Two processes that would start the same campaigns start each once."""
    names = [f"campaign-{place}" for place in range(10)]
    for name in names:
        campaigns.create(database, replace(SPRING, campaign_id=name), state="draft", by="Ann", now=NOON)

    moved = race(MOVER, url, names)

    assert [int(one) + int(other) for one, other in zip(*moved, strict=True)] == [1] * 10
    assert [len(campaigns.moves_of(database, "clinic", name)) for name in names] == [2] * 10


def test_change_keeps_the_state_and_asks_for_it(database: Database) -> None:
    """What a person set may be changed in the states named, and in no other."""
    campaigns.create(database, SPRING, state="draft", by="Ann", now=NOON)
    other = replace(SPRING, name="Spring", spec={"caps": {"per_day": 1}})

    assert campaigns.change(database, other, in_states=["draft", "paused"], now=SOON)
    assert not campaigns.change(database, SPRING, in_states=["paused"], now=SOON)

    read = campaigns.campaign(database, "clinic", "spring")
    assert read is not None
    assert (read.name, read.spec, read.state) == ("Spring", {"caps": {"per_day": 1}}, "draft")


def test_tenants_have_their_own(database: Database) -> None:
    """Two tenants may use one id; neither sees or moves the other's."""
    campaigns.create(database, SPRING, state="draft", by="Ann", now=NOON)
    campaigns.create(database, replace(SPRING, tenant_id="garage", name="Tyres"), state="draft", by="Bob", now=NOON)

    campaigns.move(database, "garage", "spring", START)

    assert [read.state for read in campaigns.campaigns_of(database, "clinic")] == ["draft"]
    assert [(read.tenant_id, read.name) for read in campaigns.all_campaigns(database, ["running"])] == [
        ("garage", "Tyres")
    ]
    assert campaigns.campaign(database, "nobody", "spring") is None


def test_what_is_not_there_is_refused(database: Database) -> None:
    """A campaign twice, of an unknown tenant or with an unknown script cannot be made."""
    campaigns.create(database, SPRING, state="draft", by="Ann", now=NOON)

    for wrong in (
        SPRING,
        replace(SPRING, tenant_id="nobody"),
        replace(SPRING, campaign_id="x", script_name="offer", script_version=1),
    ):
        with pytest.raises(BadInput, match="refuses a row"):
            campaigns.create(database, wrong, state="draft", by="Ann", now=NOON)
    with pytest.raises(BadInput, match="half a script"):
        replace(SPRING, script_name="offer")
    with pytest.raises(BadInput, match="no id or no name"):
        replace(SPRING, name=" ")


def test_limits_outlive_a_change_of_the_tenant(database: Database) -> None:
    """A tenant's limits are empty at first, kept as saved, and not touched by saving its name."""
    assert campaigns.limits_of(database, "clinic") == {}
    campaigns.save_limits(database, "clinic", {"flow": {"max_live": 5}})

    directory.save_tenant(database, Tenant(tenant_id="clinic", display_name="Clínica"), now=SOON)

    assert campaigns.all_limits(database) == {"clinic": {"flow": {"max_live": 5}}, "garage": {}}
    assert campaigns.limits_of(database, "nobody") is None
    with pytest.raises(BadInput, match="no tenant 'nobody'"):
        campaigns.save_limits(database, "nobody", {})

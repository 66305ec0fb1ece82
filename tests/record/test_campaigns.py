"""Campaigns: moved by one process at a time, every move on record."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import update

from opendeep_kit.campaigns.lifecycle import Move, TaskFact, TaskState
from opendeep_kit.campaigns.model import AttemptCaps, Campaign, Flow, TenantLimits
from opendeep_kit.campaigns.windows import parse_weekly
from opendeep_kit.errors import BadInput
from opendeep_kit.record import campaign_tables, campaigns, directory
from opendeep_kit.record.database import Database
from opendeep_kit.record.tables import tenants
from opendeep_kit.tenants import Tenant
from tests.record.campaigning import race
from tests.record.conftest import NOON, SOON

SPRING = Campaign(
    tenant_id="clinic",
    campaign_id="spring",
    name="Spring check-ups",
    windows=parse_weekly({"mon-fri": "09:00-20:00"}),
    caps=AttemptCaps(per_day=2),
    priority=3,
    weight=2.5,
    trunk_id="north",
    starts_at=NOON,
    ends_at=NOON + timedelta(days=9),
)
START = Move(
    before=TaskState.DRAFT, after=TaskState.RUNNING, fact=TaskFact.STARTED, reason="all is ready", at=SOON, by="Ann"
)
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
    campaigns.create(database, SPRING, by="Ann", now=NOON)

    read = campaigns.campaign(database, "clinic", "spring")
    assert read is not None
    assert read == replace(SPRING, created_at=NOON, changed_at=NOON)
    made = Move(before=None, after=TaskState.DRAFT, fact=TaskFact.MADE, reason="it was made", at=NOON, by="Ann")
    assert campaigns.moves_of(database, "clinic", "spring") == [made]


def test_a_move_is_on_record(database: Database) -> None:
    """A move changes the state and adds its reason; from another state it does neither."""
    campaigns.create(database, SPRING, by="Ann", now=NOON)

    assert [campaigns.move(database, "clinic", "spring", START) for _ in range(2)] == [True, False]

    read = campaigns.campaign(database, "clinic", "spring")
    assert read is not None
    assert (read.state, read.changed_at) == ("running", SOON)
    assert [move.fact for move in campaigns.moves_of(database, "clinic", "spring")] == ["made", "started"]


def test_a_fact_that_changes_nothing_is_on_record_too(database: Database) -> None:
    """Contacts that were added to a running campaign leave a line in its history."""
    campaigns.create(database, replace(SPRING, state=TaskState.RUNNING), by="Ann", now=NOON)
    step = replace(START, before=TaskState.RUNNING, fact=TaskFact.CONTACTS_ADDED, reason="400 were added")

    assert campaigns.move(database, "clinic", "spring", step)
    assert campaigns.moves_of(database, "clinic", "spring")[-1] == step


def test_of_two_processes_one_moves(database: Database, url: str) -> None:
    """Two processes that would start the same campaigns start each once."""
    names = [f"campaign-{place}" for place in range(10)]
    for name in names:
        campaigns.create(database, replace(SPRING, campaign_id=name), by="Ann", now=NOON)

    moved = race(MOVER, url, names)

    assert [int(one) + int(other) for one, other in zip(*moved, strict=True)] == [1] * 10
    assert [len(campaigns.moves_of(database, "clinic", name)) for name in names] == [2] * 10


def test_change_keeps_the_state_and_asks_for_it(database: Database) -> None:
    """What a person set may be changed in the states named, and in no other."""
    campaigns.create(database, SPRING, by="Ann", now=NOON)
    other = replace(SPRING, name="Spring", caps=AttemptCaps(per_day=1))

    assert campaigns.change(database, other, in_states=["draft", "paused"], now=SOON)
    assert not campaigns.change(database, SPRING, in_states=["paused"], now=SOON)

    read = campaigns.campaign(database, "clinic", "spring")
    assert read is not None
    assert (read.name, read.caps, read.state) == ("Spring", AttemptCaps(per_day=1), "draft")


def test_tenants_have_their_own(database: Database) -> None:
    """Two tenants may use one id; neither sees or moves the other's."""
    campaigns.create(database, SPRING, by="Ann", now=NOON)
    campaigns.create(database, replace(SPRING, tenant_id="garage", name="Tyres"), by="Bob", now=NOON)

    campaigns.move(database, "garage", "spring", START)

    assert [read.state for read in campaigns.campaigns_of(database, "clinic")] == ["draft"]
    assert [(read.tenant_id, read.name) for read in campaigns.all_campaigns(database, ["running"])] == [
        ("garage", "Tyres")
    ]
    assert campaigns.campaign(database, "nobody", "spring") is None


def test_what_is_not_there_is_refused(database: Database) -> None:
    """A campaign twice, of an unknown tenant or with an unknown script cannot be made."""
    campaigns.create(database, SPRING, by="Ann", now=NOON)

    for wrong in (
        SPRING,
        replace(SPRING, tenant_id="nobody"),
        replace(SPRING, campaign_id="x", script_name="offer", script_version=1),
    ):
        with pytest.raises(BadInput, match="refuses a row"):
            campaigns.create(database, wrong, by="Ann", now=NOON)
    with pytest.raises(BadInput, match="half a script"):
        replace(SPRING, script_name="offer")
    with pytest.raises(BadInput, match="a campaign has no id"):
        campaigns.create(database, replace(SPRING, campaign_id=" "), by="Ann", now=NOON)


def test_a_campaign_without_a_name_is_called_by_its_id(database: Database) -> None:
    """People always see something."""
    campaigns.create(database, replace(SPRING, name=""), by="Ann", now=NOON)

    assert [campaign.name for campaign in campaigns.campaigns_of(database, "clinic")] == ["spring"]


def test_rules_of_another_version_are_left_out(database: Database) -> None:
    """One campaign or tenant that cannot be read stops no other; asked for by name, it says what is wrong."""
    campaigns.create(database, SPRING, by="Ann", now=NOON)
    campaigns.create(database, replace(SPRING, campaign_id="autumn"), by="Ann", now=NOON)
    with database.write() as connection:
        newer = update(campaign_tables.campaigns).where(campaign_tables.campaigns.c.campaign_id == "spring")
        connection.execute(newer.values(spec={"colour": "red"}))
        connection.execute(update(tenants).where(tenants.c.tenant_id == "garage").values(limits={"speed": 1}))

    assert [campaign.campaign_id for campaign in campaigns.campaigns_of(database, "clinic")] == ["autumn"]
    assert [campaign.campaign_id for campaign in campaigns.all_campaigns(database, ["draft"])] == ["autumn"]
    assert [*campaigns.all_limits(database)] == ["clinic"]
    with pytest.raises(BadInput, match="the spec has 'colour'"):
        campaigns.campaign(database, "clinic", "spring")
    with pytest.raises(BadInput, match="the limits has 'speed'"):
        campaigns.limits_of(database, "garage")


def test_limits_outlive_a_change_of_the_tenant(database: Database) -> None:
    """A tenant's limits are empty at first, kept as saved, and not touched by saving its name."""
    plain = TenantLimits(tenant_id="clinic")
    assert campaigns.limits_of(database, "clinic") == plain
    wanted = replace(plain, flow=Flow(max_live=5))
    campaigns.save_limits(database, wanted)

    directory.save_tenant(database, Tenant(tenant_id="clinic", display_name="Clínica"), now=SOON)

    assert campaigns.all_limits(database) == {"clinic": wanted, "garage": TenantLimits(tenant_id="garage")}
    with pytest.raises(BadInput, match="no tenant 'nobody'"):
        campaigns.limits_of(database, "nobody")
    with pytest.raises(BadInput, match="no tenant 'nobody'"):
        campaigns.save_limits(database, TenantLimits(tenant_id="nobody"))

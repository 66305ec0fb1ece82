"""The facts of a claim before the rules: what they decide is what the ledger keeps and what follows."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opendeep_kit.campaigns import zones
from opendeep_kit.engine.permits import callee_of, checker, whereabouts_of
from opendeep_kit.record import claim_facts
from opendeep_kit.record.claim_facts import Facts
from opendeep_kit.record.database import open_database
from opendeep_kit.record.enrolments import enrolment
from opendeep_kit.record.ledger import Ruling
from opendeep_kit.settings import FlowSettings, ServiceSettings
from tests.service_rig import AGREES, TENANT, new_tenant, start_campaign

NIGHT = datetime(2030, 6, 4, 3, 0, tzinfo=UTC)
"""In New York it is eleven in the evening."""


def ruling(
    folder: Path,
    settings: ServiceSettings,
    *,
    at: datetime | None = None,
    ends_at: datetime | None = None,
    **spec: object,
) -> Ruling:
    """What the rules say of the one contact of a campaign."""
    database = open_database(f"sqlite:///{folder / 'opendeep.db'}")
    try:
        new_tenant(database)
        start_campaign(database, "one", [AGREES], **spec)
        who = enrolment(database, TENANT, "one", AGREES)
        assert who is not None
        with database.read() as connection:
            facts: Facts = claim_facts.read_facts(
                connection, who, trunk_id="default", worker_id="media-1", now=at or datetime.now(UTC)
            )
        facts = replace(facts, campaign=replace(facts.campaign, ends_at=ends_at))
        return checker(settings, worker_capacity=1)(facts)
    finally:
        database.close()


def test_yes(tmp_path: Path) -> None:
    """What no rule forbids is allowed, with a hash of all that was looked at."""
    found = ruling(tmp_path, ServiceSettings())

    assert (found.is_allowed, found.rule, found.next) == (True, None, None)
    assert len(found.facts_sha256) == 64


def test_outside_the_window_it_is_put_off(tmp_path: Path) -> None:
    """At night the contact waits for the next morning of its own zone."""
    found = ruling(tmp_path, ServiceSettings(), at=NIGHT, windows={"daily": "09:00-20:00"})

    assert (found.is_allowed, found.rule) == (False, "window")
    assert found.next is not None
    assert found.next.at == datetime(2030, 6, 4, 13, 0, tzinfo=UTC)


def test_put_off_past_the_campaigns_end(tmp_path: Path) -> None:
    """A contact that may be called only when the campaign is over does not stay due: each tick would ask again."""
    ends_at = datetime(2030, 6, 4, 5, 0, tzinfo=UTC)
    found = ruling(tmp_path, ServiceSettings(), at=NIGHT, ends_at=ends_at, windows={"daily": "09:00-20:00"})

    assert (found.rule, found.try_again_at) == ("window", None)
    assert found.next is not None
    assert found.next.at == datetime(2030, 6, 4, 13, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        (ServiceSettings(everyone=FlowSettings(max_live=0)), "concurrency"),
        (ServiceSettings(trunks={"other": FlowSettings()}), "concurrency"),
    ],
    ids=["everyone", "unknown trunk"],
)
def test_a_full_line_says_nothing_of_the_contact(tmp_path: Path, settings: ServiceSettings, rule: str) -> None:
    """Without a free line, or on a trunk that is not known, the contact stays due."""
    found = ruling(tmp_path, settings)

    assert (found.is_allowed, found.rule, found.next) == (False, rule, None)


def test_budget(tmp_path: Path) -> None:
    """A call that could overspend is refused, and the contact stays due."""
    money = {"minor": 5, "currency": "USD"}
    found = ruling(tmp_path, ServiceSettings(), budget=money, call_cost={"minor": 6, "currency": "USD"})

    assert (found.is_allowed, found.rule, found.next) == (False, "budget", None)


def test_whereabouts_go_there_and_back() -> None:
    """The zones worked out at the import are those that the rules see."""
    callee = zones.callee("+18505550123")
    again = callee_of("+18505550123", whereabouts_of(callee))

    assert again == callee
    assert again.zones == ("America/Chicago", "America/New_York")

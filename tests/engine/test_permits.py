"""The facts of a claim before the rules: what they decide is what the ledger keeps and what follows."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opendeep_kit.engine.permits import checker
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
    number: str = AGREES,
    reaches_people: bool = True,
    limits: Mapping[str, Any] | None = None,
    **spec: object,
) -> Ruling:
    """What the rules say of the one contact of a campaign."""
    database = open_database(f"sqlite:///{folder / 'opendeep.db'}")
    try:
        new_tenant(database, **(limits or {}))
        start_campaign(database, "one", [number], **spec)
        who = enrolment(database, TENANT, "one", number)
        assert who is not None
        with database.read() as connection:
            facts: Facts = claim_facts.read_facts(
                connection, who, trunk_id="default", worker_id="media-1", now=at or datetime.now(UTC)
            )
        facts = replace(facts, campaign=replace(facts.campaign, ends_at=ends_at))
        return checker(settings, worker_capacity=1, reaches_people=reaches_people)(facts)
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


NEW_YEAR = datetime(2030, 1, 1, 6, 0, tzinfo=UTC)
STRICT: dict[str, Any] = {"windows": {"daily": "09:00-20:00"}, "holidays": "no_calls"}
CONSENT = {"needs_consent": True, "caps": {"lifetime": 1}}


def test_nobody_is_woken_at_a_made_up_number(tmp_path: Path) -> None:
    """Over a line that reaches nobody the rehearsal's public is called at night, on a holiday, without a consent."""
    found = ruling(tmp_path, ServiceSettings(), at=NEW_YEAR, reaches_people=False, limits=CONSENT, **STRICT)

    assert (found.is_allowed, found.rule) == (True, None)


@pytest.mark.parametrize(
    ("number", "reaches_people"),
    [(AGREES, True), ("+12122367000", False), ("+18005550142", False), ("+18005550142", True)],
    ids=["made up, over a line to people", "real", "freephone", "freephone, over a line to people"],
)
def test_whoever_may_be_a_person_keeps_every_rule(tmp_path: Path, number: str, *, reaches_people: bool) -> None:
    """A real number beside made-up ones, a freephone one, and a made-up one that would be dialled in earnest."""
    where: dict[str, Any] = {"at": NEW_YEAR, "number": number, "reaches_people": reaches_people}
    found = ruling(tmp_path, ServiceSettings(), limits=CONSENT, **where, **STRICT)

    assert (found.is_allowed, found.rule) == (False, "consent")


def test_a_window_is_kept_number_by_number(tmp_path: Path) -> None:
    """The campaign's own rules stay as they are: a made-up number passes them, a real one does not."""
    found = ruling(tmp_path, ServiceSettings(), at=NIGHT, number="+12122367000", reaches_people=False, **STRICT)

    assert (found.rule, found.try_again_at) == ("window", datetime(2030, 6, 4, 13, 0, tzinfo=UTC))

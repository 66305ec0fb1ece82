"""A call by hand before the rules: which facts they see, and what a person is told to do about a no."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opendeep_kit.campaigns.model import Consent
from opendeep_kit.campaigns.permission import may_we_call
from opendeep_kit.campaigns.rule_inputs import Listed, Rule, Use
from opendeep_kit.campaigns.specs import parse_limits
from opendeep_kit.engine.hand_calls import TO_DO, most_at_once, rule_inputs_of
from opendeep_kit.record.claim_facts import HandFacts
from opendeep_kit.record.database import open_database
from opendeep_kit.settings import FlowSettings, ServiceSettings
from tests.service_rig import TENANT, new_tenant

NOON = datetime(2030, 6, 5, 12, tzinfo=UTC)
LONDON = "+442071838750"
PLAIN = parse_limits("clinic", {"needs_consent": False})
FACTS = HandFacts(
    now=NOON,
    tenant_id="clinic",
    number=LONDON,
    limits=PLAIN,
    everyone=Use(live=0, last_start=None),
    trunk=Use(live=0, last_start=None),
    tenant=Use(live=0, last_start=None),
    tenant_attempts=(),
    tenant_spent={},
    dnc=Listed(snapshot="everyone 0, clinic 0"),
    consent=None,
)
FULL = ServiceSettings(everyone=FlowSettings(max_live=0))
TWO_LINES = ServiceSettings(trunks={"default": FlowSettings(max_live=2, calls_per_s=0.1)})
ONE_CALL = parse_limits("clinic", {"needs_consent": False, "flow": {"max_live": 1}})
MONEY = {"minor": 500, "currency": "EUR"}


@pytest.mark.parametrize(
    ("changed", "settings", "rule"),
    [
        ({}, ServiceSettings(), None),
        ({"number": "+4420718"}, ServiceSettings(), Rule.NUMBER),
        ({"dnc": Listed(everyone="+44*", snapshot="1")}, ServiceSettings(), Rule.DO_NOT_CALL),
        ({"limits": parse_limits("clinic", {})}, ServiceSettings(), Rule.CONSENT),
        ({"now": NOON.replace(hour=3)}, ServiceSettings(), Rule.WINDOW),
        ({"now": datetime(2030, 12, 25, 12, tzinfo=UTC)}, ServiceSettings(), Rule.HOLIDAY),
        ({"tenant_attempts": (NOON,) * 3}, ServiceSettings(), Rule.PER_DAY),
        ({"tenant_attempts": (NOON.replace(month=1),) * 8}, ServiceSettings(), Rule.LIFETIME),
        ({"limits": parse_limits("clinic", {"needs_consent": False, "budget": MONEY})}, ServiceSettings(), Rule.BUDGET),
        ({}, FULL, Rule.CONCURRENCY),
        ({"trunk": Use(live=2, last_start=None)}, TWO_LINES, Rule.CONCURRENCY),
        ({"trunk": Use(live=1, last_start=NOON)}, TWO_LINES, Rule.RATE),
        ({"tenant": Use(live=1, last_start=None), "limits": ONE_CALL}, ServiceSettings(), Rule.CONCURRENCY),
    ],
)
def test_every_rule_is_asked(changed: dict[str, Any], settings: ServiceSettings, rule: Rule | None) -> None:
    """Number, lists, consent, windows, holidays, caps, money and lines: as in a campaign with the defaults."""
    decision = may_we_call(rule_inputs_of(replace(FACTS, **changed), settings))

    assert decision.rule is rule
    assert rule is None or decision.try_again_at is not None or rule in TO_DO


def test_a_consent_that_is_said_counts() -> None:
    """Whoever calls may name one where the record has none, or one that has ended."""
    asked = replace(FACTS, limits=parse_limits("clinic", {}))
    ended = Consent(number=LONDON, reference="old", given_at=NOON.replace(month=1), expires_at=NOON.replace(month=2))

    assert may_we_call(rule_inputs_of(asked, ServiceSettings(), consent="form 7")).consent == "form 7"
    assert may_we_call(rule_inputs_of(replace(asked, consent=ended), ServiceSettings())).rule is Rule.CONSENT
    assert may_we_call(rule_inputs_of(replace(asked, consent=ended), ServiceSettings(), consent="form 7")).is_allowed
    assert not may_we_call(rule_inputs_of(asked, ServiceSettings(), consent=" ")).is_allowed


def test_most_at_once(tmp_path: Path) -> None:
    """The least of what everybody, the trunk and the tenant may have."""
    everyone = TWO_LINES.model_copy(update={"everyone": FlowSettings(max_live=5)})
    database = open_database(f"sqlite:///{tmp_path / 'opendeep.db'}")
    new_tenant(database)
    found = [most_at_once(database, TENANT, settings) for settings in (ServiceSettings(), everyone)]
    new_tenant(database, flow={"max_live": 1})
    found.append(most_at_once(database, TENANT, everyone))
    database.close()

    assert found == [None, 2, 1]

"""What the record keeps of campaigns and tenants becomes what the rules judge, or is refused."""

import json
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from opendeep_kit.campaigns.model import AttemptCaps, Campaign, HolidayRule, Money
from opendeep_kit.campaigns.retries import DEFAULT_RULES, OutcomeKind
from opendeep_kit.campaigns.specs import limits_spec, parse_limits, parse_spec, spec_of
from opendeep_kit.errors import BadInput


def test_parse_spec() -> None:
    """Every part of a spec arrives as the rules' own shape."""
    found = parse_spec(
        {
            "windows": {"mon-fri": "09:00-17:00"},
            "holidays": "calls",
            "closed_dates": ["2026-12-24"],
            "caps": {"per_day": 1},
            "budget": {"minor": 500, "currency": "USD"},
        }
    )

    assert [str(window) for window in found["windows"].days[0]] == ["09:00–17:00"]
    assert found["holidays"] is HolidayRule.CALLS
    assert found["closed_dates"] == {date(2026, 12, 24)}
    assert found["caps"] == AttemptCaps(per_day=1)
    assert found["budget"] == Money(minor=500, currency="USD")


def test_retries_lie_on_top_of_the_defaults() -> None:
    """A rule that is said replaces the default one, null takes it away, the others stay."""
    rules = parse_spec({"retries": {"rules": {"busy": {"max_retries": 7, "delay_s": 1}, "silent": None}}})[
        "retries"
    ].rules

    assert rules[OutcomeKind.BUSY].max_retries == 7
    assert OutcomeKind.SILENT not in rules
    assert rules[OutcomeKind.VOICEMAIL] == DEFAULT_RULES[OutcomeKind.VOICEMAIL]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"windos": {}}, "the spec has 'windos', which is unknown"),
        ({"caps": {"per_dya": 1}}, "caps has 'per_dya', which is unknown"),
        ({"caps": {"per_day": -1}}, "a cap on attempts below 1"),
        ({"windows": {"daily": "20:00-09:00"}}, "the window 20:00–09:00 is impossible"),
        ({"windows": "09:00-17:00"}, "windows are days with their times"),
        ({"closed_dates": ["Christmas"]}, "closed_dates: "),
        ({"retries": {"rules": {"busy": {"max_retries": -1, "delay_s": 1}}}}, "a retry rule is impossible"),
        ({"retries": {"max_attempts": "many"}}, "retries: expected `int`, got `str`"),
        ({"goal": {"target": 0}}, "a goal of 0"),
    ],
)
def test_what_is_wrong_is_named(spec: dict[str, object], words: str) -> None:
    """A name that is not known and a value that is impossible are told, not passed over."""
    with pytest.raises(BadInput) as told:
        parse_spec(spec)

    assert str(told.value).startswith(words)


def test_limits() -> None:
    """A tenant without limits of its own still needs consents; an unknown limit is refused."""
    assert parse_limits("clinic", {}).needs_consent is True
    assert parse_limits("clinic", {"flow": {"max_live": 3}}).flow.max_live == 3
    with pytest.raises(BadInput, match="the limits has 'max_live', which is unknown"):
        parse_limits("clinic", {"max_live": 3})


SPECS: list[dict[str, Any]] = [
    {},
    {"windows": {"mon-fri": "09:00-17:00"}},
    {"windows": {"daily": "00:00-24:00"}, "holidays": "calls"},
    {"windows": {"mon": "08:00-09:00, 10:00-11:00", "wed-thu": "12:00-13:00", "sun": "12:00-13:00"}},
    {"closed_dates": ["2026-12-24", "2026-12-31"], "caps": {"per_day": None, "lifetime": 2}},
    {"flow": {"max_live": 0}, "budget": {"minor": 5, "currency": "USD"}, "call_cost": {"minor": 1, "currency": "USD"}},
    {"goal": {"target": 3}, "breaker": {"min_calls": 5}},
    {"goal": {"target": 3, "disposition": "callback"}},
    {"retries": {"max_attempts": 2, "rules": {"busy": {"max_retries": 7, "delay_s": 1.0}, "silent": None}}},
]


@pytest.mark.parametrize("spec", SPECS)
def test_there_and_back(spec: dict[str, Any]) -> None:
    """What a person wrote is what is kept: no default is written down, nothing is lost."""
    campaign = Campaign(tenant_id="t", campaign_id="c", **parse_spec(spec))

    assert spec_of(campaign) == spec
    assert json.loads(json.dumps(spec_of(campaign))) == spec


def test_a_null_part_is_the_default() -> None:
    """A part that is taken away is as if it had never been said."""
    campaign = Campaign(tenant_id="t", campaign_id="c", **parse_spec({"goal": {"target": 3}, "caps": {"per_day": 1}}))
    plain = replace(campaign, **parse_spec({"goal": None, "caps": None}))

    assert plain == Campaign(tenant_id="t", campaign_id="c")


def test_limits_there_and_back() -> None:
    """The same of what a tenant may do."""
    spec = {"flow": {"max_live": 3}, "needs_consent": False, "caller_ids": ["+12125550198"], "retention_days": 10}

    assert limits_spec(parse_limits("clinic", spec)) == spec
    assert limits_spec(parse_limits("clinic", {})) == {}

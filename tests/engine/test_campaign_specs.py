"""What the record keeps of campaigns and tenants becomes what the rules judge, or is refused."""

from datetime import date

import pytest

from opendeep_kit.campaigns.model import AttemptCaps, HolidayRule, Money
from opendeep_kit.campaigns.retries import DEFAULT_RULES, OutcomeKind
from opendeep_kit.engine.campaign_specs import policies, to_limits
from opendeep_kit.errors import BadInput


def test_policies() -> None:
    """Every part of a spec arrives as the rules' own shape."""
    found = policies(
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
    rules = policies({"retries": {"rules": {"busy": {"max_retries": 7, "delay_s": 1}, "silent": None}}})[
        "retries"
    ].rules

    assert rules[OutcomeKind.BUSY].max_retries == 7
    assert OutcomeKind.SILENT not in rules
    assert rules[OutcomeKind.VOICEMAIL] == DEFAULT_RULES[OutcomeKind.VOICEMAIL]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"windos": {}}, "the spec has 'windos', which is not known"),
        ({"caps": {"per_dya": 1}}, "caps has 'per_dya', which is not known"),
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
        policies(spec)

    assert str(told.value).startswith(words)


def test_limits() -> None:
    """A tenant without limits of its own still needs consents; an unknown limit is refused."""
    assert to_limits("clinic", {}).needs_consent is True
    assert to_limits("clinic", {"flow": {"max_live": 3}}).flow.max_live == 3
    with pytest.raises(BadInput, match="the limits has 'max_live', which is not known"):
        to_limits("clinic", {"max_live": 3})

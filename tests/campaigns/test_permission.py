"""May we call? Every rule by itself, their order, what is unknown, and never outside a window whatever the number."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import parse, timezone

from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import AttemptCaps, Consent, Flow, HolidayRule, Money
from opendeep_kit.campaigns.permission import Decision, explain, inputs_json, may_we_call
from opendeep_kit.campaigns.rule_inputs import Listed, Rule, RuleInputs, Spending, Use
from opendeep_kit.campaigns.rules import RULES
from opendeep_kit.campaigns.windows import parse_weekly
from opendeep_kit.errors import OurMistake
from tests.campaigns.rulebook import CAMPAIGN, CAPS, NEW_YORKER, NOW, NUMBER, SCOPE, TENANT, called, case, rung

SNAPSHOT = "5" * 64
LISTED = Listed(tenant="+12125550123", snapshot=SNAPSHOT)
PREFIX = Listed(everyone="+1212*", snapshot=SNAPSHOT)
USD = Money(minor=1000, currency="USD")
WITH_BUDGET = replace(CAMPAIGN, budget=USD, call_cost=Money(minor=100, currency="USD"))


def spent(minor: int, currency: str = "USD") -> dict[str, Any]:
    """A campaign with a budget of 1000, of which so much is spent."""
    item = Spending(name="this campaign", budget=USD, spent=Money(minor=minor, currency=currency))
    return {"campaign": WITH_BUDGET, "spending": (item,)}


def campaign(**given: Any) -> dict[str, Any]:
    """The campaign with a difference."""
    return {"campaign": replace(CAMPAIGN, **given)}


def in_new_york(text: str) -> dict[str, Any]:
    """The time, on New York's clocks."""
    return {"now": datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)}


def utc(text: str) -> datetime:
    """An instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


REFUSALS: list[tuple[dict[str, Any], str, str, datetime | None]] = [
    (called("+1212555012"), "number", "the number is not in use in any numbering plan", None),
    ({"dnc": LISTED}, "do_not_call", "the number is on the tenant do-not-call list", None),
    ({"dnc": PREFIX}, "do_not_call", "a prefix is on the global do-not-call list", None),
    ({"consent": None}, "consent", "no consent is on file, and the tenant requires one", None),
    (
        {"consent": Consent(number=NUMBER, reference="r", given_at=NOW - timedelta(9), expires_at=NOW)},
        "consent",
        "the consent on file ended 2026-03-10T15:00:00+00:00",
        None,
    ),
    (
        {"consent": Consent(number=NUMBER, reference="r", given_at=NOW + timedelta(hours=1))},
        "consent",
        "the consent on file begins later",
        NOW + timedelta(hours=1),
    ),
    (called("+883510000000094"), "time_zone", "the callee's time zone is not known", None),
    ({"campaign_attempts": rung(50, 60, 70, 80, 90)}, "lifetime", "5 attempts by this campaign, 5 are allowed in all", None),
    ({"tenant_attempts": rung(*range(50, 59))}, "lifetime", "9 attempts by the tenant, 9 are allowed in all", None),
    (campaign(state=TaskState.PAUSED), "campaign", "the campaign is paused", None),
    (campaign(ends_at=NOW), "campaign", "the campaign ended 2026-03-10T15:00:00+00:00", None),
    (
        campaign(starts_at=NOW + timedelta(hours=12)),
        "campaign",
        "the campaign starts 2026-03-11T03:00:00+00:00",
        utc("2026-03-11 13:00"),
    ),
    (in_new_york("2026-11-26 11:00"), "holiday", "it is Thanksgiving Day in America/New_York", utc("2026-11-27 14:00")),
    (
        campaign(closed_dates=frozenset([date(2026, 3, 10)])),
        "holiday",
        "it is a day without calls in this campaign in America/New_York",
        utc("2026-03-11 13:00"),
    ),
    (in_new_york("2026-03-10 08:59:59"), "window", "it is Tue 08:59 in America/New_York, outside the windows", utc("2026-03-10 13:00")),
    (in_new_york("2026-03-10 20:00"), "window", "it is Tue 20:00 in America/New_York, outside the windows", utc("2026-03-11 13:00")),
    (in_new_york("2026-03-07 20:00"), "window", "it is Sat 20:00 in America/New_York, outside the windows", utc("2026-03-09 13:00")),
    ({"campaign_attempts": rung(1, 1.5)}, "per_day", "2 attempts today by this campaign, 2 are allowed a day", utc("2026-03-11 13:00")),
    ({"campaign_attempts": rung(15, 20, 23)}, "per_24_h", "3 attempts in 24 hours by this campaign, 3 are allowed", NOW + timedelta(hours=1)),
    ({"tenant_attempts": rung(12, 15, 18, 21)}, "per_24_h", "4 attempts in 24 hours by the tenant, 4 are allowed", NOW + timedelta(hours=3)),
    (spent(901), "budget", "this campaign has spent 901 of 1000 minor units of USD; a call may cost 100", None),
    (spent(0, "EUR"), "budget", "the cost of a call is not known in the currency of the budget of this campaign", None),
    ({"flows": (replace(SCOPE, use=Use(live=2)),)}, "concurrency", "2 calls of this campaign are live, the most allowed", None),
    (
        {"flows": (replace(SCOPE, use=Use(live=0, last_start=NOW - timedelta(seconds=1))),)},
        "rate",
        "this campaign places at most 0.5 calls per second",
        NOW + timedelta(seconds=1),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "rule", "reason", "again"), REFUSALS, ids=[f"{row[1]}-{place}" for place, row in enumerate(REFUSALS)]
)
def test_refusal(given: dict[str, Any], rule: str, reason: str, again: datetime | None) -> None:
    """One thing is wrong: its rule decides, in words, and says when to ask again."""
    decision = may_we_call(case(**given))

    assert (decision.is_allowed, decision.rule, decision.reason) == (False, rule, reason)
    assert decision.try_again_at == again


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"dnc": None}, "do_not_call"),
        ({"campaign_attempts": None}, "lifetime"),
        ({"tenant_attempts": None}, "lifetime"),
        ({"campaign": WITH_BUDGET, "spending": ()}, "budget"),
        ({"campaign": WITH_BUDGET, "spending": (Spending(name="this campaign", budget=USD, spent=None),)}, "budget"),
        ({"tenant": replace(TENANT, budget=USD)}, "budget"),
        ({"flows": ()}, "concurrency"),
        ({"flows": (replace(SCOPE, use=None),)}, "concurrency"),
        ({"whereabouts": replace(NEW_YORKER, zones=())}, "time_zone"),
        ({"whereabouts": replace(NEW_YORKER, region=None)}, "holiday"),
        ({"whereabouts": replace(NEW_YORKER, region="ZZ")}, "holiday"),
    ],
)
def test_unknown_is_no(given: dict[str, Any], rule: str) -> None:
    """What could not be read, or has no calendar, is a refusal and not a guess."""
    assert may_we_call(case(**given)).rule == rule


@pytest.mark.parametrize(
    "given",
    [
        {},
        in_new_york("2026-03-10 09:00"),
        in_new_york("2026-03-10 19:59:59.999999"),
        {"campaign_attempts": rung(1, 12, 40)},
        {"campaign_attempts": rung(24, 24, 24)},
        {"consent": None, "tenant": replace(TENANT, needs_consent=False)},
        {**in_new_york("2026-11-26 11:00"), **campaign(holidays=HolidayRule.CALLS)},
        spent(900),
        {"flows": (replace(SCOPE, use=Use(live=1, last_start=NOW - timedelta(seconds=2))),)},
        {"flows": (replace(SCOPE, flow=Flow(), use=Use(live=10_000)),)},
        {"is_callback": True, "campaign_attempts": rung(1, 2), **campaign(caps=replace(CAPS, spares_callbacks=True))},
    ],
)
def test_allowed(given: dict[str, Any]) -> None:
    """At the very edge of every rule, and with rules that are switched off."""
    decision = may_we_call(case(**given))

    assert (decision.reason, decision.is_allowed, decision.try_again_at) == ("every rule allows it", True, None)


def test_callback_is_not_spared_by_itself() -> None:
    """A cap holds for a callback too, unless the campaign says otherwise; the lifetime cap always does."""
    spares = replace(CAMPAIGN, caps=AttemptCaps(per_day=1, per_24_h=1, lifetime=3, spares_callbacks=True))

    assert may_we_call(case(is_callback=True, campaign_attempts=rung(1, 2))).rule == "per_day"
    assert may_we_call(case(is_callback=True, campaign_attempts=rung(1, 2, 3), campaign=spares)).rule == "lifetime"


def test_all_findings_are_kept() -> None:
    """The first refusal decides; the others are there to be read, and none that waiting cures hides one that it does not."""
    decision = may_we_call(case(**in_new_york("2026-03-10 23:00"), dnc=LISTED, campaign_attempts=rung(1, 2)))

    assert [finding.rule for finding in decision.findings] == list(Rule)
    assert [rule for rule, _ in RULES] == list(Rule)
    assert [finding.rule for finding in decision.findings if not finding.is_passed] == [
        "do_not_call",
        "window",
        "per_day",
    ]
    assert decision.try_again_at is None


def test_try_again_waits_for_the_last_of_them() -> None:
    """Two refusals pass by one after the other; the time is inside the windows and off the holidays."""
    late = case(**in_new_york("2026-11-25 20:30"), campaign_attempts=(utc("2026-11-26 00:00"), utc("2026-11-26 00:10")))

    assert may_we_call(late).try_again_at == utc("2026-11-27 14:00")
    assert may_we_call(replace(late, campaign=replace(CAMPAIGN, ends_at=utc("2026-11-27 13:00")))).try_again_at is None


def test_put_off_past_the_campaigns_end() -> None:
    """Trying again helps no more once the campaign is over; the contact waits until then, and is not asked about."""
    late = case(**in_new_york("2026-11-25 20:30"), **campaign(ends_at=utc("2026-11-26 05:00")))
    decision = may_we_call(late)

    assert (decision.try_again_at, decision.put_off_to) == (None, utc("2026-11-27 14:00"))


def test_put_off_though_the_lines_are_full() -> None:
    """What says nothing of the contact does not keep it from waiting for what does."""
    full = {"flows": (replace(SCOPE, use=Use(live=2)),), "campaign_attempts": rung(1, 1.5)}
    decision = may_we_call(case(**full))

    assert (decision.try_again_at, decision.put_off_to) == (None, utc("2026-03-11 13:00"))


def test_try_again_is_the_later_of_two() -> None:
    """The day's cap passes at midnight, the one of 24 hours at 13:30 UTC on the next day: that counts."""
    decision = may_we_call(case(campaign_attempts=rung(0.5, 1, 1.5)))

    assert [finding.rule for finding in decision.findings if not finding.is_passed] == ["per_day", "per_24_h"]
    assert decision.try_again_at == utc("2026-03-11 13:30")


def test_every_possible_zone() -> None:
    """Idaho is in two zones: called from the later one's opening to the earlier one's closing."""
    idaho = called("+12085550123")
    answers = {
        hour: may_we_call(case(**idaho, now=utc(f"2026-03-10 {hour}"))).is_allowed for hour in ("15:59", "16:00")
    }

    assert answers == {"15:59": False, "16:00": True}
    assert may_we_call(case(**idaho, now=utc("2026-03-11 01:59"))).is_allowed
    assert not may_we_call(case(**idaho, now=utc("2026-03-11 02:00"))).is_allowed


def test_freephone() -> None:
    """+1 800 may be anywhere from Guam to Puerto Rico: with 09:00–21:00 a half-hour remains, with 09:00–20:00 none."""
    freephone = called("+18005550123")
    long = replace(CAMPAIGN, windows=parse_weekly({"daily": "09:00-21:00"}), holidays=HolidayRule.CALLS)
    decision = may_we_call(case(**freephone, campaign=long))
    short = may_we_call(case(**freephone))

    assert decision.try_again_at == utc("2026-03-10 23:00")
    assert may_we_call(case(**freephone, campaign=long, now=utc("2026-03-10 23:29"))).is_allowed
    assert not may_we_call(case(**freephone, campaign=long, now=utc("2026-03-10 23:30"))).is_allowed
    assert (short.rule, short.try_again_at) == ("window", None)
    assert short.reason.endswith("no time is inside them in all its zones")


def test_day_is_the_callees_day() -> None:
    """Two attempts last evening in Kolkata are yesterday's there, though it is one UTC day."""
    kolkata = called("+917654321000")
    attempts = (utc("2026-03-10 13:00"), utc("2026-03-10 14:00"))
    decision = may_we_call(case(**kolkata, now=utc("2026-03-11 03:30"), campaign_attempts=attempts))

    assert decision.is_allowed
    assert may_we_call(case(**kolkata, now=utc("2026-03-10 14:15"), campaign_attempts=attempts)).rule == "per_day"


def test_explanation() -> None:
    """What `opendeep why` prints: the answer, every rule, when to ask again, and no number."""
    lines = explain(may_we_call(case(**in_new_york("2026-03-10 20:15"))))

    assert lines[0] == (
        "May not be called at 2026-03-11T00:15:00+00:00: it is Tue 20:15 in America/New_York, outside the windows."
    )
    assert lines[1] == "  yes  number: the number is valid"
    assert lines[8] == "  NO   window: it is Tue 20:15 in America/New_York, outside the windows"
    assert lines[14] == "Ask again at 2026-03-11T13:00:00+00:00."
    assert "5550123" not in "\n".join(lines)


@pytest.mark.parametrize(
    ("given", "last"),
    [
        ({"dnc": LISTED}, "Waiting does not help."),
        (campaign(state=TaskState.PAUSED), "When it may be allowed is not known."),
    ],
)
def test_explanation_without_a_time(given: dict[str, Any], last: str) -> None:
    """Whether waiting is any use."""
    assert explain(may_we_call(case(**given)))[14] == last


def test_ledger() -> None:
    """The same case has the same hash, one input more or less another; lists and consent are named."""
    first, again = may_we_call(case()), may_we_call(case())
    others = {may_we_call(case(**given)).inputs_sha256 for given, *_ in REFUSALS}

    assert first == again
    assert len(others | {first.inputs_sha256}) == len(REFUSALS) + 1
    assert (first.dnc_snapshot, first.consent, first.decided_at) == (SNAPSHOT, "form 17", NOW)
    assert b'"campaign_id":"c"' in inputs_json(case())


def test_case_of_another_tenant() -> None:
    """A campaign is judged by its own tenant's limits; a time without a zone is a mistake."""
    with pytest.raises(OurMistake, match="another tenant's limits"):
        case(tenant=replace(TENANT, tenant_id="other"))
    with pytest.raises(OurMistake, match="without a zone"):
        case(now=datetime(2026, 3, 10, 11))


NUMBERS = [
    "+12125550123",
    "+12085550123",
    "+18505550123",
    "+17095550123",
    "+18005550123",
    "+16055550123",
    "+917654321000",
    "+61881234567",
    "+61412345678",
    "+551131234567",
    "+559231234567",
    "+78432001234",
    "+79161234567",
    "+442079460958",
    "+201001234567",
    "+9779841234567",
    "+6421123456",
    "+883510000000094",
]
WEEKS = [
    parse_weekly(week)
    for week in (
        {"daily": "09:00-20:00"},
        {"mon-fri": "08:00-12:00, 13:30-21:00", "sat": "10:00-14:00"},
        {"daily": "00:00-24:00"},
        {"sat": "21:00-24:00", "sun": "00:00-03:30"},
        {"daily": "01:30-02:30"},
    )
]
CHANGES = [
    "2026-03-08 07:00",
    "2026-11-01 06:00",
    "2026-03-29 01:00",
    "2026-10-25 01:00",
    "2026-04-04 15:30",
    "2026-10-03 16:00",
]
near_changes = st.builds(
    lambda text, minutes: utc(text) + timedelta(minutes=minutes), st.sampled_from(CHANGES), st.integers(-2000, 2000)
)
any_time = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))


def ask(number: str, week: Any, now: datetime) -> tuple[RuleInputs, Decision]:
    """A case of this number, week and time, and its decision."""
    of = replace(CAMPAIGN, windows=week, holidays=HolidayRule.CALLS)
    consent = Consent(number=NUMBER, reference="r", given_at=utc("2020-01-01 00:00"))
    asked = case(now=now, **called(number), campaign=of, consent=consent)
    return asked, may_we_call(asked)


@settings(max_examples=300, deadline=None)
@given(number=st.sampled_from(NUMBERS), week=st.sampled_from(WEEKS), now=st.one_of(near_changes, any_time))
def test_never_outside_a_window_of_any_zone(number: str, week: Any, now: datetime) -> None:
    """A permitted call is inside the hours on the wall clock of every zone that the number may be in."""
    _, decision = ask(number, week, now)
    if not decision.is_allowed:
        return
    zones = timezone.time_zones_for_number(parse(number))
    assert "Etc/Unknown" not in zones
    for name in zones:
        wall = now.astimezone(ZoneInfo(name))
        minute = wall.hour * 60 + wall.minute
        assert any(window.opens <= minute < window.closes for window in week.days[wall.weekday()])


@settings(max_examples=150, deadline=None)
@given(number=st.sampled_from(NUMBERS), week=st.sampled_from(WEEKS), now=st.one_of(near_changes, any_time))
def test_trying_again_is_allowed(number: str, week: Any, now: datetime) -> None:
    """The time a decision names is later, and a call is permitted at it."""
    asked, decision = ask(number, week, now)
    if decision.try_again_at is not None:
        assert decision.try_again_at > now
        assert may_we_call(replace(asked, now=decision.try_again_at)).is_allowed

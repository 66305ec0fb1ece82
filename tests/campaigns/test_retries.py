"""When a contact is called again, by outcome; time and randomness are the test's."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendeep_kit.campaigns.retries import (
    DEFAULT_RULES,
    LONGEST_DELAY_S,
    MAX_RETRIES,
    NextAttempt,
    OutcomeKind,
    RetryPolicy,
    RetryRule,
    next_attempt,
    outcome_kind,
)
from opendeep_kit.campaigns.windows import next_opening, parse_weekly
from opendeep_kit.errors import BadInput
from opendeep_kit.outcomes import Disposition, PhoneResult

WEEK = parse_weekly({"mon-fri": "09:00-20:00"})
ENDED = datetime(2026, 3, 10, 15, tzinfo=UTC)
"""A Tuesday, 11:00 in New York."""
EXACT = RetryPolicy(
    rules={
        kind: RetryRule(max_retries=r.max_retries, delay_s=r.delay_s, growth=r.growth, jitter=0)
        for kind, r in DEFAULT_RULES.items()
    }
)


def opening(after: datetime) -> datetime | None:
    """When New York may be called."""
    return next_opening(WEEK, ["America/New_York"], after)


def follow(
    kind: str, so_far: Mapping[str, int] | None = None, *, policy: RetryPolicy = EXACT, **given: object
) -> NextAttempt:
    """What follows an outcome of this kind, the first one unless said."""
    counts = {OutcomeKind(name): count for name, count in (so_far or {kind: 1}).items()}
    usual: dict[str, object] = {"ended_at": ENDED, "opening": opening, "rng": Random(1)}
    return next_attempt(policy, counts, OutcomeKind(kind), **(usual | given))  # type: ignore[arg-type]


def minutes(following: NextAttempt) -> float | None:
    """After the end, in minutes."""
    return None if following.at is None else (following.at - ENDED).total_seconds() / 60


@pytest.mark.parametrize(
    ("result", "disposition", "kind"),
    [
        ("answered", "completed", "final"),
        ("answered", "refused", "final"),
        ("answered", "do_not_call", "final"),
        ("answered", "wrong_person", "final"),
        ("answered", "transferred", "final"),
        ("answered", "partial", "incomplete"),
        ("answered", "callback", "callback"),
        ("answered", "voicemail", "voicemail"),
        ("answered", "silent", "silent"),
        ("answered", "hung_up_early", "hung_up_early"),
        ("answered", "failed", "our_failure"),
        ("answered", None, "our_failure"),
        ("busy", "not_reached", "busy"),
        ("no_answer", None, "no_answer"),
        ("rejected", "not_reached", "rejected"),
        ("invalid_number", "not_reached", "final"),
        ("number_changed", None, "final"),
        ("unreachable", None, "network"),
        ("congestion", None, "network"),
        ("cancelled", None, "our_failure"),
        ("failed", "failed", "our_failure"),
        ("failed", "do_not_call", "final"),
    ],
)
def test_kind(result: str, disposition: str | None, kind: str) -> None:
    """What the network and the talk came to, as one kind."""
    assert outcome_kind(PhoneResult(result), Disposition(disposition) if disposition else None) == kind


def test_every_pair_has_a_kind() -> None:
    """No outcome is without an answer, and every kind that is not final or a callback has a usual rule."""
    kinds = {outcome_kind(result, disposition) for result in PhoneResult for disposition in (*Disposition, None)}

    assert kinds == set(OutcomeKind)
    assert set(DEFAULT_RULES) == kinds - {OutcomeKind.FINAL, OutcomeKind.CALLBACK}


@pytest.mark.parametrize(
    ("kind", "so_far", "after"),
    [
        ("final", {"final": 1}, None),
        ("busy", {"busy": 1}, 10),
        ("busy", {"busy": 2}, 20),
        ("busy", {"busy": 4}, 80),
        ("busy", {"busy": 5}, None),
        ("no_answer", {"no_answer": 1}, 180),
        ("no_answer", {"no_answer": 2}, 360),
        ("no_answer", {"no_answer": 3}, 22 * 60),  # twelve hours on it is 23:00: the next morning
        ("no_answer", {"no_answer": 4}, None),
        ("rejected", {"rejected": 1}, 24 * 60),
        ("rejected", {"rejected": 2}, None),
        ("voicemail", {"voicemail": 1}, 300),
        ("hung_up_early", {"hung_up_early": 1}, 24 * 60),
        ("silent", {"silent": 1}, 120),
        ("incomplete", {"incomplete": 1}, 24 * 60),
        ("network", {"network": 1}, 5),
        ("our_failure", {"our_failure": 3}, 20),
        ("our_failure", {"our_failure": 6}, None),
        ("busy", {"busy": 2, "no_answer": 3, "voicemail": 1}, None),
        ("busy", {"busy": 2, "no_answer": 3, "our_failure": 4, "callback": 2}, 20),
        ("our_failure", {"busy": 3, "no_answer": 3, "our_failure": 1}, 5),
    ],
)
def test_delay(kind: str, so_far: dict[str, int], after: float | None) -> None:
    """Minutes until the next attempt: growing, capped by kind and in all; our failures count against nobody."""
    assert minutes(follow(kind, so_far)) == after


@pytest.mark.parametrize(
    ("so_far", "reason"),
    [
        ({"busy": 1}, "busy: again after 10 minutes, inside the windows"),
        ({"busy": 5}, "after 5 × busy there is no further attempt"),
        ({"busy": 2, "no_answer": 4}, "6 attempts were made, 6 are allowed"),
    ],
)
def test_reason(so_far: dict[str, int], reason: str) -> None:
    """Every answer has its reason in words."""
    assert follow("busy", so_far).reason == reason


def test_jitter() -> None:
    """A thousand busy callees come back within two minutes either way, and not in one second."""
    rng = Random(7)
    times = [minutes(follow("busy", policy=RetryPolicy(), rng=rng)) or 0 for _ in range(1000)]

    assert 8 <= min(times) < 8.1
    assert 11.9 < max(times) <= 12
    assert minutes(follow("busy", policy=RetryPolicy(), rng=Random(7))) == times[0]


def test_kind_without_a_rule() -> None:
    """It is not called again."""
    assert follow("busy", policy=RetryPolicy(rules={})).at is None


def test_no_window_opens_again() -> None:
    """A retry that would never be allowed is none."""
    assert follow("busy", opening=lambda _: None) == NextAttempt(at=None, reason="no window opens again")


@pytest.mark.parametrize(
    ("asked_in_h", "at_h", "is_promised", "reason"),
    [
        (4, 4, True, "the callee asked for this time"),
        (8.9, 8.9, True, "the callee asked for this time"),
        (9, 22, False, "the time asked for is outside the windows, hence refused: at the next opening"),
        (4 * 24, 5 * 24 + 22, False, "the time asked for is outside the windows, hence refused: at the next opening"),
        (-1, 24, False, "a callback was asked for, but the time asked for is past: called at the usual distance"),
        (None, 24, False, "a callback was asked for, but no time was understood: called at the usual distance"),
    ],
)
def test_callback(asked_in_h: float | None, at_h: float, is_promised: bool, reason: str) -> None:
    """Kept to the second inside the windows; outside them refused, with the reason, and called when they open."""
    asked = None if asked_in_h is None else ENDED + timedelta(hours=asked_in_h)

    assert follow("callback", callback_at=asked) == NextAttempt(
        at=ENDED + timedelta(hours=at_h), is_promised=is_promised, reason=reason
    )


def test_callbacks_are_no_attempts() -> None:
    """They come on top of the attempts, up to a count of their own."""
    asked = ENDED + timedelta(hours=4)

    assert follow("callback", {"callback": 3, "busy": 4, "no_answer": 3}, callback_at=asked).is_promised
    assert (
        follow("callback", {"callback": 4}, callback_at=asked).reason == "the callee has put us off more than 3 times"
    )


def test_better_hour() -> None:
    """Where such contacts answer at an hour of their own, it is taken when it comes within a day and is open."""

    def at_six(after: datetime, latest: datetime) -> datetime | None:
        return next_opening(parse_weekly({"daily": "18:00-19:00"}), ["America/New_York"], after)

    assert minutes(follow("no_answer", better=at_six)) == 7 * 60
    assert minutes(follow("busy", better=at_six)) == 10
    assert minutes(follow("no_answer", better=lambda *_: ENDED + timedelta(hours=10))) == 180
    assert minutes(follow("no_answer", better=lambda *_: ENDED + timedelta(days=3))) == 180


def test_a_better_hour_does_not_outweigh_a_short_delay() -> None:
    """Who is to be called again in a minute is not called tomorrow instead."""
    rule = RetryRule(max_retries=2, delay_s=60, jitter=0)
    soon = RetryPolicy(rules={OutcomeKind.NO_ANSWER: rule})
    minute = timedelta(minutes=1)

    assert minutes(follow("no_answer", policy=soon, better=lambda at, _: at + 5 * minute)) == 6
    assert minutes(follow("no_answer", policy=soon, better=lambda at, _: at + 7 * minute)) == 1


@given(
    st.integers(0, MAX_RETRIES),
    st.floats(0, LONGEST_DELAY_S),
    st.floats(1, 10),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 10_000),
)
def test_a_delay_is_always_a_time(retries: int, delay_s: float, growth: float, jitter: float, times: int) -> None:
    """Whatever rule is possible, however often it was tried: the next time can be written down, and is not for ever."""
    rule = RetryRule(max_retries=retries, delay_s=delay_s, growth=growth, jitter=jitter)

    for spread in (-1, 0, 1):
        assert 0 <= rule.delay_after(times, spread=spread) <= LONGEST_DELAY_S
    policy = RetryPolicy(rules={OutcomeKind.BUSY: rule}, max_attempts=20_000)
    following = follow("busy", {"busy": times}, policy=policy)
    assert following.at is None or following.at >= ENDED


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_retries": -1},
        {"delay_s": -1},
        {"growth": 0.5},
        {"max_retries": MAX_RETRIES + 1},
        {"delay_s": 1e15},
        {"delay_s": float("nan")},
        {"jitter": 1.0},
    ],
)
def test_impossible_rule(wrong: dict[str, float]) -> None:
    """Negative caps and delays are refused when they are set."""
    with pytest.raises(BadInput, match="a retry rule is impossible"):
        RetryRule(**({"max_retries": 1, "delay_s": 60} | wrong))  # type: ignore[arg-type]


def test_impossible_policy() -> None:
    """No attempt at all is no policy."""
    with pytest.raises(BadInput, match="a retry policy is impossible"):
        RetryPolicy(max_attempts=0)

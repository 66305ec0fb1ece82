"""Whose calls are placed next: shares, priorities, rates and caps; the same input gives the same plan."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendeep_kit.campaigns.planner import CallPlan, Demand, Limit, PlanLimits, Rotation, plan
from opendeep_kit.errors import OurMistake

NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FREE = Limit()
FRESH = Rotation()


def demand(
    name: str, due: int = 1000, *, trunk: str = "t", promised: int = 0, priority: int = 0, weight: float = 1.0
) -> Demand:
    """Calls due; `a1` is campaign 1 of tenant a."""
    return Demand(
        campaign_id=name, tenant_id=name[0], trunk_id=trunk, due=due, promised=promised, priority=priority, weight=weight
    )  # fmt: skip


def limits(
    everyone: Limit = FREE,
    trunks: dict[str, Limit] | None = None,
    tenants: dict[str, Limit] | None = None,
    campaigns: dict[str, Limit] | None = None,
) -> PlanLimits:
    """Trunks t and u, tenants a to e and all their campaigns, without limits unless given."""
    free = {name: Limit() for name in "abcdetu"}
    each = {f"{tenant}{number}": Limit() for tenant in "abcde" for number in range(1, 6)}
    return PlanLimits(
        everyone=everyone,
        trunks=free | (trunks or {}),
        tenants=free | (tenants or {}),
        campaigns=each | (campaigns or {}),
    )


def one(
    demands: list[Demand], given: PlanLimits, rotation: Rotation = FRESH, tick: int = 0, most: int = 1000
) -> CallPlan:
    """The plan of one second."""
    return plan(demands, given, rotation, now=NOW + tick * SECOND, until=NOW + (tick + 1) * SECOND, most=most)


def run(demands: list[Demand], given: PlanLimits, ticks: int) -> Counter[str]:
    """Calls by campaign over so many seconds, with all their calls due all the time."""
    rotation, counts = Rotation(), Counter[str]()
    for tick in range(ticks):
        made = one(demands, given, rotation, tick)
        rotation = made.rotation
        counts.update(place.campaign_id for place in made.places)
    return counts


def test_equal_tenants_share_equally() -> None:
    """Three slots a second between five tenants: nobody is more than one call ahead, however many calls each has due."""
    counts = run([demand("a1", 100_000), *(demand(f"{name}1", 50) for name in "bcde")], limits(Limit(room=3)), 50)

    assert counts == {"a1": 30, "b1": 30, "c1": 30, "d1": 30, "e1": 30}


def test_weights() -> None:
    """A tenant of weight 3 gets three calls for one of weight 1."""
    given = limits(Limit(room=4), tenants={"a": Limit(weight=3), "b": Limit(weight=1)})

    assert run([demand("a1"), demand("b1")], given, 25) == {"a1": 75, "b1": 25}


def test_campaigns_share_their_tenants_part() -> None:
    """Four campaigns get no more together than the one of the other tenant; weights hold among them."""
    demands = [demand("a1", weight=2), demand("a2"), demand("a3"), demand("b1")]

    assert run(demands, limits(Limit(room=2)), 40) == {"a1": 20, "a2": 10, "a3": 10, "b1": 40}


def test_priority_is_among_one_tenants_campaigns() -> None:
    """The higher goes first while it has calls due; another tenant is not outranked."""
    counts = run([demand("a1"), demand("a2", priority=5), demand("b1")], limits(Limit(room=2)), 20)
    little = one([demand("a1"), demand("a2", 3, priority=5)], limits(Limit(room=8)))

    assert counts == {"a2": 20, "b1": 20}
    assert [place.campaign_id for place in little.places] == ["a2"] * 3 + ["a1"] * 5


def test_lower_priorities_share_what_is_left() -> None:
    """Two low campaigns under a busy high one take turns from tick to tick."""
    demands = [demand("a1", 1, priority=9), demand("a2"), demand("a3")]

    assert run(demands, limits(Limit(room=2)), 20) == {"a1": 20, "a2": 10, "a3": 10}


def test_promised_callbacks_go_first() -> None:
    """Before the tenant's higher priorities, as many as are promised."""
    made = one([demand("a1", promised=2), demand("a2", priority=5)], limits(Limit(room=4)))

    assert [place.campaign_id for place in made.places] == ["a1", "a1", "a2", "a2"]


def test_nobody_saves_turns() -> None:
    """A tenant that had nothing due for a while does not make up for it afterwards."""
    given, rotation = limits(Limit(room=2)), Rotation()
    for tick in range(50):
        rotation = one([demand("a1")], given, rotation, tick).rotation
    counts = Counter[str]()
    for tick in range(50, 60):
        made = one([demand("a1"), demand("b1")], given, rotation, tick)
        rotation = made.rotation
        counts.update(place.campaign_id for place in made.places)

    assert counts == {"a1": 10, "b1": 10}


def test_rates_space_calls() -> None:
    """Four calls a second on the trunk are a quarter of a second apart, over the tick's edge too."""
    given, rotation, times = limits(trunks={"t": Limit(calls_per_s=4)}), Rotation(), []
    for tick in range(3):
        made = one([demand("a1"), demand("b1")], given, rotation, tick)
        rotation = made.rotation
        times += [(place.at - NOW).total_seconds() for place in made.places]

    assert times == [step / 4 for step in range(12)]


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        (limits(tenants={"a": Limit(calls_per_s=0.5)}, trunks={"t": Limit(calls_per_s=10)}), {"a1": 5, "b1": 95}),
        (limits(campaigns={"a1": Limit(calls_per_s=2)}, everyone=Limit(calls_per_s=5)), {"a1": 17, "b1": 33}),
        (limits(everyone=Limit(calls_per_s=0.2)), {"a1": 1, "b1": 1}),
    ],
)
def test_slow_one_holds_nobody_up(given: PlanLimits, counts: dict[str, int]) -> None:
    """What a rate forbids to one goes to the other; one that may call every 0.5 s gets every third slot of 0.2 s."""
    assert run([demand("a1"), demand("b1")], given, 10) == counts


def test_trunks_do_not_wait_for_each_other() -> None:
    """A slow trunk leaves the fast one's calls alone; a common rate is shared between them."""
    demands = [demand("a1", trunk="t"), demand("b1", trunk="u")]

    assert run(demands, limits(trunks={"t": Limit(calls_per_s=1), "u": Limit(calls_per_s=9)}), 10) == {
        "a1": 10,
        "b1": 90,
    }
    assert run(demands, limits(everyone=Limit(calls_per_s=6)), 10) == {"a1": 30, "b1": 30}


@pytest.mark.parametrize(
    ("given", "held"),
    [
        (limits(Limit(room=0, bound_by="every media slot is taken")), "every media slot is taken"),
        (limits(trunks={"t": Limit(room=0)}), "trunk:t has as many calls as it may"),
        (limits(tenants={"a": Limit(room=0, bound_by="the tenant has 9 live")}), "the tenant has 9 live"),
        (limits(campaigns={"a1": Limit(room=0)}), "campaign:a1 has as many calls as it may"),
    ],
)
def test_caps(given: PlanLimits, held: str) -> None:
    """No room in any one of the limits is no call, with the reason."""
    made = one([demand("a1")], given)

    assert (made.places, made.held) == ((), {"a1": held})


def test_unknown_limit_is_no_call() -> None:
    """A trunk, tenant or campaign whose limits are not known gets nothing."""
    strange = [demand("a1", trunk="x"), demand("z1"), demand("a9"), demand("b1", 1)]
    made = one(strange, limits())

    assert [place.campaign_id for place in made.places] == ["b1"]
    assert made.held == {"a1": "trunk:x is not known", "z1": "tenant:z is not known", "a9": "campaign:a9 is not known"}


def test_nothing_due() -> None:
    """No demand, and a demand of none, are an empty plan; a tick without length is a mistake."""
    assert one([], limits()).places == ()
    assert one([demand("a1", 0)], limits()).places == ()
    with pytest.raises(OurMistake, match="no time at all"):
        plan([], limits(), Rotation(), now=NOW, until=NOW)


def test_most() -> None:
    """A tick holds no more than it is told, whatever the limits."""
    made = one([demand("a1", 5000)], limits(), most=7)

    assert (len(made.places), made.held) == (7, {"a1": "as many calls as a tick may hold"})


names = st.sampled_from([f"{tenant}{number}" for tenant in "abc" for number in (1, 2)])
limit = st.builds(
    Limit,
    room=st.one_of(st.none(), st.integers(0, 6)),
    calls_per_s=st.one_of(st.none(), st.sampled_from([0.3, 1, 2.5, 7])),
)
demand_lists = st.lists(
    st.builds(demand, names, st.integers(0, 9), trunk=st.sampled_from("tu"), promised=st.integers(0, 3), priority=st.integers(0, 2)),
    max_size=6,
    unique_by=lambda made: made.campaign_id,
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(demands=demand_lists, everyone=limit, trunk=limit, tenant=limit, campaign=limit)
def test_no_limit_is_exceeded(
    demands: list[Demand], everyone: Limit, trunk: Limit, tenant: Limit, campaign: Limit
) -> None:
    """No room and no rate is ever overdrawn, calls are inside the tick, and the same input gives the same plan."""
    given = limits(everyone, {"t": trunk}, {"a": tenant}, {"a1": campaign})
    of = {made.campaign_id: made for made in demands}
    rotation, all_at = Rotation(), []
    for tick in range(3):
        made = one(demands, given, rotation, tick)
        assert made == one(demands, given, rotation, tick)
        rotation = made.rotation
        counts = Counter(place.campaign_id for place in made.places)
        assert all(counts[name] <= of[name].due for name in counts)
        for bound, among in _scopes(given, of):
            assert bound.room is None or sum(counts[name] for name in among) <= bound.room
        assert all(NOW + tick * SECOND <= place.at < NOW + (tick + 1) * SECOND for place in made.places)
        all_at += made.places
    for bound, among in _scopes(given, of):
        times = [place.at for place in all_at if place.campaign_id in among]
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(times)]
        assert bound.calls_per_s is None or all(gap >= 1 / bound.calls_per_s for gap in gaps)


def _scopes(given: PlanLimits, of: dict[str, Demand]) -> list[tuple[Limit, set[str]]]:
    """PlanLimits with the campaigns they bind."""
    found = [(given.everyone, set(of)), (given.campaigns["a1"], {"a1"} & set(of))]
    found.append((given.trunks["t"], {name for name in of if of[name].trunk_id == "t"}))
    found.append((given.tenants["a"], {name for name in of if of[name].tenant_id == "a"}))
    return found

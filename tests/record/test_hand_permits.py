"""A call of no campaign is permitted where all calls are: each sees the one before, a campaign's among them."""

from datetime import timedelta
from uuid import uuid4

import pytest

from opendeep_kit.campaigns.model import TenantLimits
from opendeep_kit.campaigns.rule_inputs import Use
from opendeep_kit.errors import BadInput
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.record import attempts, calls, campaigns, claim_facts, claiming, hand_permits, ledger
from opendeep_kit.record.calls import ExpectedCall
from opendeep_kit.record.claim_facts import HAND_TRUNK, Facts, HandFacts
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.record.enrolments import NextStep
from opendeep_kit.record.ledger import Ruling
from tests.record.campaigning import BUSY, NO, YES, claimed, made_campaign, new_attempt, number, waiting
from tests.record.conftest import NOON, SOON

RESULT = Summary(
    phone_result=PhoneResult.BUSY, disposition=Disposition.NOT_REACHED, ended_by=EndedBy.CALLEE, detail="busy"
)


def facts_of(database: Database, ruling: Ruling, *, call_id: str = "one") -> HandFacts:
    """What the rules are told before they rule so."""
    seen: list[HandFacts] = []

    def look(facts: HandFacts) -> Ruling:
        seen.append(facts)
        return ruling

    assert hand_permits.permit(database, "clinic", number(0), call_id=call_id, check=look, now=SOON) == ruling
    return seen[0]


def test_a_first_call_finds_nothing(database: Database) -> None:
    """The tenant's limits, and nothing else."""
    campaigns.save_limits(database, TenantLimits(tenant_id="clinic", needs_consent=False))

    facts = facts_of(database, NO)

    assert (facts.now, facts.number, facts.limits) == (
        SOON,
        number(0),
        TenantLimits(tenant_id="clinic", needs_consent=False),
    )
    assert (facts.everyone.live, facts.tenant.live, facts.tenant_attempts, facts.consent) == (0, 0, (), None)
    assert number(0) not in repr(facts)


def test_the_ruling_is_noted(database: Database) -> None:
    """A yes with the call that follows, a no without one; neither names a campaign."""
    facts_of(database, NO)
    facts_of(database, YES, call_id="two")

    found = ledger.permissions_of(database, "clinic", number=number(0))
    assert [(one.is_allowed, one.attempt_id, one.campaign_id) for one in found] == [
        (True, "two", ""),
        (False, None, ""),
    ]


def test_calls_by_hand_and_of_campaigns_count_for_each_other(database: Database) -> None:
    """The caps of the tenant are kept over both: refused calls do not count."""
    made_campaign(database)
    call = claimed(database, waiting(database)[0])
    again = NextStep(at=NOON, reason="again")
    attempts.finish_attempt(database, "clinic", call.attempt_id, BUSY, again, now=NOON)
    facts_of(database, NO)

    assert facts_of(database, YES).tenant_attempts == (NOON,)
    assert facts_of(database, NO).tenant_attempts == (NOON, SOON)

    seen: list[Facts] = []
    (who,) = [one for one in waiting(database) if one.number == number(0)]

    def look(facts: Facts) -> Ruling:
        seen.append(facts)
        return NO

    claiming.claim(database, "clinic", who.enrolment_id, new_attempt(), check=look, now=SOON)
    assert (seen[0].campaign_attempts, seen[0].tenant_attempts) == ((NOON,), (NOON, SOON))


def test_calls_by_hand_are_live_until_they_end(database: Database) -> None:
    """From its permission to its end one takes a line of everybody's, of its trunk's and of the tenant's."""
    call_id = str(uuid4())
    facts_of(database, YES, call_id=call_id)
    taken = facts_of(database, NO)
    row = ExpectedCall(
        call_id=call_id, tenant_id="clinic", number=number(0), line="test", expected_until=SOON + timedelta(minutes=1)
    )
    calls.expect(database, row, now=SOON)
    later = SOON + timedelta(minutes=5)
    with database.read() as connection:
        seen = [claim_facts.by_hand(connection, now=at) for at in (later, SOON + timedelta(hours=2))]
    calls.end(database, "clinic", call_id, RESULT, at=later)

    flows = (taken.everyone, taken.trunk, taken.tenant)
    assert flows == (Use(live=1, last_start=SOON),) * 3
    assert seen == [{"clinic": Use(live=1, last_start=SOON)}, {}]
    assert facts_of(database, NO).tenant == Use(live=0, last_start=SOON)


def test_one_that_was_never_written_is_forgotten(database: Database) -> None:
    """A call that broke off between its permission and its row takes a line for a minute."""
    facts_of(database, YES, call_id=str(uuid4()))

    with database.read() as connection:
        found = [claim_facts.by_hand(connection, now=SOON + timedelta(seconds=s))["clinic"].live for s in (30, 90)]
    assert found == [1, 0]


def test_campaigns_see_calls_by_hand(database: Database) -> None:
    """They count for everybody's, the tenant's and the usual trunk's calls; for no campaign's and no other trunk's."""
    made_campaign(database)
    facts_of(database, YES, call_id=str(uuid4()))
    seen: list[Facts] = []

    def look(facts: Facts) -> Ruling:
        seen.append(facts)
        return NO

    for trunk in (HAND_TRUNK, "north"):
        attempt = new_attempt(trunk_id=trunk)
        claiming.claim(database, "clinic", waiting(database)[1].enrolment_id, attempt, check=look, now=SOON)

    assert [(one.everyone.live, one.trunk.live, one.tenant.live, one.of_campaign.live) for one in seen] == [
        (1, 1, 1, 0),
        (1, 0, 1, 0),
    ]
    assert [one.trunk.last_start for one in seen] == [SOON, None]


def test_calls_by_hand_are_found_by_their_time(sqlite_url: str) -> None:
    """Every claim asks for them: the ledger is not walked, however long it is."""
    database = open_database(sqlite_url)
    with database.read() as connection:
        query = str(claim_facts._HAND.compile(connection.engine))
        steps = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", (NOON.isoformat(),) * query.count("?")).all()
    database.close()

    assert "SEARCH permissions USING INDEX ix_permissions_by_hand (at>?)" in [step[-1] for step in steps]


def test_it_has_a_tenant(database: Database) -> None:
    """Nobody calls for a tenant that is not there."""
    with pytest.raises(BadInput, match="there is no tenant 'nobody'"):
        hand_permits.permit(database, "nobody", number(0), call_id="one", check=lambda facts: YES, now=NOON)

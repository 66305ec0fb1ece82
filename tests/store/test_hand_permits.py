"""A call of no campaign is permitted where all calls are: each sees the one before, a campaign's among them."""

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.store import attempts, campaigns, claiming, hand_permits, ledger
from opendeep_kit.store.claim_facts import Facts, HandFacts
from opendeep_kit.store.database import Database
from opendeep_kit.store.enrolments import NextStep
from opendeep_kit.store.ledger import Ruling
from tests.store.campaigning import BUSY, NO, YES, claimed, made_campaign, new_attempt, number, waiting
from tests.store.conftest import NOON, SOON


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
    campaigns.save_limits(database, "clinic", {"needs_consent": False})

    facts = facts_of(database, NO)

    assert (facts.now, facts.number, facts.limits) == (SOON, number(0), {"needs_consent": False})
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


def test_it_has_a_tenant(database: Database) -> None:
    """Nobody calls for a tenant that is not there."""
    with pytest.raises(BadInput, match="there is no tenant 'nobody'"):
        hand_permits.permit(database, "nobody", number(0), call_id="one", check=lambda facts: YES, now=NOON)

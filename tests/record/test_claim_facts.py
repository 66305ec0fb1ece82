"""The facts that the rules are given, as they stand in the transaction that may place the call."""

from dataclasses import replace
from datetime import timedelta

from opendeep_kit.campaigns.model import Consent, TenantLimits
from opendeep_kit.campaigns.rule_inputs import Use
from opendeep_kit.record import attempts, campaigns, claiming, consents, dnc, enrolling
from opendeep_kit.record.claim_facts import Facts
from opendeep_kit.record.database import Database
from opendeep_kit.record.enrolments import NextStep
from opendeep_kit.record.ledger import Ruling
from tests.record.campaigning import BUSY, NO, claimed, made_campaign, new_attempt, number, person, waiting
from tests.record.conftest import NOON, SOON


def facts_of(database: Database, *, campaign_id: str = "spring", last: int = 0, **changed: object) -> Facts:
    """What the rules are told of a number, a moment after noon."""
    seen: list[Facts] = []

    def look(facts: Facts) -> Ruling:
        seen.append(facts)
        return NO

    (who,) = [one for one in waiting(database, campaign_id) if one.number == number(last)]
    claiming.claim(database, "clinic", who.enrolment_id, new_attempt(**changed), check=look, now=SOON)
    return seen[0]


def test_a_first_call_finds_nothing(database: Database) -> None:
    """Before any call everything is empty, and the campaign is as it was made."""
    made_campaign(database)
    campaigns.save_limits(database, TenantLimits(tenant_id="clinic", needs_consent=False))

    facts = facts_of(database)

    nothing = Use(live=0, last_start=None)
    assert (facts.everyone, facts.trunk, facts.tenant, facts.of_campaign) == (nothing,) * 4
    assert (facts.campaign_attempts, facts.tenant_attempts, facts.consent, facts.worker_live) == ((), (), None, 0)
    assert (facts.now, facts.enrolment.number, facts.campaign.state) == (SOON, number(0), "running")
    assert facts.limits == TenantLimits(tenant_id="clinic", needs_consent=False)
    assert (facts.dnc.everyone, facts.dnc.tenant) == (None, None)


def test_live_calls_and_last_starts_are_counted_by_scope(database: Database) -> None:
    """Everybody's, the trunk's, the tenant's, the campaign's and the media worker's live calls are told apart."""
    for name in ("spring", "autumn"):
        made_campaign(database, name)
    made_campaign(database, "spring", tenant_id="garage")
    claimed(database, waiting(database)[1])
    claimed(database, waiting(database, "autumn")[1], trunk_id="north")
    claimed(database, waiting(database, tenant_id="garage")[0], tenant_id="garage", trunk_id="north", worker_id="m2")
    ended = claimed(database, waiting(database)[1])
    attempts.finish_attempt(database, "clinic", ended.attempt_id, BUSY, NextStep(at=SOON, reason="busy"), now=NOON)

    facts = facts_of(database, trunk_id="north")

    assert [flow.live for flow in (facts.everyone, facts.trunk, facts.tenant, facts.of_campaign)] == [3, 2, 2, 1]
    assert facts.worker_live == 2
    assert facts.of_campaign.last_start == NOON
    assert facts_of(database, trunk_id="south").trunk == Use(live=0, last_start=None)


def test_earlier_attempts_of_the_number(database: Database) -> None:
    """Every attempt that may have rung is told with its time, by campaign and over all of the tenant's."""
    for name in ("spring", "autumn"):
        made_campaign(database, name)
    again = NextStep(at=NOON, reason="again")
    for name, result in (
        ("spring", BUSY),
        ("autumn", BUSY),
        ("spring", replace(BUSY, may_have_rung=False)),
        ("spring", replace(BUSY, is_interrupted=True)),
    ):
        (who,) = [one for one in waiting(database, name) if one.number == number(0)]
        call = claimed(database, who)
        attempts.finish_attempt(database, "clinic", call.attempt_id, result, again, now=NOON)

    facts = facts_of(database)

    assert (facts.campaign_attempts, facts.tenant_attempts) == ((NOON,) * 2, (NOON,) * 3)
    assert facts.enrolment.attempts == 2
    assert facts_of(database, last=1).tenant_attempts == ()


def test_money_lists_and_consent(database: Database) -> None:
    """Reserved and spent money, entries that hit and the consent in force are told."""
    made_campaign(database)
    enrolling.enrol(database, "clinic", "spring", [person("+19005550100")], now=NOON)
    claimed(database, waiting(database)[1], reserved_minor=40, currency="EUR")
    prefix = dnc.DncEntry(entry="+1900*", reason="premium", source="person", added_by="Ann", added_at=NOON)
    dnc.add(database, dnc.EVERYONE, [prefix])
    given = Consent(number=number(0), reference="form 7", given_at=NOON, expires_at=NOON + timedelta(days=1))
    consents.save_consents(database, "clinic", [given], now=NOON)

    facts = facts_of(database)

    assert (facts.campaign_spent, facts.tenant_spent) == ({"EUR": 40}, {"EUR": 40})
    assert (facts.dnc.everyone, facts.dnc.snapshot) == (None, "everyone 1, clinic 0")
    assert facts.consent == given
    assert number(0) not in repr(facts)

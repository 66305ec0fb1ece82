"""Asks the calling rules about one contact, in the transaction that claims it.

Given a job, says whether it may be placed now; asked again, it finds its earlier claim. Never dials.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial

from opendeep_kit.campaigns.rule_inputs import Rule
from opendeep_kit.engine.jobs import Job, Permission
from opendeep_kit.engine.permits import checker
from opendeep_kit.engine.worker_choice import WorkerChoice
from opendeep_kit.media.call_end import insist
from opendeep_kit.record import attempts, campaigns, claiming, enrolments
from opendeep_kit.record.claiming import Claim, ClaimOutcome, NewAttempt
from opendeep_kit.record.database import Database
from opendeep_kit.rehearsal.public import is_made_up
from opendeep_kit.settings import NO_TRUNK, ServiceSettings

RATE_TRIES, RATE_WAIT_S = 5, 5.0
"""A call that comes too early for a rate waits, when it is not for long."""


async def permit(
    database: Database,
    settings: ServiceSettings,
    job: Job,
    *,
    control_id: str,
    choice: WorkerChoice,
    reaches_people: bool,
) -> Permission:
    """Ask whether the contact may be called now.

    Args:
        control_id: who asks, and owns the attempt.
        reaches_people: whether its line does; else it asks for made-up numbers only.
    """
    asking = partial(
        _claim, database, settings, job, control_id=control_id, choice=choice, reaches_people=reaches_people
    )
    refused = Permission(is_allowed=False)
    for _ in range(RATE_TRIES):
        claim = await insist(asking)
        if isinstance(claim, str):
            return Permission(is_allowed=False, words=claim)
        if claim.outcome is ClaimOutcome.GONE:
            # Run again after a crash, the attempt may be there already.
            known = await insist(partial(attempts.attempt, database, job.tenant_id, job.attempt_id))
            return Permission(
                is_allowed=known is not None, words="" if known is not None else "the contact is not due any more"
            )
        if claim.outcome is ClaimOutcome.CLAIMED or claim.ruling is None:
            return Permission(is_allowed=True)
        ruling = claim.ruling
        refused = Permission(is_allowed=False, words=ruling.words, rule=ruling.rule, try_again_at=ruling.try_again_at)
        if ruling.rule != Rule.RATE or ruling.try_again_at is None:
            return refused
        wait_s = (ruling.try_again_at - datetime.now(UTC)).total_seconds()
        if wait_s > RATE_WAIT_S:
            return refused
        await asyncio.sleep(max(0.0, wait_s))
    return refused


def _claim(
    database: Database,
    settings: ServiceSettings,
    job: Job,
    *,
    control_id: str,
    choice: WorkerChoice,
    reaches_people: bool,
) -> Claim | str:
    """A clause: there is nothing to ask, for want of a campaign, a media worker or a line that reaches the contact."""
    now = datetime.now(UTC)
    row = campaigns.campaign(database, job.tenant_id, job.campaign_id)
    worker = choice.pick(now)
    if row is None or worker is None:
        return "no media worker is free" if row is not None else "there is no such campaign"
    if not reaches_people:
        number = enrolments.number_of(database, job.tenant_id, job.enrolment_id)
        if number is not None and not is_made_up(number):
            # Another control process may have a line for it.
            return f"the line reaches made-up numbers only: {NO_TRUNK}"
    cost = row.call_cost
    attempt = NewAttempt(
        attempt_id=job.attempt_id,
        control_id=control_id,
        trunk_id=row.trunk_id,
        worker_id=worker.worker_id,
        media_host=worker.host,
        media_port=worker.port,
        reserved_minor=cost.minor if cost else 0,
        currency=cost.currency if cost else None,
    )
    check = checker(settings, worker_capacity=worker.capacity, reaches_people=reaches_people)
    return claiming.claim(database, job.tenant_id, job.enrolment_id, attempt, check=check, now=now)

"""Lets a call in at the media worker's door before any phone rings.

Given an attempt, checks that its script can be spoken with the contact's facts, and writes the row that the door looks
up. Never dials.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from opendeep_kit.errors import BadInput
from opendeep_kit.record import calls, campaigns, directory, enrolments
from opendeep_kit.record.attempts import Attempt
from opendeep_kit.record.database import Database
from opendeep_kit.tasks.prompt import render
from opendeep_kit.tasks.script import parse_script


def expect(database: Database, row: Attempt, *, line: str, within_s: float, now: datetime) -> None:
    """Let the call in, once. Blocks: call it off the loop.

    Args:
        line: which one carries it.
        within_s: how long its UUID is admitted.

    Raises:
        BadInput: the script or the contact's facts are not what they must be.
    """
    if calls.call(database, row.tenant_id, row.attempt_id) is not None:
        return
    campaign = campaigns.campaign(database, row.tenant_id, row.campaign_id)
    who = enrolments.enrolment(database, row.tenant_id, row.campaign_id, row.number)
    if campaign is None or campaign.script_name is None or who is None:
        raise BadInput("the campaign has no script", do="create it again with one")
    saved = directory.script(database, row.tenant_id, campaign.script_name, campaign.script_version)
    if saved is None:
        raise BadInput("the campaign's script is not in the record", do="save it")
    facts = enrolments.facts_of(database, who.enrolment_id)
    render(parse_script(saved.text, name=saved.name, source="the campaign's script"), facts)
    expected = calls.ExpectedCall(
        call_id=row.attempt_id,
        tenant_id=row.tenant_id,
        number=row.number,
        line=line,
        expected_until=now + timedelta(seconds=within_s),
        task_id=campaign.task_id,
        script_name=campaign.script_name,
        script_version=campaign.script_version,
        contact_id=who.contact_id,
        campaign=row.campaign_id,
        facts=facts,
    )
    calls.expect(database, expected, now=now)

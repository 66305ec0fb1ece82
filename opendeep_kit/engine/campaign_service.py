"""What a person does with campaigns: create, import, start, inspect, explain. For commands and notebooks.

Given an open record and plain values, validates and writes them. Never places a call: the running service does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opendeep_kit.campaigns.contact_files import ImportReport, stream_contacts
from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.campaigns.lifecycle import TRANSITIONS, TaskFact, TaskState
from opendeep_kit.campaigns.model import Campaign, Consent
from opendeep_kit.campaigns.permission import explain, may_we_call
from opendeep_kit.campaigns.rules import CONSENT_ENDED, NO_CONSENT
from opendeep_kit.campaigns.specs import limits_spec, parse_limits
from opendeep_kit.engine.campaign_moves import move
from opendeep_kit.engine.permits import rule_inputs_of
from opendeep_kit.errors import BadInput, Refused
from opendeep_kit.record import campaigns, consents, counters, directory, enrolling, enrolments
from opendeep_kit.record.claim_facts import read_facts
from opendeep_kit.record.counters import Counts
from opendeep_kit.record.database import Database
from opendeep_kit.rehearsal.public import GIVEN_OUT_LIKE, MADE_UP_LIKE
from opendeep_kit.settings import ServiceSettings
from opendeep_kit.tasks.prompt import LACKS
from opendeep_kit.tasks.script import CallScript, parse_script

if TYPE_CHECKING:
    import pandas as pd

BATCH = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import came to."""

    report: ImportReport
    added: int
    merged: int
    """Their number was in the campaign already, or came twice."""
    brought_back: int
    """Of those: their end had been the want of a consent or a fact, and there is one now."""


def create(database: Database, campaign: Campaign, script: CallScript, *, by: str, now: datetime) -> Campaign:
    """A new campaign with this script, a draft until it has contacts.

    Raises:
        BadInput: there is one of this name, or no such tenant.
    """
    name = campaign.campaign_id
    if name in campaigns.IMPLICIT:
        raise BadInput(f"the campaign {name!r} holds the calls that people place", do="choose another id")
    if campaigns.campaign(database, campaign.tenant_id, name) is not None:
        raise BadInput(f"there is a campaign {name!r} already", do="choose another id")
    made = replace(
        campaign,
        name=campaign.name or campaign.campaign_id,
        task_id=script.name,
        script_name=script.name,
        script_version=save_script(database, campaign.tenant_id, script, now=now),
        state=TaskState.DRAFT,
        created_at=now,
        changed_at=now,
    )
    campaigns.create(database, made, by=by, now=now)
    return made


def check_trunk(trunk_id: str, settings: ServiceSettings) -> None:
    """See that calls can go over this trunk.

    Raises:
        BadInput: the settings do not know it.
    """
    if trunk_id not in settings.trunks:
        known = ", ".join(sorted(settings.trunks)) or "none"
        raise BadInput(f"there is no trunk {trunk_id!r}", do=f"name one of service.trunks in the settings: {known}")


def import_contacts(
    database: Database,
    tenant_id: str,
    campaign_id: str,
    source: Path | pd.DataFrame,
    *,
    consent: str | None = None,
    refused_path: Path | None = None,
    limit: int | None = None,
    by: str,
    now: datetime,
) -> Imported:
    """Add a file's or a table's contacts to a campaign; may be begun again after it broke off.

    Args:
        limit: only this many contacts, the first that can be called.
        consent: where it is on file that all of them agreed to be called; None: nothing is noted.
        refused_path: where all rows are written that are refused.

    Raises:
        BadInput: there is no such campaign, or the file cannot be read.
        Refused: the campaign is over; nobody is added.
    """
    row = existing(database, tenant_id, campaign_id)
    if TaskFact.CONTACTS_ADDED not in TRANSITIONS[row.state]:
        raise Refused(f"a campaign that is {row.state} takes no contacts", do="add them to another one")
    tenant = directory.tenant(database, tenant_id)
    script = script_of(database, row)
    stream = stream_contacts(
        source,
        region=tenant.default_region if tenant else "US",
        needs=script.task.facts,
        refused_path=refused_path,
    )
    back: list[int] = []
    people = _agreed(database, row, islice(stream, limit), consent, back, now)
    enrolled = enrolling.enrol(database, tenant_id, campaign_id, people, mends=LACKS, now=now)
    # Those that an import which broke off brought in count too: it never came so far as to say so.
    waiting = counters.counts(database, tenant_id, campaign_id).waiting
    if enrolled.added or (waiting and row.state in (TaskState.DRAFT, TaskState.EXHAUSTED)):
        move(
            database,
            tenant_id,
            campaign_id,
            TaskFact.CONTACTS_ADDED,
            reason=f"{enrolled.added or waiting} contacts of {source.name if isinstance(source, Path) else 'a table'}",
            by=by,
            now=now,
        )
    if row.state == TaskState.DRAFT and (enrolled.added or waiting):
        reason = "it has a script, rules and contacts"
        move(database, tenant_id, campaign_id, TaskFact.COMPLETED, reason=reason, by=by, now=now)
    return Imported(
        report=stream.report,
        added=enrolled.added,
        merged=enrolled.merged + stream.report.merged,
        brought_back=sum(back) + enrolled.brought_back,
    )


def consent_warning(
    database: Database, tenant_id: str, campaign_id: str, *, reaches_people: bool, now: datetime
) -> str | None:
    """What to tell of those who wait and will not be called for want of a consent; None: nobody, or none is needed.

    Args:
        reaches_people: whether the line does that will carry the calls; else made-up numbers need none.
    """
    if not campaigns.limits_of(database, tenant_id).needs_consent:
        return None
    spared = "" if reaches_people else MADE_UP_LIKE
    count = consents.missing(database, tenant_id, campaign_id, spared_like=spared, but_like=GIVEN_OUT_LIKE, now=now)
    if not count:
        return None
    waiting = counters.counts(database, tenant_id, campaign_id).waiting
    return (
        f"{count} of {waiting} waiting contacts have no consent on file, which the tenant {tenant_id} requires: "
        "they will not be called. Import them again with --consent, or run `opendeep consent add`; where none is "
        f"needed, `opendeep tenant set {tenant_id} --no-consent`"
    )


def agree(database: Database, tenant_id: str, consent: Consent, *, by: str, now: datetime) -> Mapping[str, int]:
    """Note a consent, and let its number wait for its beginning where the want of one had ended it.

    Returns where, and how many.

    Raises:
        BadInput: there is no such tenant.
    """
    consents.save_consents(database, tenant_id, [consent], now=now)
    open_ = {
        row.campaign_id: row
        for row in campaigns.campaigns_of(database, tenant_id)
        if TaskFact.CONTACTS_ADDED in TRANSITIONS[row.state]
    }
    why, at = (NO_CONSENT, CONSENT_ENDED), max(now, consent.given_at)
    back = consents.bring_back(database, tenant_id, [*open_], [consent.number], reasons=why, at=at, now=now)
    for campaign_id in back:
        if open_[campaign_id].state == TaskState.EXHAUSTED:
            reason = "a contact agreed to be called"
            move(database, tenant_id, campaign_id, TaskFact.CONTACTS_ADDED, reason=reason, by=by, now=now)
    return back


def start(database: Database, tenant_id: str, campaign_id: str, *, reason: str, by: str, now: datetime) -> TaskState:
    """Let it call; a draft that has contacts already, as a reopened one has, is made ready first.

    Raises:
        BadInput: there is no such campaign.
        Refused: its state does not allow it, or it has nobody to call.
    """
    row = existing(database, tenant_id, campaign_id)
    if row.state == TaskState.DRAFT and counters.counts(database, tenant_id, campaign_id).waiting:
        complete = "it has a script, rules and contacts"
        move(database, tenant_id, campaign_id, TaskFact.COMPLETED, reason=complete, by=by, now=now)
    return move(database, tenant_id, campaign_id, TaskFact.STARTED, reason=reason, by=by, now=now)


def explained(
    database: Database,
    tenant_id: str,
    campaign_id: str,
    number: str,
    settings: ServiceSettings,
    *,
    reaches_people: bool,
    now: datetime,
) -> list[str]:
    """Whether this number may be called now, rule by rule; nothing is noted.

    Args:
        reaches_people: whether the line does that would carry the call.

    Raises:
        BadInput: the campaign, or the number in it, is not there.
    """
    row = existing(database, tenant_id, campaign_id)
    who = enrolments.enrolment(database, tenant_id, campaign_id, number)
    if who is None:
        raise BadInput(f"the number is not in the campaign {campaign_id!r}", do="import it first")
    with database.read() as connection:
        facts = read_facts(connection, who, trunk_id=row.trunk_id, worker_id="", now=now)
    case = rule_inputs_of(facts, settings, worker_capacity=None, reaches_people=reaches_people)
    said = explain(may_we_call(case))
    following = "never again" if who.next_at is None else f"due {who.next_at.isoformat(timespec='seconds')}"
    state = f"In the campaign it is {who.state} ({who.final_reason or following}), {who.attempts} attempts."
    return [*said, state]


def status(database: Database, tenant_id: str, campaign_id: str) -> tuple[Campaign, Counts]:
    """The campaign at a glance.

    Raises:
        BadInput: there is no such campaign.
    """
    return existing(database, tenant_id, campaign_id), counters.counts(database, tenant_id, campaign_id)


def set_limits(database: Database, tenant_id: str, limits: Mapping[str, Any]) -> None:
    """What a tenant may do, checked by the rules; what is not said stays.

    Raises:
        BadInput: a limit is impossible, or there is no such tenant.
    """
    spec = {**limits_spec(campaigns.limits_of(database, tenant_id)), **limits}
    wanted = {name: value for name, value in spec.items() if value is not None}
    campaigns.save_limits(database, parse_limits(tenant_id, wanted))


def caller_id_of(database: Database, tenant_id: str) -> str:
    """The first of the tenant's caller ids, E.164; empty when it has none: the line's own is shown.

    Raises:
        BadInput: the tenant's limits cannot be read.
    """
    caller_ids = campaigns.limits_of(database, tenant_id).caller_ids
    return caller_ids[0] if caller_ids else ""


def existing(database: Database, tenant_id: str, campaign_id: str) -> Campaign:
    """The campaign.

    Raises:
        BadInput: there is none of this id.
    """
    row = campaigns.campaign(database, tenant_id, campaign_id)
    if row is None:
        raise BadInput(f"there is no campaign {campaign_id!r}", do="run `opendeep campaign list`")
    return row


def save_script(database: Database, tenant_id: str, script: CallScript, *, now: datetime) -> int:
    """Keep this text as a version of the script, and its task under the script's name; returns the version.

    Raises:
        BadInput: there is no such tenant.
    """
    if directory.tenant(database, tenant_id) is None:
        raise BadInput(f"there is no tenant {tenant_id!r}", do="run `opendeep tenant add`")
    task = directory.Task(task_id=script.name, name=script.task.goal, spec=script.task.model_dump(mode="json"))
    directory.save_task(database, tenant_id, task, now=now)
    return directory.save_script(database, tenant_id, name=script.name, text=script.text, now=now).version


def script_of(database: Database, row: Campaign) -> CallScript:
    """The version of the script that the campaign calls with."""
    saved = row.script_name and directory.script(database, row.tenant_id, row.script_name, row.script_version)
    if not saved:
        raise BadInput(f"the campaign {row.campaign_id!r} has no script", do="create it again with one")
    return parse_script(saved.text, name=saved.name, source="the saved script")


def _agreed(
    database: Database,
    campaign: Campaign,
    contacts: Iterable[Contact],
    consent: str | None,
    back: list[int],
    now: datetime,
) -> Iterator[Contact]:
    """Note the contacts' consents in batches, and hand each contact on to be enrolled.

    Args:
        back: is given how many of each batch a consent brought back.
    """
    coming = iter(contacts)
    while batch := list(islice(coming, BATCH)):
        if consent is not None:
            given = (Consent(number=person.number, reference=consent, given_at=now) for person in batch)
            # A list that comes again brings back no consent that was withdrawn meanwhile.
            consents.save_consents(database, campaign.tenant_id, given, renews=False, now=now)
            again = consents.bring_back(
                database,
                campaign.tenant_id,
                [campaign.campaign_id],
                [person.number for person in batch],
                reasons=(NO_CONSENT, CONSENT_ENDED),
                now=now,
            )
            back.append(sum(again.values()))
        yield from batch

"""Opens a campaign for a notebook: creates it, or continues the one with this id, fills it and starts it.

Given an open record and what a notebook says, leaves a running campaign; run again after an interruption, it adds new
contacts and calls nobody twice. The rules decide, call by call, who may be called when.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opendeep_kit.campaigns.contact_files import stream_contacts
from opendeep_kit.campaigns.lifecycle import TaskFact, TaskState
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.campaigns.retries import OutcomeKind
from opendeep_kit.campaigns.specs import parse_spec
from opendeep_kit.engine import campaign_change, campaign_service
from opendeep_kit.engine.campaign_moves import move
from opendeep_kit.engine.campaign_service import Imported
from opendeep_kit.errors import BadInput
from opendeep_kit.record import campaigns, directory
from opendeep_kit.record.database import Database
from opendeep_kit.tasks.script import CallScript

if TYPE_CHECKING:
    import pandas as pd

BY = "notebook"
OVER = (TaskState.MET, TaskState.STOPPED, TaskState.ARCHIVED)
"""In these nobody is called any more, whoever is added."""
OWN_PARTS = ("windows", "holidays", "flow", "retries")
"""Of a spec: set by every run of the notebook. Other parts that it does not say stay, such as a budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a notebook says of its campaign."""

    campaign_id: str
    """The same id again: the same campaign."""
    tenant_id: str
    contacts: Path | pd.DataFrame
    script: CallScript
    rules: Mapping[str, Any] = field(default_factory=dict)
    """Windows, holidays, caps, retries … as in `opendeep campaign create --spec`; what is said wins."""
    once: bool = True
    """Everybody is called once; else by the rules of calling again."""
    limit: int = 0
    """So many contacts at most; 0: all."""
    parallel: int = 2
    """Calls at the same time."""
    consent: str = ""
    """Where it is on file that all of them agreed to be called; empty: nothing is noted."""


def open_campaign(database: Database, wanted: Wanted, *, now: datetime) -> Imported | None:
    """Leave the campaign running. None: it is over, paused or stopped, and stays so.

    Raises:
        BadInput: the contacts or a rule is wrong, or the campaign calls with another script.
    """
    row = campaigns.campaign(database, wanted.tenant_id, wanted.campaign_id)
    if row is not None and row.state in (*OVER, TaskState.PAUSED):
        return None
    _check_contacts(database, wanted)
    spec = _spec(wanted)
    rules = parse_spec(spec)  # report what is impossible before writing anything
    if row is None:
        new = Campaign(tenant_id=wanted.tenant_id, campaign_id=wanted.campaign_id, **rules)
        row = campaign_service.create(database, new, wanted.script, by=BY, now=now)
    else:
        _change(database, row, wanted, spec, now)
    came = campaign_service.import_contacts(
        database,
        wanted.tenant_id,
        wanted.campaign_id,
        wanted.contacts,
        consent=wanted.consent or None,
        limit=wanted.limit or None,
        by=BY,
        now=now,
    )
    if campaign_service.existing(database, wanted.tenant_id, wanted.campaign_id).state == TaskState.READY:
        reason = "the notebook was run"
        move(database, wanted.tenant_id, wanted.campaign_id, TaskFact.STARTED, reason=reason, by=BY, now=now)
    return came


def _spec(wanted: Wanted) -> dict[str, Any]:
    spec: dict[str, Any] = {"flow": {"max_live": wanted.parallel}}
    if wanted.once:
        spec["retries"] = {"rules": {kind.value: None for kind in OutcomeKind}}
    return spec | dict(wanted.rules)


def _change(database: Database, row: Campaign, wanted: Wanted, spec: Mapping[str, Any], now: datetime) -> None:
    """The campaign goes on by what is said now, before anybody is added; its script stays."""
    saved = row.script_name and directory.script(database, row.tenant_id, row.script_name, row.script_version)
    if not saved or saved.text != wanted.script.text:
        raise BadInput(
            f"the campaign {row.campaign_id!r} calls with another wording of its script", do="give a new campaign id"
        )
    parts: dict[str, Any] = dict.fromkeys(OWN_PARTS) | dict(spec)
    if any(getattr(row, name) != value for name, value in parse_spec(parts).items()):
        change = campaign_change.CampaignChange(spec=parts)
        reason = "the notebook was run with other rules"
        campaign_change.change(database, wanted.tenant_id, wanted.campaign_id, change, reason=reason, by=BY, now=now)


def _check_contacts(database: Database, wanted: Wanted) -> None:
    """See that there is somebody to call.

    Raises:
        BadInput: there is no such tenant, the file cannot be read, or it contains nobody who can be called.
    """
    tenant = directory.tenant(database, wanted.tenant_id)
    if tenant is None:
        raise BadInput(f"there is no tenant {wanted.tenant_id!r}", do="run `opendeep tenant add`")
    stream = stream_contacts(wanted.contacts, region=tenant.default_region, needs=wanted.script.task.facts)
    if next(iter(stream), None) is None:
        first = stream.report.first_refused
        why = f"line {first[0].line}: {first[0].reason.rstrip('.')}" if first else "add some rows"
        where = wanted.contacts if isinstance(wanted.contacts, Path) else "the DataFrame"
        raise BadInput(f"{where} contains nobody who can be called", do=why)

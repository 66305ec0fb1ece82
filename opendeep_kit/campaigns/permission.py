"""May we call? The one function that answers, before every dial.

Given the inputs of one call, asks every rule and keeps all answers; the first refusal decides, and anything unknown is
a refusal. The decision carries what the ledger keeps: rule, reason, a hash of all inputs. Never dials or reads a clock.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import msgspec

from opendeep_kit.campaigns.rule_inputs import Rule, RuleAnswer, RuleInputs
from opendeep_kit.campaigns.rules import RULES
from opendeep_kit.campaigns.windows import next_opening


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer, as the ledger keeps it."""

    is_allowed: bool
    rule: Rule | None
    """The rule that refused; None when none did."""
    reason: str
    """One clause for a person."""
    findings: tuple[RuleAnswer, ...]
    """Of every rule, in order."""
    decided_at: datetime
    inputs_sha256: str
    """Of `inputs_json`: the same case, the same hash."""
    dnc_snapshot: str
    """Names the do-not-call lists that were asked; empty when they could not be."""
    consent: str
    """Where the consent is on file; empty when there is none."""
    try_again_at: datetime | None = None
    """Of a refusal: when all that is known now would allow it; None: not known, or never."""
    put_off_to: datetime | None = None
    """Of a refusal: before then asking again is in vain, and perhaps then too; None: no such time is known."""


def may_we_call(inputs: RuleInputs) -> Decision:
    """Whether this number may be called in this campaign now."""
    findings = tuple(rule(inputs) for _, rule in RULES)
    refusals = [finding for finding in findings if not finding.is_passed]
    first = refusals[0] if refusals else None
    put_off_to = _put_off_to(inputs, refusals)
    return Decision(
        is_allowed=first is None,
        rule=first.rule if first else None,
        reason=first.words if first else "every rule allows it",
        findings=findings,
        decided_at=inputs.now,
        inputs_sha256=hashlib.sha256(inputs_json(inputs)).hexdigest(),
        dnc_snapshot=inputs.dnc.snapshot if inputs.dnc else "",
        consent=inputs.consent.reference if inputs.consent else "",
        try_again_at=_try_again_at(inputs, refusals, put_off_to),
        put_off_to=put_off_to,
    )


def inputs_json(inputs: RuleInputs) -> bytes:
    """The case as JSON with its keys in order: for the hash, and for a ledger that keeps cases whole."""
    return msgspec.json.encode(inputs, order="deterministic")


def explain(decision: Decision) -> list[str]:
    """The decision in words, a line each: the answer, every rule, when to ask again."""
    answer = "May be called" if decision.is_allowed else "May not be called"
    lines = [f"{answer} at {decision.decided_at.isoformat(timespec='seconds')}: {decision.reason}."]
    for finding in decision.findings:
        name = finding.rule.value.replace("_", " ")
        lines.append(f"  {'yes' if finding.is_passed else 'NO '}  {name}: {finding.words}")
    if decision.try_again_at is not None:
        lines.append(f"Ask again at {decision.try_again_at.isoformat(timespec='seconds')}.")
    elif any(finding.is_final for finding in decision.findings):
        lines.append("Waiting does not help.")
    elif not decision.is_allowed:
        lines.append("When it may be allowed is not known.")
    lines.append(f"Inputs {decision.inputs_sha256[:16]}, do-not-call lists {decision.dnc_snapshot[:16] or 'not read'}.")
    return lines


def _put_off_to(inputs: RuleInputs, refusals: list[RuleAnswer]) -> datetime | None:
    """When every refusal that knows a time has passed by, moved into the windows; after the campaign's end as well."""
    known = [finding.try_again_at for finding in refusals if finding.try_again_at is not None]
    return next_opening(inputs.campaign.windows, inputs.whereabouts.zones, max(known), inputs.closed) if known else None


def _try_again_at(inputs: RuleInputs, refusals: list[RuleAnswer], put_off_to: datetime | None) -> datetime | None:
    """The time to which it is put off, where that helps: every refusal knows a time, and the campaign lasts so long."""
    if any(finding.try_again_at is None for finding in refusals):
        return None
    ends_at = inputs.campaign.ends_at
    return None if put_off_to is not None and ends_at is not None and put_off_to >= ends_at else put_off_to

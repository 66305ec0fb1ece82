"""SEAM between what the record keeps of campaigns and tenants, as JSON, and the rules' own shapes.

Given a row, builds the `Campaign` or `TenantLimits` that the rules judge; every name that is not known is refused, so
that typing errors are seen. Never reads or writes the record.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import date
from typing import Any, TypeVar

import msgspec

from opendeep_kit.campaigns.breaker import BreakerPolicy
from opendeep_kit.campaigns.lifecycle import Goal, TaskState
from opendeep_kit.campaigns.model import AttemptCaps, Campaign, Flow, HolidayRule, Money, TenantLimits
from opendeep_kit.campaigns.retries import DEFAULT_RULES, OutcomeKind, RetryPolicy, RetryRule
from opendeep_kit.campaigns.windows import parse_weekly
from opendeep_kit.errors import BadInput
from opendeep_kit.record import campaigns as campaign_rows

T = TypeVar("T")
PARTS: dict[str, Any] = {
    "holidays": HolidayRule,
    "caps": AttemptCaps,
    "flow": Flow,
    "budget": Money,
    "call_cost": Money,
    "goal": Goal,
    "breaker": BreakerPolicy,
}
"""What a spec may hold besides `windows`, `closed_dates` and `retries`, and its shape."""
NAMES = (*PARTS, "windows", "closed_dates", "retries")


def to_campaign(row: campaign_rows.Campaign) -> Campaign:
    """The campaign as the rules know it.

    Raises:
        BadInput: its spec is wrong; the text names the place.
    """
    return Campaign(
        tenant_id=row.tenant_id,
        campaign_id=row.campaign_id,
        state=TaskState(row.state),
        priority=row.priority,
        weight=row.weight,
        trunk_id=row.trunk_id,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        **policies(row.spec),
    )


def policies(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a spec says, by the names of `Campaign`'s fields.

    Raises:
        BadInput: a name or a value is wrong.
    """
    _check_names(spec, NAMES, "the spec")
    found = {name: _build(kind, spec[name], name) for name, kind in PARTS.items() if spec.get(name) is not None}
    if spec.get("windows") is not None:
        if not isinstance(spec["windows"], Mapping):
            raise BadInput("windows are days with their times", do='write them as {"mon-fri": "09:00-20:00"}')
        found["windows"] = parse_weekly(spec["windows"])
    if spec.get("closed_dates") is not None:
        found["closed_dates"] = _convert(spec["closed_dates"], frozenset[date], "closed_dates")
    if spec.get("retries") is not None:
        found["retries"] = _retries(spec["retries"])
    return found


def to_limits(tenant_id: str, kept: Mapping[str, Any]) -> TenantLimits:
    """What a tenant may do.

    Raises:
        BadInput: a name or a value is wrong.
    """
    return _build(TenantLimits, {**kept, "tenant_id": tenant_id}, "the limits")


def _retries(said: Any) -> RetryPolicy:
    """The default rules, with what is said on top; a kind that is null is not called again."""
    if not isinstance(said, Mapping):
        raise BadInput("retries are rules by outcome", do='write them as {"rules": {"busy": {...}}}')
    _check_names(said, [part.name for part in fields(RetryPolicy)], "retries")
    given = _convert(said.get("rules", {}), dict[OutcomeKind, RetryRule | None], "retries.rules")
    rules = {kind: rule for kind, rule in {**DEFAULT_RULES, **given}.items() if rule is not None}
    plain = _convert({**said, "rules": {}}, RetryPolicy, "retries")
    return replace(plain, rules=rules)


def _build(kind: type[T], said: Any, where: str) -> T:
    if isinstance(said, Mapping) and is_dataclass(kind):
        _check_names(said, [part.name for part in fields(kind)], where)
    return _convert(said, kind, where)


def _convert(said: Any, kind: type[T], where: str) -> T:
    try:
        return msgspec.convert(said, type=kind, strict=True)
    except msgspec.ValidationError as error:
        raise BadInput(f"{where}: {str(error)[0].lower()}{str(error)[1:]}", do="mend it there") from None


def _check_names(said: Mapping[str, Any], known: Any, where: str) -> None:
    strange = sorted(set(said) - set(known))
    if strange:
        raise BadInput(f"{where} has {strange[0]!r}, which is not known", do=f"use: {', '.join(sorted(known))}")

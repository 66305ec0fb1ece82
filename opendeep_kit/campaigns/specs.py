"""A campaign's rules and a tenant's limits as JSON: what a person writes, and what the record keeps.

Given JSON, builds the rules' own shapes and refuses every name that is not known, so that typing errors are seen. The
other way round only what differs from the defaults is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from datetime import date
from typing import Any, TypeVar

import msgspec

from opendeep_kit.campaigns.breaker import BreakerPolicy
from opendeep_kit.campaigns.lifecycle import Goal
from opendeep_kit.campaigns.model import AttemptCaps, Campaign, Flow, HolidayRule, Money, TenantLimits
from opendeep_kit.campaigns.retries import DEFAULT_RULES, OutcomeKind, RetryPolicy, RetryRule
from opendeep_kit.campaigns.windows import parse_weekly, weekly_spec
from opendeep_kit.errors import BadInput

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
"""All of it, by the names of `Campaign`'s fields."""
_FIELDS: dict[str, Field[Any]] = {part.name: part for part in fields(Campaign)}


def parse_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What a spec says, by the names of `Campaign`'s fields; a part that is null is the default.

    Raises:
        BadInput: a name or a value is wrong; the text names the place.
    """
    _check_names(spec, NAMES, "the spec")
    return {name: _default(_FIELDS[name]) if said is None else _part(name, said) for name, said in spec.items()}


def spec_of(campaign: Campaign) -> dict[str, Any]:
    """The spec that says what is particular to this campaign."""
    parts = {name: getattr(campaign, name) for name in NAMES}
    return {name: _written(name, value) for name, value in parts.items() if value != _default(_FIELDS[name])}


def parse_limits(tenant_id: str, said: Mapping[str, Any]) -> TenantLimits:
    """What a tenant may do.

    Raises:
        BadInput: a name or a value is wrong.
    """
    return _build(TenantLimits, {**said, "tenant_id": tenant_id}, "the limits")


def limits_spec(limits: TenantLimits) -> dict[str, Any]:
    """The other way round."""
    return {name: value for name, value in _different(limits).items() if name != "tenant_id"}


def _part(name: str, said: Any) -> Any:
    if name == "windows":
        if not isinstance(said, Mapping):
            raise BadInput("windows are days with their times", do='write them as {"mon-fri": "09:00-20:00"}')
        return parse_weekly(said)
    if name == "closed_dates":
        return _convert(said, frozenset[date], name)
    if name == "retries":
        return _retries(said)
    return _build(PARTS[name], said, name)


def _retries(said: Any) -> RetryPolicy:
    """The default rules, with what is said on top; a kind that is null is not called again."""
    if not isinstance(said, Mapping):
        raise BadInput("retries are rules by outcome", do='write them as {"rules": {"busy": {...}}}')
    _check_names(said, [part.name for part in fields(RetryPolicy)], "retries")
    given = _convert(said.get("rules", {}), dict[OutcomeKind, RetryRule | None], "retries.rules")
    rules = {kind: rule for kind, rule in {**DEFAULT_RULES, **given}.items() if rule is not None}
    plain = _convert({**said, "rules": {}}, RetryPolicy, "retries")
    return replace(plain, rules=rules)


def _written(name: str, value: Any) -> Any:
    if name == "windows":
        return weekly_spec(value)
    if name == "closed_dates":
        return sorted(_plain(value))
    return _different(value) if is_dataclass(value) else _plain(value)


def _different(value: Any) -> dict[str, Any]:
    """The fields of a part that are not as they are by default."""
    said: dict[str, Any] = {}
    for part in fields(value):
        now, usual = getattr(value, part.name), _default(part)
        if part.name == "rules":
            kinds = {kind for kind in (*DEFAULT_RULES, *now) if now.get(kind) != DEFAULT_RULES.get(kind)}
            rules = {kind: _different(now[kind]) if kind in now else None for kind in sorted(kinds)}
            said |= {"rules": rules} if rules else {}
        elif now != usual:
            said[part.name] = _different(now) if is_dataclass(now) else _plain(now)
    return said


def _plain(value: Any) -> Any:
    """As JSON has it: lists, texts and numbers."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _default(part: Field[Any]) -> Any:
    return part.default if part.default_factory is MISSING else part.default_factory()


def _build(kind: type[T], said: Any, where: str) -> T:
    if isinstance(said, Mapping) and is_dataclass(kind):
        _check_names(said, [part.name for part in fields(kind)], where)
    return _convert(said, kind, where)


def _convert(said: Any, kind: type[T], where: str) -> T:
    try:
        return msgspec.convert(said, type=kind, strict=True)
    except msgspec.ValidationError as error:
        raise BadInput(f"{where}: {str(error)[0].lower()}{str(error)[1:]}", do="correct the file") from None


def _check_names(said: Mapping[str, Any], known: Any, where: str) -> None:
    strange = sorted(set(said) - set(known))
    if strange:
        raise BadInput(f"{where} has {strange[0]!r}, which is unknown", do=f"use: {', '.join(sorted(known))}")

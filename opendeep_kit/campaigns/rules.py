"""The calling rules, one function each, in the order in which they decide.

Given the inputs of one call, a rule says yes or no, why, and when to ask again. What is not known is a no. A rule never
looks at what another one said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta

from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import AttemptCaps
from opendeep_kit.campaigns.rule_inputs import Rule, RuleAnswer, RuleInputs
from opendeep_kit.campaigns.windows import next_opening, zone
from opendeep_kit.campaigns.zones import is_in_use

DAY = timedelta(hours=24)
NO_CONSENT = "no consent is on file, and the tenant requires one"
CONSENT_ENDED = "the consent on file ended"
"""With which words the want of a consent ends a contact: those that begin so may be called once there is one."""


def number(inputs: RuleInputs) -> RuleAnswer:
    """In use in its numbering plan."""
    if not is_in_use(inputs.number):
        return _no(Rule.NUMBER, "the number is not in use in any numbering plan", is_final=True)
    return _yes(Rule.NUMBER, "the number is valid")


def do_not_call(inputs: RuleInputs) -> RuleAnswer:
    """On no list."""
    if inputs.dnc is None:
        return _no(Rule.DO_NOT_CALL, "the do-not-call lists could not be read")
    for name, entry in (("global", inputs.dnc.everyone), ("tenant", inputs.dnc.tenant)):
        if entry is not None:
            kind = "a prefix" if entry.endswith("*") else "the number"
            return _no(Rule.DO_NOT_CALL, f"{kind} is on the {name} do-not-call list", is_final=True)
    return _yes(Rule.DO_NOT_CALL, f"on no do-not-call list (lists {inputs.dnc.snapshot[:12]})")


def consent(inputs: RuleInputs) -> RuleAnswer:
    """On file, where the tenant requires it."""
    if not inputs.tenant.needs_consent:
        return _yes(Rule.CONSENT, "the tenant requires no consent on file")
    given = inputs.consent
    if given is None:
        return _no(Rule.CONSENT, NO_CONSENT, is_final=True)
    if given.given_at > inputs.now:
        return _no(Rule.CONSENT, "the consent on file begins later", try_again_at=given.given_at)
    if given.expires_at is not None and given.expires_at <= inputs.now:
        return _no(Rule.CONSENT, f"{CONSENT_ENDED} {given.expires_at.isoformat()}", is_final=True)
    return _yes(Rule.CONSENT, f"consent is on file ({given.reference})")


def time_zone(inputs: RuleInputs) -> RuleAnswer:
    """Known: one, or all that are possible."""
    zones = inputs.whereabouts.zones
    if not zones:
        return _no(Rule.TIME_ZONE, "the callee's time zone is not known", is_final=True)
    source = "stated for the contact" if inputs.whereabouts.is_stated else "by the number"
    return _yes(Rule.TIME_ZONE, f"{zones[0] if len(zones) == 1 else f'{len(zones)} possible zones'}, {source}")


def lifetime(inputs: RuleInputs) -> RuleAnswer:
    """Not rung too often over all time."""
    for name, caps, attempts in _histories(inputs):
        if attempts is None:
            return _no(Rule.LIFETIME, f"the earlier attempts of {name} could not be read")
        if caps.lifetime is not None and len(attempts) >= caps.lifetime:
            words = f"{len(attempts)} attempts by {name}, {caps.lifetime} are allowed in all"
            return _no(Rule.LIFETIME, words, is_final=True)
    return _yes(Rule.LIFETIME, f"{len(inputs.tenant_attempts or ())} attempts in all")


def campaign(inputs: RuleInputs) -> RuleAnswer:
    """Running, between its first and last moment."""
    of = inputs.campaign
    if of.state is not TaskState.RUNNING:
        return _no(Rule.CAMPAIGN, f"the campaign is {of.state}")
    if of.ends_at is not None and inputs.now >= of.ends_at:
        return _no(Rule.CAMPAIGN, f"the campaign ended {of.ends_at.isoformat()}", is_final=True)
    if of.starts_at is not None and inputs.now < of.starts_at:
        return _no(Rule.CAMPAIGN, f"the campaign starts {of.starts_at.isoformat()}", try_again_at=of.starts_at)
    return _yes(Rule.CAMPAIGN, "the campaign is running")


def holiday(inputs: RuleInputs) -> RuleAnswer:
    """In none of the callee's zones."""
    closed = inputs.closed
    if not closed.is_known:
        return _no(Rule.HOLIDAY, f"no holiday calendar is known for {closed.region}", is_final=True)
    for name in inputs.whereabouts.zones:
        day = inputs.now.astimezone(zone(name)).date()
        called = closed.name_of(day)
        if called is not None:
            return _no(Rule.HOLIDAY, f"it is {called} in {name}", try_again_at=_opening(inputs))
    return _yes(Rule.HOLIDAY, "no holiday there")


def window(inputs: RuleInputs) -> RuleAnswer:
    """Open in every possible zone."""
    zones, inside = inputs.whereabouts.zones, None
    if not zones:
        return _no(Rule.WINDOW, "without a time zone no window is open", is_final=True)
    for name in zones:
        local = inputs.now.astimezone(zone(name))
        inside = inputs.campaign.windows.at(local)
        if inside is None:
            again = _opening(inputs)
            words = f"it is {local:%a %H:%M} in {name}, outside the windows"
            if again is None:
                words += "; no time is inside them in all its zones"
            return _no(Rule.WINDOW, words, try_again_at=again, is_final=again is None)
    words = f"it is {local:%a %H:%M} in {name}, inside {inside}" if len(zones) == 1 else "inside in all its zones"
    return _yes(Rule.WINDOW, words)


def per_day(inputs: RuleInputs) -> RuleAnswer:
    """Not rung too often on this day of the callee's."""
    most = 0
    for name, caps, attempts in _histories(inputs):
        if attempts is None:
            return _no(Rule.PER_DAY, f"the earlier attempts of {name} could not be read")
        for place in inputs.whereabouts.zones if attempts else ():
            here = zone(place)
            today = inputs.now.astimezone(here).date()
            count = sum(at.astimezone(here).date() == today for at in attempts)
            most = max(most, count)
            if caps.per_day is not None and count >= caps.per_day and not _is_spared(inputs, caps):
                words = f"{count} attempts today by {name}, {caps.per_day} are allowed a day"
                return _no(Rule.PER_DAY, words, try_again_at=_tomorrow(inputs))
    return _yes(Rule.PER_DAY, f"{most} attempts today")


def per_24_h(inputs: RuleInputs) -> RuleAnswer:
    """Not rung too often in the last 24 hours."""
    most = 0
    for name, caps, attempts in _histories(inputs):
        if attempts is None:
            return _no(Rule.PER_24_H, f"the earlier attempts of {name} could not be read")
        recent = sorted(at for at in attempts if at > inputs.now - DAY)
        most = max(most, len(recent))
        if caps.per_24_h is not None and len(recent) >= caps.per_24_h and not _is_spared(inputs, caps):
            words = f"{len(recent)} attempts in 24 hours by {name}, {caps.per_24_h} are allowed"
            return _no(Rule.PER_24_H, words, try_again_at=recent[-caps.per_24_h] + DAY)
    return _yes(Rule.PER_24_H, f"{most} attempts in 24 hours")


def budget(inputs: RuleInputs) -> RuleAnswer:
    """Enough left for the most that this call can cost."""
    budgets = {name for name, of in (("campaign", inputs.campaign.budget), ("tenant", inputs.tenant.budget)) if of}
    if len(inputs.spending) < len(budgets):
        return _no(Rule.BUDGET, f"what the {' and the '.join(sorted(budgets))} spent could not be read")
    cost = inputs.campaign.call_cost
    for item in inputs.spending:
        if item.spent is None:
            return _no(Rule.BUDGET, f"what {item.name} spent could not be read")
        if cost is None or len({cost.currency, item.spent.currency, item.budget.currency}) > 1:
            return _no(Rule.BUDGET, f"the cost of a call is not known in the currency of the budget of {item.name}")
        if item.spent.minor + cost.minor > item.budget.minor:
            words = f"{item.name} has spent {item.spent.minor} of {item.budget}; a call may cost {cost.minor}"
            return _no(Rule.BUDGET, words)
    return _yes(Rule.BUDGET, "within the budget" if inputs.spending else "no budget is kept")


def concurrency(inputs: RuleInputs) -> RuleAnswer:
    """A line is free."""
    if not inputs.flows:
        return _no(Rule.CONCURRENCY, "the calls that are live could not be counted")
    for capped in inputs.flows:
        if capped.use is None:
            return _no(Rule.CONCURRENCY, f"the live calls of {capped.name} could not be counted")
        if capped.flow.max_live is not None and capped.use.live >= capped.flow.max_live:
            return _no(Rule.CONCURRENCY, f"{capped.use.live} calls of {capped.name} are live, the most allowed")
    return _yes(Rule.CONCURRENCY, "a line is free")


def rate(inputs: RuleInputs) -> RuleAnswer:
    """Not faster than allowed."""
    latest: datetime | None = None
    words = ""
    for capped in inputs.flows:
        if capped.use is None:
            return _no(Rule.RATE, f"when {capped.name} last placed a call is not known")
        at = capped.may_start_at
        if at is not None and at > inputs.now and (latest is None or at > latest):
            latest, words = at, f"{capped.name} places at most {capped.flow.calls_per_s:g} calls per second"
    return _no(Rule.RATE, words, try_again_at=latest) if latest else _yes(Rule.RATE, "within the rates")


RULES: tuple[tuple[Rule, Callable[[RuleInputs], RuleAnswer]], ...] = (
    (Rule.NUMBER, number),
    (Rule.DO_NOT_CALL, do_not_call),
    (Rule.CONSENT, consent),
    (Rule.TIME_ZONE, time_zone),
    (Rule.LIFETIME, lifetime),
    (Rule.CAMPAIGN, campaign),
    (Rule.HOLIDAY, holiday),
    (Rule.WINDOW, window),
    (Rule.PER_DAY, per_day),
    (Rule.PER_24_H, per_24_h),
    (Rule.BUDGET, budget),
    (Rule.CONCURRENCY, concurrency),
    (Rule.RATE, rate),
)
"""All are asked; the first no decides."""


# ---- inside -----------------------------------------------------------------------------------------


def _yes(rule: Rule, words: str) -> RuleAnswer:
    return RuleAnswer(rule=rule, is_passed=True, words=words)


def _no(rule: Rule, words: str, *, try_again_at: datetime | None = None, is_final: bool = False) -> RuleAnswer:
    return RuleAnswer(rule=rule, is_passed=False, words=words, try_again_at=try_again_at, is_final=is_final)


def _histories(inputs: RuleInputs) -> Iterator[tuple[str, AttemptCaps, tuple[datetime, ...] | None]]:
    yield "this campaign", inputs.campaign.caps, inputs.campaign_attempts
    yield "the tenant", inputs.tenant.caps, inputs.tenant_attempts


def _is_spared(inputs: RuleInputs, caps: AttemptCaps) -> bool:
    return inputs.is_callback and caps.spares_callbacks


def _opening(inputs: RuleInputs) -> datetime | None:
    return next_opening(inputs.campaign.windows, inputs.whereabouts.zones, inputs.now, inputs.closed)


def _tomorrow(inputs: RuleInputs) -> datetime:
    """The first instant at which it is another day in every zone."""
    days = []
    for name in inputs.whereabouts.zones:
        here = zone(name)
        day = inputs.now.astimezone(here).date() + timedelta(days=1)
        days.append(datetime.combine(day, time.min, here).astimezone(inputs.now.tzinfo))
    return max(days)

"""The calling rules, one function each, in the order in which they decide.

Given a case, a rule says yes or no, why, and when to ask again. What is not known is a no. A rule never looks at
what another one found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, time, timedelta

from opendeep_kit.campaigns.lifecycle import TaskState
from opendeep_kit.campaigns.model import AttemptCaps
from opendeep_kit.campaigns.rule_inputs import Case, Finding, Rule
from opendeep_kit.campaigns.windows import next_opening, zone
from opendeep_kit.campaigns.zones import ZoneSource

DAY = timedelta(hours=24)
NO_CONSENT = "no consent is on file, and the tenant requires one"
CONSENT_ENDED = "the consent on file ended"
"""With which words the want of a consent ends a contact: those that begin so may be called once there is one."""


def number(case: Case) -> Finding:
    """In use in its numbering plan."""
    if not case.callee.is_valid:
        return _no(Rule.NUMBER, "the number is not in use in any numbering plan", is_final=True)
    return _yes(Rule.NUMBER, "the number is valid")


def do_not_call(case: Case) -> Finding:
    """On no list."""
    if case.dnc is None:
        return _no(Rule.DO_NOT_CALL, "the do-not-call lists could not be read")
    for name, entry in (("global", case.dnc.everyone), ("tenant", case.dnc.tenant)):
        if entry is not None:
            kind = "a prefix" if entry.endswith("*") else "the number"
            return _no(Rule.DO_NOT_CALL, f"{kind} is on the {name} do-not-call list", is_final=True)
    return _yes(Rule.DO_NOT_CALL, f"on no do-not-call list (lists {case.dnc.snapshot[:12]})")


def consent(case: Case) -> Finding:
    """On file, where the tenant requires it."""
    if not case.tenant.needs_consent:
        return _yes(Rule.CONSENT, "the tenant requires no consent on file")
    given = case.consent
    if given is None:
        return _no(Rule.CONSENT, NO_CONSENT, is_final=True)
    if given.given_at > case.now:
        return _no(Rule.CONSENT, "the consent on file begins later", try_again_at=given.given_at)
    if given.expires_at is not None and given.expires_at <= case.now:
        return _no(Rule.CONSENT, f"{CONSENT_ENDED} {given.expires_at.isoformat()}", is_final=True)
    return _yes(Rule.CONSENT, f"consent is on file ({given.reference})")


def time_zone(case: Case) -> Finding:
    """Known: one, or all that are possible."""
    zones = case.callee.zones
    if not zones:
        return _no(Rule.TIME_ZONE, "the callee's time zone is not known", is_final=True)
    source = "stated for the contact" if case.callee.source is ZoneSource.STATED else "by the number"
    return _yes(Rule.TIME_ZONE, f"{zones[0] if len(zones) == 1 else f'{len(zones)} possible zones'}, {source}")


def lifetime(case: Case) -> Finding:
    """Not rung too often over all time."""
    for name, caps, attempts in _histories(case):
        if attempts is None:
            return _no(Rule.LIFETIME, f"the earlier attempts of {name} could not be read")
        if caps.lifetime is not None and len(attempts) >= caps.lifetime:
            words = f"{len(attempts)} attempts by {name}, {caps.lifetime} are allowed in all"
            return _no(Rule.LIFETIME, words, is_final=True)
    return _yes(Rule.LIFETIME, f"{len(case.tenant_attempts or ())} attempts in all")


def campaign(case: Case) -> Finding:
    """Running, between its first and last moment."""
    of = case.campaign
    if of.state is not TaskState.RUNNING:
        return _no(Rule.CAMPAIGN, f"the campaign is {of.state}")
    if of.ends_at is not None and case.now >= of.ends_at:
        return _no(Rule.CAMPAIGN, f"the campaign ended {of.ends_at.isoformat()}", is_final=True)
    if of.starts_at is not None and case.now < of.starts_at:
        return _no(Rule.CAMPAIGN, f"the campaign starts {of.starts_at.isoformat()}", try_again_at=of.starts_at)
    return _yes(Rule.CAMPAIGN, "the campaign is running")


def holiday(case: Case) -> Finding:
    """In none of the callee's zones."""
    closed = case.closed
    if not closed.is_known:
        return _no(Rule.HOLIDAY, f"no holiday calendar is known for {closed.region}", is_final=True)
    for name in case.callee.zones:
        day = case.now.astimezone(zone(name)).date()
        called = closed.name_of(day)
        if called is not None:
            return _no(Rule.HOLIDAY, f"it is {called} in {name}", try_again_at=_opening(case))
    return _yes(Rule.HOLIDAY, "no holiday there")


def window(case: Case) -> Finding:
    """Open in every possible zone."""
    zones, inside = case.callee.zones, None
    if not zones:
        return _no(Rule.WINDOW, "without a time zone no window is open", is_final=True)
    for name in zones:
        local = case.now.astimezone(zone(name))
        inside = case.campaign.windows.at(local)
        if inside is None:
            again = _opening(case)
            words = f"it is {local:%a %H:%M} in {name}, outside the windows"
            if again is None:
                words += "; no time is inside them in all its zones"
            return _no(Rule.WINDOW, words, try_again_at=again, is_final=again is None)
    words = f"it is {local:%a %H:%M} in {name}, inside {inside}" if len(zones) == 1 else "inside in all its zones"
    return _yes(Rule.WINDOW, words)


def per_day(case: Case) -> Finding:
    """Not rung too often on this day of the callee's."""
    most = 0
    for name, caps, attempts in _histories(case):
        if attempts is None:
            return _no(Rule.PER_DAY, f"the earlier attempts of {name} could not be read")
        for place in case.callee.zones if attempts else ():
            here = zone(place)
            today = case.now.astimezone(here).date()
            count = sum(at.astimezone(here).date() == today for at in attempts)
            most = max(most, count)
            if caps.per_day is not None and count >= caps.per_day and not _is_spared(case, caps):
                words = f"{count} attempts today by {name}, {caps.per_day} are allowed a day"
                return _no(Rule.PER_DAY, words, try_again_at=_tomorrow(case))
    return _yes(Rule.PER_DAY, f"{most} attempts today")


def per_24_h(case: Case) -> Finding:
    """Not rung too often in the last 24 hours."""
    most = 0
    for name, caps, attempts in _histories(case):
        if attempts is None:
            return _no(Rule.PER_24_H, f"the earlier attempts of {name} could not be read")
        recent = sorted(at for at in attempts if at > case.now - DAY)
        most = max(most, len(recent))
        if caps.per_24_h is not None and len(recent) >= caps.per_24_h and not _is_spared(case, caps):
            words = f"{len(recent)} attempts in 24 hours by {name}, {caps.per_24_h} are allowed"
            return _no(Rule.PER_24_H, words, try_again_at=recent[-caps.per_24_h] + DAY)
    return _yes(Rule.PER_24_H, f"{most} attempts in 24 hours")


def budget(case: Case) -> Finding:
    """Enough left for the most that this call can cost."""
    kept = {name for name, of in (("campaign", case.campaign.budget), ("tenant", case.tenant.budget)) if of}
    if len(case.spending) < len(kept):
        return _no(Rule.BUDGET, f"what the {' and the '.join(sorted(kept))} spent could not be read")
    cost = case.campaign.call_cost
    for item in case.spending:
        if item.spent is None:
            return _no(Rule.BUDGET, f"what {item.name} spent could not be read")
        if cost is None or len({cost.currency, item.spent.currency, item.budget.currency}) > 1:
            return _no(Rule.BUDGET, f"the cost of a call is not known in the currency of the budget of {item.name}")
        if item.spent.minor + cost.minor > item.budget.minor:
            words = f"{item.name} has spent {item.spent.minor} of {item.budget}; a call may cost {cost.minor}"
            return _no(Rule.BUDGET, words)
    return _yes(Rule.BUDGET, "within the budget" if case.spending else "no budget is kept")


def concurrency(case: Case) -> Finding:
    """A line is free."""
    if not case.scopes:
        return _no(Rule.CONCURRENCY, "the calls that are live could not be counted")
    for scope in case.scopes:
        if scope.use is None:
            return _no(Rule.CONCURRENCY, f"the live calls of {scope.name} could not be counted")
        if scope.flow.max_live is not None and scope.use.live >= scope.flow.max_live:
            return _no(Rule.CONCURRENCY, f"{scope.use.live} calls of {scope.name} are live, the most allowed")
    return _yes(Rule.CONCURRENCY, "a line is free")


def rate(case: Case) -> Finding:
    """Not faster than allowed."""
    latest: datetime | None = None
    words = ""
    for scope in case.scopes:
        if scope.use is None:
            return _no(Rule.RATE, f"when {scope.name} last placed a call is not known")
        at = scope.use.may_start_at
        if scope.flow.calls_per_s is not None and at is not None and at > case.now and (latest is None or at > latest):
            latest, words = at, f"{scope.name} places at most {scope.flow.calls_per_s:g} calls per second"
    return _no(Rule.RATE, words, try_again_at=latest) if latest else _yes(Rule.RATE, "within the rates")


RULES: tuple[tuple[Rule, Callable[[Case], Finding]], ...] = (
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


def _yes(rule: Rule, words: str) -> Finding:
    return Finding(rule=rule, is_passed=True, words=words)


def _no(rule: Rule, words: str, *, try_again_at: datetime | None = None, is_final: bool = False) -> Finding:
    return Finding(rule=rule, is_passed=False, words=words, try_again_at=try_again_at, is_final=is_final)


def _histories(case: Case) -> Iterator[tuple[str, AttemptCaps, tuple[datetime, ...] | None]]:
    yield "this campaign", case.campaign.caps, case.campaign_attempts
    yield "the tenant", case.tenant.caps, case.tenant_attempts


def _is_spared(case: Case, caps: AttemptCaps) -> bool:
    return case.is_callback and caps.spares_callbacks


def _opening(case: Case) -> datetime | None:
    return next_opening(case.campaign.windows, case.callee.zones, case.now, case.closed)


def _tomorrow(case: Case) -> datetime:
    """The first instant at which it is another day in every zone."""
    days = []
    for name in case.callee.zones:
        here = zone(name)
        day = case.now.astimezone(here).date() + timedelta(days=1)
        days.append(datetime.combine(day, time.min, here).astimezone(case.now.tzinfo))
    return max(days)

"""Holds who waits for a call, so that those due now are found without looking at the others.

Given contacts with a due time and a clock (zones and closed days), keeps them per campaign and clock; a clock that is
closed costs nothing until it opens. Told the time, never reads it. The store answers the same questions from its
tables: contacts by campaign, clock and due time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from datetime import datetime
from heapq import heappop, heappush

from opendeep_kit.campaigns.calendars import Calendar, Clock
from opendeep_kit.campaigns.windows import Span, Weekly
from opendeep_kit.errors import OurMistake


@dataclass(frozen=True, slots=True)
class Waiting:
    """One contact that waits."""

    contact_id: Hashable
    due_at: datetime
    is_promised: bool


_Entry = tuple[bool, datetime, int, Hashable]
"""Not promised, due, order of arrival, contact: promised ones sort first."""


class _Group:
    """The contacts of one campaign that share a clock."""

    __slots__ = ("calendar", "campaign", "future", "is_open", "promised", "ready", "span", "wake_at")

    def __init__(self, campaign: _Campaign, calendar: Calendar) -> None:
        self.campaign, self.calendar = campaign, calendar
        self.future: list[tuple[datetime, int, bool, Hashable]] = []
        """Not yet due."""
        self.ready: list[_Entry] = []
        """Due; called when open."""
        self.is_open = False
        self.promised = 0
        """Of those ready."""
        self.span: Span | None = None
        """The open time that is, or comes."""
        self.wake_at: datetime | None = None
        """When the first of `future` is due, once that is on the room's list."""


class _Campaign:
    """One campaign's groups."""

    __slots__ = ("calendars", "due", "groups", "heads", "promised", "windows")

    def __init__(self, windows: Weekly, calendars: dict[str, Calendar]) -> None:
        self.windows, self.calendars = windows, calendars
        self.groups: dict[str, _Group] = {}
        self.heads: list[tuple[bool, datetime, datetime, int, int, _Group]] = []
        """First entry of every open group, the soonest to close before others; stale ones are skipped."""
        self.due = 0
        self.promised = 0


class WaitingRoom:
    """Everybody who waits."""

    def __init__(self, now: datetime) -> None:
        self._campaigns: dict[str, _Campaign] = {}
        self._openings: list[tuple[datetime, int, _Group]] = []
        self._closings: list[tuple[datetime, int, _Group]] = []
        self._wakes: list[tuple[datetime, int, _Group]] = []
        """When a group's next contact becomes due."""
        self._calendars: dict[Weekly, dict[str, Calendar]] = {}
        """Campaigns with the same hours share them."""
        self._withdrawn: set[Hashable] = set()
        self._seq = 0
        self._now = now
        self._count = 0
        self.never: int = 0
        """Contacts whose clock never opens for their campaign."""

    def __len__(self) -> int:
        """How many wait, due or not."""
        return self._count

    def open_campaign(self, campaign_id: str, windows: Weekly) -> None:
        """Contacts of this campaign may come."""
        if campaign_id in self._campaigns:
            raise OurMistake("a campaign was opened twice", do="open it once")
        self._campaigns[campaign_id] = _Campaign(windows, self._calendars.setdefault(windows, {}))

    def opening(self, campaign_id: str, clock: Clock) -> Callable[[datetime], datetime | None]:
        """When this campaign may call contacts of this clock, for `retries.next_attempt`."""
        return self._calendar(self._campaigns[campaign_id], clock).opening

    def add(
        self, campaign_id: str, contact_id: Hashable, clock: Clock, *, due_at: datetime, is_promised: bool = False
    ) -> None:
        """A contact waits, until `due_at` at least."""
        if contact_id in self._withdrawn:
            return
        campaign = self._campaigns[campaign_id]
        group = campaign.groups.get(clock.key)
        if group is None:
            group = campaign.groups[clock.key] = _Group(campaign, self._calendar(campaign, clock))
            self._seek(group, self._now)
        self._count += 1
        self._seq += 1
        self.never += group.span is None
        if due_at <= self._now:
            self._ready(group, (not is_promised, due_at, self._seq, contact_id))
            return
        heappush(group.future, (due_at, self._seq, is_promised, contact_id))
        if group.wake_at is None or due_at < group.wake_at:
            self._wake_at(due_at, group)

    def withdraw(self, contact_id: Hashable) -> None:
        """This contact is never given out again: opted out, or done elsewhere. `due` may count it until it is met."""
        self._withdrawn.add(contact_id)

    def advance(self, now: datetime, *, until: datetime) -> None:
        """It is now: open and close clocks, find who became due. A clock that closes before `until` is closed."""
        self._now = now
        while self._closings and self._closings[0][0] <= until:
            at, _, group = heappop(self._closings)
            self._set_open(group, False)
            self._seek(group, max(at, now))
        while self._openings and self._openings[0][0] <= now:
            _, _, group = heappop(self._openings)
            if group.span is not None and group.span.closes_at > until:
                self._set_open(group, True)
                heappush(self._closings, (group.span.closes_at, self._next(), group))
            elif group.span is not None:
                self._seek(group, group.span.closes_at)
        while self._wakes and self._wakes[0][0] <= now:
            at, _, group = heappop(self._wakes)
            if at == group.wake_at:
                self._wake(group, now)

    def due(self, campaign_id: str) -> tuple[int, int]:
        """How many are due and inside their windows, and how many of them were promised this time."""
        campaign = self._campaigns[campaign_id]
        return campaign.due, campaign.promised

    def take(self, campaign_id: str) -> Waiting | None:
        """The next contact: promised ones, then those whose window closes soonest, then those that waited longest."""
        campaign = self._campaigns[campaign_id]
        while campaign.heads:
            _, closes_at, _, seq, _, group = heappop(campaign.heads)
            is_stale = not group.is_open or not group.ready or group.ready[0][2] != seq
            if is_stale or group.span is None or group.span.closes_at != closes_at:
                continue
            last, due_at, _, contact_id = heappop(group.ready)
            campaign.due -= 1
            campaign.promised -= not last
            group.promised -= not last
            self._count -= 1
            self._show(group)
            if contact_id not in self._withdrawn:
                return Waiting(contact_id, due_at, not last)
        return None

    # ---- inside -------------------------------------------------------------------------------------

    @staticmethod
    def _calendar(campaign: _Campaign, clock: Clock) -> Calendar:
        calendar = campaign.calendars.get(clock.key)
        if calendar is None:
            calendar = campaign.calendars[clock.key] = Calendar(campaign.windows, clock)
        return calendar

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def _seek(self, group: _Group, after: datetime) -> None:
        """Look for the group's next open time."""
        group.span = group.calendar.span(after)
        if group.span is not None:
            heappush(self._openings, (group.span.opens_at, self._next(), group))

    def _set_open(self, group: _Group, is_open: bool) -> None:
        group.is_open = is_open
        sign = 1 if is_open else -1
        group.campaign.due += sign * len(group.ready)
        group.campaign.promised += sign * group.promised
        if is_open:
            self._show(group)

    def _wake_at(self, at: datetime, group: _Group) -> None:
        group.wake_at = at
        heappush(self._wakes, (at, self._next(), group))

    def _wake(self, group: _Group, now: datetime) -> None:
        """Those due by now become ready."""
        while group.future and group.future[0][0] <= now:
            due_at, seq, is_promised, contact_id = heappop(group.future)
            self._ready(group, (not is_promised, due_at, seq, contact_id))
        group.wake_at = None
        if group.future:
            self._wake_at(group.future[0][0], group)

    def _ready(self, group: _Group, entry: _Entry) -> None:
        heappush(group.ready, entry)
        is_promised = not entry[0]
        group.promised += is_promised
        if group.is_open:
            group.campaign.due += 1
            group.campaign.promised += is_promised
            if group.ready[0] is entry:
                self._show(group)

    def _show(self, group: _Group) -> None:
        if group.ready and group.span is not None:
            last, due_at, seq, _ = group.ready[0]
            heappush(group.campaign.heads, (last, group.span.closes_at, due_at, seq, self._next(), group))

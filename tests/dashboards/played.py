"""A service as its record shows it: campaigns, live calls, a media worker that beats and carries commands out."""

import threading
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from opendeep_kit.boards.presenter import TenantRecord
from opendeep_kit.campaigns.capacity import Heartbeat
from opendeep_kit.campaigns.contacts import Contact
from opendeep_kit.campaigns.lifecycle import Move, TaskFact, TaskState
from opendeep_kit.campaigns.model import Campaign
from opendeep_kit.campaigns.specs import parse_limits, parse_spec
from opendeep_kit.config import load_settings
from opendeep_kit.events import Event
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.record import (
    attempts,
    call_commands,
    calls,
    campaigns,
    claiming,
    directory,
    enrolling,
    enrolments,
    ledger,
    workers,
)
from opendeep_kit.record.attempts import AttemptResult
from opendeep_kit.record.claiming import NewAttempt
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.record.enrolments import NextStep
from opendeep_kit.record.ledger import Ruling
from opendeep_kit.tenants import Tenant
from tests.record import recorded

WORKER = "media-0a1b2c3d"
NAMES = (
    "Ana Lima",
    "Bo Chen",
    "Chloé Dupont",
    "Dmitri Orlov",
    "Eve Adeyemi",
    "Farid Haddad",
    "Greta Berg",
    "Hiro Sato",
)
YES = Ruling(is_allowed=True, words="every rule allows it")
SPEC = {
    "flow": {"max_live": 5, "calls_per_s": 0.5},
    "budget": {"minor": 50_000, "currency": "USD"},
    "call_cost": {"minor": 25, "currency": "USD"},
}


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


def number(last: int) -> str:
    """A number of the range kept for fiction."""
    return f"+1212555{last:04d}"


class Played:
    """Writes what a running service would write, for one or more tenants."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.database: Database = open_database(f"sqlite:///{data_dir / 'opendeep.db'}")
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def record(self, tenant_id: str) -> TenantRecord:
        """What a board of this tenant is given."""
        tenant = directory.tenant(self.database, tenant_id)
        assert tenant is not None
        return TenantRecord(settings=load_settings(data_dir=self.data_dir), tenant=tenant, database=self.database)

    def close(self) -> None:
        """Stop beating."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self.database.close()

    # ---- what lasts ---------------------------------------------------------------------------------

    def tenant(self, tenant_id: str, name: str) -> None:
        """A tenant with eight contacts."""
        directory.save_tenant(self.database, Tenant(tenant_id=tenant_id, display_name=name), now=utc_now())
        campaigns.save_limits(
            self.database, parse_limits(tenant_id, {"flow": {"max_live": 20}, "needs_consent": False})
        )
        people = [Contact(contact_id=f"p{place}", number=number(100 + place)) for place in range(len(NAMES))]
        directory.save_contacts(self.database, tenant_id, people, now=utc_now())

    def campaign(
        self, tenant_id: str, campaign_id: str, name: str, *, contacts: int = 40, state: str = "running"
    ) -> None:
        """A campaign whose contacts are due."""
        new = Campaign(
            tenant_id=tenant_id, campaign_id=campaign_id, name=name, state=TaskState.READY, **parse_spec(SPEC)
        )
        campaigns.create(self.database, new, by="Ann", now=utc_now() - timedelta(hours=1))
        due = utc_now() - timedelta(minutes=40)
        people = [Contact(contact_id=number(1000 + last), number=number(1000 + last)) for last in range(contacts)]
        enrolling.enrol(self.database, tenant_id, campaign_id, people, now=due)
        if state != "ready":
            step = Move(
                before=TaskState.READY,
                after=TaskState(state),
                fact=TaskFact.STARTED,
                reason="the day begins",
                at=due,
                by="Ann",
            )
            campaigns.move(self.database, tenant_id, campaign_id, step)

    def attempts(self, tenant_id: str, campaign_id: str, ends: Sequence[tuple[PhoneResult, Disposition]]) -> None:
        """Attempts over the last half hour, with these ends; every fifth contact is refused by a rule as well."""
        waiting = enrolments.due(self.database, tenant_id, campaign_id, now=utc_now(), limit=len(ends))
        for place, (who, (result, disposition)) in enumerate(zip(waiting, ends, strict=False)):
            at = utc_now() - timedelta(minutes=28) * (1 - place / len(ends))
            attempt = NewAttempt(
                attempt_id=str(uuid.uuid4()),
                control_id="control-1",
                trunk_id="default",
                worker_id=WORKER,
                media_host="127.0.0.1",
                media_port=9092,
                reserved_minor=25,
                currency="USD",
            )
            claiming.claim(self.database, tenant_id, who.enrolment_id, attempt, check=lambda _: YES, now=at)
            workers.beat_control(self.database, "control-1", host="here", now=at)
            asking = {"control_id": "control-1", "line": "asterisk", "at": at}
            attempts.mark_dialled(self.database, tenant_id, attempt.attempt_id, **asking)
            came = AttemptResult(phone_result=result, disposition=disposition, spent_minor=20)
            after = NextStep(at=None, reason="the outcome is final")
            if disposition is Disposition.NOT_REACHED:
                after = NextStep(at=utc_now() + timedelta(hours=2), reason="busy, later again")
            ended = at + timedelta(seconds=40)
            attempts.finish_attempt(self.database, tenant_id, attempt.attempt_id, came, after, now=ended)
            if place % 5 == 0:
                rule = "window" if place % 2 else "consent"
                no = Ruling(is_allowed=False, rule=rule, words="not now")
                ledger.record(self.database, tenant_id, campaign_id, who.number, no, now=at)

    def past_call(self, which: int, *, tenant_id: str, ago: timedelta, campaign: str = "spring") -> str:
        """A whole recorded call that is over."""
        happened = recorded.renamed(recorded.recorded()[which], str(uuid.uuid4()))
        script = directory.save_script(
            self.database, tenant_id, name="confirm", text="# Confirm\nSay hello.", now=utc_now()
        )
        return recorded.place(
            self.database,
            happened,
            at=utc_now() - ago,
            tenant_id=tenant_id,
            campaign=campaign,
            script_name=script.name,
            script_version=script.version,
        )

    # ---- what lives ---------------------------------------------------------------------------------

    def beat(self, *, lag_ms: float = 4.0, gap_share: float = 0.0, worker_id: str = WORKER) -> None:
        """One heartbeat of a media worker."""
        sign = Heartbeat(
            worker_id=worker_id,
            host="127.0.0.1",
            port=9092,
            capacity=40,
            live_calls=3,
            loop_lag_ms=lag_ms,
            gap_share=gap_share,
        )
        workers.beat(self.database, sign, now=utc_now())

    def live_call(
        self,
        place: int,
        *,
        tenant_id: str,
        campaign: str | None = "spring",
        is_answered: bool = True,
        is_admitted: bool = True,
        ago_s: float = 30,
    ) -> str:
        """A call that lives, of the tenant's contact at this place."""
        call_id = str(uuid.uuid4())
        at = utc_now() - timedelta(seconds=ago_s)
        call = calls.ExpectedCall(
            call_id=call_id,
            tenant_id=tenant_id,
            number=number(100 + place),
            line="simulator",
            expected_until=at + timedelta(minutes=2),
            contact_id=f"p{place}",
            campaign=campaign,
            facts={"name": NAMES[place]},
        )
        calls.expect(self.database, call, now=at)
        if is_admitted:
            calls.admit_at(self.database, call_id, WORKER, now=at + timedelta(seconds=1))
        if is_answered:
            calls.mark_answered(self.database, tenant_id, call_id, at=at + timedelta(seconds=4))
        return call_id

    def happen(self, call_id: str, happened: Sequence[Event], *, tenant_id: str) -> None:
        """These events happen in the call."""
        recorded.write(self.database, recorded.renamed(happened, call_id), tenant_id=tenant_id)

    def obey(self, *, each_s: float = 0.1) -> None:
        """From now on beat, take commands and carry them out: a hang-up ends the call."""
        thread = threading.Thread(target=self._obey, args=(each_s,), daemon=True)
        thread.start()
        self._threads.append(thread)

    def _obey(self, each_s: float) -> None:
        while not self._stop.wait(each_s):
            self.beat()
            open_ids = [
                one.call_id
                for tenant in directory.all_tenants(self.database)
                for one in calls.calls_of(self.database, tenant.tenant_id, state=calls.CallState.LIVE)
            ]
            for given in call_commands.take(self.database, open_ids, now=utc_now()):
                if given.kind is call_commands.CommandKind.HANG_UP:
                    self._end(given)
                call_commands.done(self.database, given, outcome="done", now=utc_now())

    def _end(self, given: call_commands.Command) -> None:
        happened = recorded.recorded()[recorded.COMPLETED]
        ended = replace(happened[-1], call_id=given.call_id)
        recorded.write(self.database, [ended], tenant_id=given.tenant_id)
        result = Summary(
            phone_result=PhoneResult.ANSWERED,
            disposition=Disposition.PARTIAL,
            ended_by=EndedBy.SUPERVISOR,
            detail="a supervisor ended the call",
        )
        calls.end(self.database, given.tenant_id, given.call_id, result, at=utc_now())


def opening(which: int = recorded.COMPLETED, *, until_ms: float = 20_000) -> list[Event]:
    """What happened in a recorded call until then."""
    return [event for event in recorded.recorded()[which] if event.at_ms <= until_ms]

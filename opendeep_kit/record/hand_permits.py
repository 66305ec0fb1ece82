"""Permits a call outside any campaign, in the one transaction that all caps rest on.

Given a number and a pure function that knows the rules, reads the facts, asks it and records its ruling. Never dials.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from opendeep_kit.record import ledger
from opendeep_kit.record.claim_facts import NO_CAMPAIGN, HandFacts, read_hand_facts
from opendeep_kit.record.counters import calling
from opendeep_kit.record.database import Database
from opendeep_kit.record.ledger import Ruling


def permit(
    database: Database,
    tenant_id: str,
    number: str,
    *,
    call_id: str,
    check: Callable[[HandFacts], Ruling],
    now: datetime,
) -> Ruling:
    """Ask whether this number may be called now, and note the answer.

    Args:
        call_id: of the call that follows a yes.
        check: pure and quick: all other calling waits for it.

    Raises:
        BadInput: there is no such tenant.
    """
    with calling(database) as connection:
        ruling = check(read_hand_facts(connection, tenant_id, number, now=now))
        attempt_id = call_id if ruling.is_allowed else None
        ledger.write(connection, tenant_id, NO_CAMPAIGN, number, ruling, attempt_id=attempt_id, now=now)
        return ruling

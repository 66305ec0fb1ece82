"""Hand-overs: a call's media worker asks for one, one of the processes that hold the line takes it, or it is withdrawn.

Given plain values and the time, writes and reads the wish in the call's row. What was withdrawn, or is too old, cannot
be taken any more: told as failed, it is never carried out later.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select, update

from opendeep_kit.errors import Refused
from opendeep_kit.record.calls import CallState
from opendeep_kit.record.database import Database
from opendeep_kit.record.tables import calls

DONE = "done"
"""The callee was handed over."""
WITHDRAWN = "withdrawn: no process that holds the line took it"


def ask(database: Database, call_id: str, target: str, *, now: datetime) -> None:
    """Ask that the callee be handed over to this number.

    Args:
        now: also names this very wish: where the answer to it was lost, it may be asked for again with the same.

    Raises:
        Refused: another hand-over is asked for, and not answered yet.
    """
    values = {"transfer_to": target, "transfer_asked_at": now, "transfer_taken_by": None, "transfer_answer": None}
    this = calls.c.call_id == call_id
    is_free = or_(calls.c.transfer_taken_by.is_(None), calls.c.transfer_answer.is_not(None))
    is_new = or_(calls.c.transfer_asked_at.is_(None), calls.c.transfer_asked_at != now)
    with database.write() as connection:
        asking = update(calls).where(this, is_free, is_new).values(values)
        if connection.execute(asking).rowcount == 1:
            return
        if connection.scalar(select(calls.c.transfer_asked_at).where(this)) != now:
            raise Refused("another hand-over of this call is under way", do="wait for what comes of it")


def take(database: Database, call_id: str, *, by: str, asked_after: datetime) -> str | None:
    """Take it upon oneself to hand the callee over; returns to whom. None: there is no wish that is still open.

    From here on whoever asked cannot withdraw it, and nobody else takes it.

    Args:
        by: the control process.
        asked_after: an older wish is told as failed by now.
    """
    open_wish = (
        calls.c.call_id == call_id,
        calls.c.transfer_asked_at > asked_after,
        calls.c.transfer_taken_by.is_(None),
        calls.c.transfer_answer.is_(None),
        calls.c.state != CallState.ENDED,
    )
    with database.write() as connection:
        taking = update(calls).where(*open_wish).values(transfer_taken_by=by)
        target: str | None = connection.scalar(taking.returning(calls.c.transfer_to))
    return target


def answer(database: Database, call_id: str, outcome: str, *, by: str) -> bool:
    """Say what came of a hand-over that `by` took: `DONE`, or a clause why not. False: it is answered."""
    taken = (calls.c.call_id == call_id, calls.c.transfer_taken_by == by, calls.c.transfer_answer.is_(None))
    with database.write() as connection:
        answering = update(calls).where(*taken).values(transfer_answer=outcome)
        return connection.execute(answering).rowcount == 1


def withdraw(database: Database, call_id: str) -> bool:
    """Withdraw the hand-over request. False: somebody has taken it, and will answer."""
    untaken = (calls.c.call_id == call_id, calls.c.transfer_taken_by.is_(None), calls.c.transfer_answer.is_(None))
    with database.write() as connection:
        withdrawing = update(calls).where(*untaken).values(transfer_answer=WITHDRAWN)
        if connection.execute(withdrawing).rowcount == 1:
            return True
        answer = connection.scalar(select(calls.c.transfer_answer).where(calls.c.call_id == call_id))
    return answer == WITHDRAWN


def answer_of(database: Database, call_id: str) -> str | None:
    """What came of the hand-over; None: not known yet."""
    with database.read() as connection:
        answer: str | None = connection.scalar(select(calls.c.transfer_answer).where(calls.c.call_id == call_id))
    return answer

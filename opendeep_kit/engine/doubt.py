"""Sees a call to its end after the process that placed it died.

Given the attempt and the line, lets a conversation finish, hangs up what is still ringing, and reports what is known.
Never dials.
"""

from __future__ import annotations

import asyncio
from functools import partial
from uuid import UUID

from opendeep_kit.engine.attempt_end import AttemptOutcome
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.logs import log
from opendeep_kit.media.call_end import insist
from opendeep_kit.media.follow import MediaFollow
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.line import Line, LineResult
from opendeep_kit.record import calls
from opendeep_kit.record.attempts import Attempt
from opendeep_kit.record.database import Database

LOOK_AGAIN_S = 1.0
IN_DOUBT_S = 90.0
"""So long the line is asked about a call of a dead process before it is given up."""
PLACER_DIED = "the process that placed it died"


async def resolve(row: Attempt, database: Database, line: Line, follow: MediaFollow) -> AttemptOutcome:
    """What came of the call, once it is over."""
    call = await insist(partial(calls.call, database, row.tenant_id, row.attempt_id))
    outlives = line.outlives_us and call is not None and call.line == line.name
    if outlives:
        async with follow.watching():
            await _outlive(line, UUID(row.attempt_id), follow)
    media = await follow.look()
    if media is None or not media.is_answered:
        return AttemptOutcome.in_doubt(f"{PLACER_DIED}, and nothing was heard of an answer")
    # The end of a call that outlived its process was the callee's or ours; others were cut off with it.
    by = None if outlives else EndedBy.FAILURE
    result = LineResult(phone_result=PhoneResult.ANSWERED, ended_by=by, detail=f"{PLACER_DIED} meanwhile")
    return AttemptOutcome.of(result, is_interrupted=by is not None)


async def _outlive(line: Line, call_id: UUID, follow: MediaFollow) -> None:
    """Wait until the line does not hold the call any more."""
    loop = asyncio.get_running_loop()
    until = loop.time() + IN_DOUBT_S
    while True:
        try:
            if call_id not in await line.living_calls():
                return
            media = await follow.look()
            if media is None or not media.is_answered:
                # Nobody told its media worker of an answer: the callee would hear silence.
                await line.hang_up(call_id)
            else:
                until = loop.time() + IN_DOUBT_S
        except (Unavailable, BadInput) as error:
            if loop.time() > until:
                log().error("! a call in doubt is given up", call_id=str(call_id), what=error.what)
                return
        await asyncio.sleep(LOOK_AGAIN_S)

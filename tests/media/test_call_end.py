"""Who ended a call, by what the line says and by what the holder of its sound says; over a real Asterisk where it can."""

import asyncio

import pytest

from opendeep_kit import events
from opendeep_kit.asterisk.exchange import Exchange
from opendeep_kit.media.call_end import SOUND_LOST, judge, who_ended
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection
from opendeep_kit.phone.line import HANDED_OVER, OUR_LEG_ENDED, OUR_LEG_ENDED_EARLY, WE_HUNG_UP, LineResult
from opendeep_kit.phone.originate import Structure
from opendeep_kit.record.calls import MediaEnd
from tests.phone.studio import MUTE, Studio, studio

ID = "11111111-2222-4333-8444-555555555555"
TRYING_ONLY = "30"
NOT_US = MediaEnd()
"""The socket was closed by the line."""


def answered(detail: str, by: EndedBy | None = None) -> LineResult:
    """An answered call, as the line tells its end."""
    return LineResult(phone_result=PhoneResult.ANSWERED, ended_by=by, cause=16, detail=detail)


@pytest.mark.parametrize(
    ("result", "media", "told"),
    [
        (answered("the callee hung up", EndedBy.CALLEE), NOT_US, (EndedBy.CALLEE, "the callee hung up")),
        (
            answered(OUR_LEG_ENDED),
            MediaEnd(ended_by=EndedBy.AGENT, detail="completed"),
            (EndedBy.AGENT, "completed"),
        ),
        (answered(OUR_LEG_ENDED), NOT_US, (EndedBy.FAILURE, SOUND_LOST)),
        (answered(WE_HUNG_UP), NOT_US, (EndedBy.SUPERVISOR, WE_HUNG_UP)),
        (answered(HANDED_OVER), NOT_US, (EndedBy.SUPERVISOR, HANDED_OVER)),
        (answered("its placer died"), NOT_US, (EndedBy.CALLEE, "its placer died")),
    ],
)
def test_who_ended(result: LineResult, media: MediaEnd, told: tuple[EndedBy, str]) -> None:
    """Our own reason first; where neither the callee nor we hung up, it is a failure and never the callee."""
    assert who_ended([], result, media) == told


def test_hand_over_that_the_agent_asked_for() -> None:
    """Is the agent's."""
    asked = events.TransferAsked(call_id=ID, at_ms=1.0, reason="wants a human")

    assert who_ended([asked], answered(HANDED_OVER), NOT_US) == (EndedBy.AGENT, HANDED_OVER)


async def fall_silent(connection: AudioSocketConnection) -> None:
    """An agent's side that sends one frame and then nothing, as a worker that hangs would."""
    connection.send_frame(bytes(960), 24000)
    await asyncio.wait({connection.closed})


@pytest.mark.parametrize(
    ("last_digits", "detail", "phone_result"),
    [(MUTE, OUR_LEG_ENDED, PhoneResult.ANSWERED), (TRYING_ONLY, OUR_LEG_ENDED_EARLY, PhoneResult.FAILED)],
)
async def test_silent_line_is_a_failure(
    exchange: Exchange, monkeypatch: pytest.MonkeyPatch, last_digits: str, detail: str, phone_result: PhoneResult
) -> None:
    """Asterisk hangs up when neither side sent anything for two seconds: a failure of ours, before and after the answer."""
    closed: list[str] = []

    async def handle(self: Studio, connection: AudioSocketConnection) -> None:
        await fall_silent(connection)
        closed.append(connection.closed.result())

    monkeypatch.setattr(Studio, "handle", handle)
    async with studio(exchange.line, exchange.callees, structure=Structure.LOCAL_AND_APP) as made:
        result = await made.place(made.order(last_digits))
    summary = judge(ID, [], result, NOT_US, ()).summary

    assert (result.ended_by, result.detail, closed) == (None, detail, ["peer_closed"])
    assert (summary.phone_result, summary.ended_by, summary.detail) == (phone_result, EndedBy.FAILURE, SOUND_LOST)
    assert summary.disposition is Disposition.FAILED

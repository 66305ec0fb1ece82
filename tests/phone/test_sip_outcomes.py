"""What every SIP answer comes to: a carrier's real replies, through a real Asterisk, to the outcome of the call."""

import asyncio
import re
import tempfile
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import uuid4

import pytest

from opendeep_kit.asterisk.configuration import Trunk, configure_line
from opendeep_kit.asterisk.instance import AsteriskInstance
from opendeep_kit.asterisk.program import AsteriskProgram
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.phone.causes import BY_SIP, unanswered
from opendeep_kit.phone.line import LineResult
from tests.phone.asterisk_log import complaints
from tests.phone.sip_answers import Manner, number, sip_answers
from tests.phone.studio import Studio, studio

ANSWERS: dict[int, tuple[int, PhoneResult, str]] = {
    300: (23, PhoneResult.FAILED, "the network points to another address, which is not followed"),
    301: (23, PhoneResult.FAILED, "the network points to another address, which is not followed"),
    302: (23, PhoneResult.FAILED, "the network points to another address, which is not followed"),
    400: (127, PhoneResult.FAILED, "the network said SIP 400"),
    401: (21, PhoneResult.FAILED, "the trunk does not accept our account"),
    403: (21, PhoneResult.REJECTED, "rejected by the callee or the trunk"),
    404: (1, PhoneResult.INVALID_NUMBER, "nobody has this number"),
    407: (21, PhoneResult.FAILED, "the trunk does not accept our account"),
    408: (18, PhoneResult.UNREACHABLE, "the network got no reply"),
    410: (22, PhoneResult.NUMBER_CHANGED, "the number has changed"),
    415: (127, PhoneResult.FAILED, "the network said SIP 415"),
    420: (3, PhoneResult.FAILED, "the network said SIP 420"),
    480: (19, PhoneResult.NO_ANSWER, "not available at present"),
    481: (127, PhoneResult.FAILED, "the network said SIP 481"),
    482: (127, PhoneResult.FAILED, "the network said SIP 482"),
    483: (19, PhoneResult.FAILED, "the network sent the call in a circle"),
    484: (28, PhoneResult.INVALID_NUMBER, "the number is incomplete"),
    485: (1, PhoneResult.INVALID_NUMBER, "the number is ambiguous"),
    486: (17, PhoneResult.BUSY, "busy"),
    487: (127, PhoneResult.FAILED, "the network said SIP 487"),
    488: (58, PhoneResult.FAILED, "no common sound format with the callee"),
    499: (127, PhoneResult.FAILED, "the network said SIP 499"),
    500: (38, PhoneResult.CONGESTION, "the network failed"),
    501: (29, PhoneResult.FAILED, "the network cannot do this"),
    502: (27, PhoneResult.CONGESTION, "the network failed"),
    503: (34, PhoneResult.CONGESTION, "the network is congested"),
    504: (102, PhoneResult.CONGESTION, "the network took too long"),
    505: (127, PhoneResult.CONGESTION, "the network said SIP 505"),
    580: (34, PhoneResult.CONGESTION, "the network said SIP 580"),
    600: (17, PhoneResult.BUSY, "busy everywhere"),
    603: (21, PhoneResult.REJECTED, "rejected by the callee"),
    604: (1, PhoneResult.INVALID_NUMBER, "nobody has this number"),
    606: (58, PhoneResult.FAILED, "no common sound format with the callee"),
    607: (127, PhoneResult.REJECTED, "marked as unwanted"),
    608: (127, PhoneResult.REJECTED, "rejected on the way to the callee"),
}
"""Q.850 cause, result and clause of every final answer."""
OTHERS = [(486, Manner.AFTER_RINGING), (603, Manner.AFTER_RINGING), (200, Manner.SILENT), (180, Manner.RINGS)]


@dataclass
class Told:
    """What came of the calls."""

    results: dict[tuple[int, Manner], LineResult] = field(default_factory=dict)
    progress: dict[tuple[int, Manner], list[str]] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    """What the carrier was sent."""
    complaints: list[str] = field(default_factory=list)

    async def call(self, made: Studio, code: int, manner: Manner) -> None:
        """Dial for one answer."""
        progress = self.progress[code, manner] = []
        order = replace(made.order("00", ring_limit_s=6.0), number=number(code, manner))
        self.results[code, manner] = await made.line.place(order, progress.append)


def configured(folder: Path, program: AsteriskProgram, port: int) -> AsteriskInstance:
    """A line whose trunk is the carrier; a leg without a packet is lost after two seconds instead of sixty."""
    line = configure_line(folder, program=program, trunk=Trunk(host="127.0.0.1", port=port))
    file = line.etc_dir / "pjsip.conf"
    file.write_text(file.read_text().replace("rtp_timeout = 60", "rtp_timeout = 2"))
    return line


@pytest.fixture(scope="module")
def told(asterisk_program: AsteriskProgram) -> Told:
    """All answers, some at a time: whoever talks is heard by this process, which a busy machine lets wait."""
    everything, turns = Told(), asyncio.Semaphore(6)

    async def in_turn(call: Awaitable[None]) -> None:
        async with turns:
            await call

    async def dial(folder: Path) -> None:
        async with sip_answers() as carrier:
            line = configured(folder / "line", asterisk_program, carrier.port)
            async with await line.start(), studio(line, line) as made:
                answers = [*((code, Manner.AT_ONCE) for code in ANSWERS), *OTHERS]
                await asyncio.gather(*(in_turn(everything.call(made, code, manner)) for code, manner in answers))
            everything.requests, everything.complaints = carrier.seen, complaints(line)

    with tempfile.TemporaryDirectory(prefix="od-", dir="/tmp") as folder:
        asyncio.run(dial(Path(folder)))
    return everything


@pytest.mark.parametrize("code", ANSWERS)
def test_answer_has_its_outcome(told: Told, code: int) -> None:
    """Each final answer of the network gives the cause, the result and the words that stand in the table."""
    cause, result, detail = ANSWERS[code]

    assert told.results[code, Manner.AT_ONCE] == LineResult(
        phone_result=result, ended_by=EndedBy.NETWORK, cause=cause, detail=detail
    )
    assert told.progress[code, Manner.AT_ONCE] == []


def test_every_row_is_tried() -> None:
    """No code of the table is without a call of its own."""
    assert set(BY_SIP) <= set(ANSWERS)


@pytest.mark.parametrize(("code", "result"), [(486, PhoneResult.BUSY), (603, PhoneResult.REJECTED)])
def test_answer_after_ringing(told: Told, code: int, result: PhoneResult) -> None:
    """Ringing before the final answer is reported and changes nothing else."""
    assert told.results[code, Manner.AFTER_RINGING].phone_result is result
    assert told.progress[code, Manner.AFTER_RINGING] == ["ringing"]


def test_answered_without_a_packet(told: Told) -> None:
    """A callee from whom no sound ever comes was answered, and is lost by the network (cause 44)."""
    assert told.results[200, Manner.SILENT] == LineResult(
        phone_result=PhoneResult.ANSWERED,
        ended_by=EndedBy.NETWORK,
        cause=44,
        detail="the sound from the callee's side stopped",
    )


def test_ring_limit_cancels(told: Told) -> None:
    """Our own limit ends the ringing with a CANCEL; the 487 that answers it does not count as the network's word."""
    assert told.results[180, Manner.RINGS] == LineResult(
        phone_result=PhoneResult.NO_ANSWER,
        ended_by=EndedBy.NETWORK,
        cause=0,
        detail="nobody answered within the time limit",
    )


def test_nobody_else_is_called(told: Told) -> None:
    """One INVITE a call: neither a redirect nor a refusal leads to another; one CANCEL and one BYE."""
    calls = len(ANSWERS) + len(OTHERS)

    assert told.requests == {"INVITE": calls, "ACK": calls, "CANCEL": 1, "BYE": 1}


def test_asterisk_complains_of_the_account_alone(told: Told) -> None:
    """401 and 407 leave a line each that names the reason; no other answer leaves any."""
    assert [line.rpartition(": ")[2] for line in told.complaints] == ["There were no auth ids available"] * 2


@pytest.mark.parametrize("code", [code for code in BY_SIP if code not in (401, 407, 483, 607, 608)])
def test_cause_alone_says_the_same(code: int) -> None:
    """An Asterisk before 22.7 tells the cause that was seen here, but no SIP code: the result is the same."""
    cause, result, _ = ANSWERS[code]

    assert unanswered(cause, 0)[0] is result


async def test_caller_id_arrives(asterisk_program: AsteriskProgram, short_dir: Path) -> None:
    """The number that an order shows stands in the INVITE's From; an order without one shows the line's own."""
    async with sip_answers() as carrier:
        trunk = Trunk(host="127.0.0.1", port=carrier.port, caller_id="+12125550199")
        line = configure_line(short_dir / "line", program=asterisk_program, trunk=trunk)
        async with await line.start(), studio(line, line) as made:
            order = replace(made.order("00"), number=number(486))
            await made.line.place(replace(order, caller_id="+12125550198"), lambda _: None)
            await made.line.place(replace(order, call_id=uuid4()), lambda _: None)

    assert [re.findall(r"\+\d+", sender)[0] for sender in carrier.callers] == ["+12125550198", "+12125550199"]

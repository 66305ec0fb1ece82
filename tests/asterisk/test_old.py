"""An Asterisk older than 22.7: it boots with the configuration for its version, and calls are 8 kHz."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from opendeep_kit import app, events, line_choice
from opendeep_kit.asterisk.configuration import configure_line
from opendeep_kit.asterisk.exchange import Exchange, rehearsal_trunk
from opendeep_kit.asterisk.program import AsteriskProgram, parsed_version
from opendeep_kit.config import Settings, load_settings
from opendeep_kit.engine.by_hand import CallRequest
from opendeep_kit.line_choice import LineName, fitted
from opendeep_kit.outcomes import EndedBy, PhoneResult
from opendeep_kit.tasks.script import load_script
from tests.phone.asterisk_end import until
from tests.phone.asterisk_log import complaints
from tests.phone.studio import BUSY, EARLY_HANGUP, ECHO, WE_HUNG_UP, studio

ROOT = Path(__file__).parents[2]


@pytest.fixture
def old(asterisk_program: AsteriskProgram) -> AsteriskProgram:
    """The program, if it were of 2023."""
    return replace(asterisk_program, version=(20, 6, 0))


@pytest.mark.parametrize(
    ("told", "version"),
    [("22.10.1+dfsg+~cs6", (22, 10, 1)), ("certified/20.7-cert3", (20, 7)), ("certified-20.7", (20, 7)), ("GIT", ())],
)
def test_version_is_read(told: str, version: tuple[int, ...]) -> None:
    """Whatever Asterisk adds to its number."""
    assert parsed_version(told) == version


async def test_boots_and_calls_in_narrow_band(old: AsteriskProgram, exchange: Exchange, short_dir: Path) -> None:
    """Its own form of event filters lets the same events through; calls end as they should; the log is clean."""
    assert exchange.callees is not None
    line = configure_line(short_dir / "line", program=old, trunk=rehearsal_trunk(exchange.callees))
    async with await line.start(), studio(line, exchange.callees, has_wideband=old.has_wideband) as made:
        order = replace(made.order(ECHO), line_format="slin")
        call = await made.talking(order)
        await until(lambda: made.sockets[order.call_id].peer_rate_hz == 8000)
        made.sockets[order.call_id].hang_up()
        busy = await made.line.place(replace(made.order(BUSY), line_format="slin"), lambda _: None)
        left = await made.line.place(replace(made.order(EARLY_HANGUP), line_format="slin"), lambda _: None)

        assert await call == WE_HUNG_UP
        assert (busy.phone_result, left.ended_by) == (PhoneResult.BUSY, EndedBy.CALLEE)
    assert "eventfilter = Event: Hangup\n" in (line.etc_dir / "manager.conf").read_text()
    assert complaints(line) == []


async def test_wideband_is_refused_before_anybody_rings(exchange: Exchange) -> None:
    """Sound that such an Asterisk would hang up on is told as our failure, and nobody is called."""
    async with studio(exchange.line, exchange.callees, has_wideband=False) as made:
        before = await made.calls_seen_by_the_public()
        result = await made.place(made.order(ECHO))

        assert (result.phone_result, result.ended_by) == (PhoneResult.FAILED, EndedBy.FAILURE)
        assert result.detail.endswith("8 kHz only, and phone.line_format is wider, so nobody was called")
        assert await made.calls_seen_by_the_public() == before


async def test_asterisk_is_asked_for_its_version(exchange: Exchange) -> None:
    """Somebody else's Asterisk tells what it is; this one carries wideband."""
    async with studio(exchange.line, exchange.callees) as made:
        assert made.line.has_wideband


def test_line_format_falls_back() -> None:
    """Wideband becomes 8 kHz, with a line in the log; what is 8 kHz already, or can be carried, stays."""
    with structlog.testing.capture_logs() as said:
        narrow = fitted(Settings(), has_wideband=False)

    assert (narrow.phone.line_format, fitted(Settings(), has_wideband=True)) == ("slin", Settings())
    assert fitted(narrow, has_wideband=False) == narrow
    assert [(one["event"], one["wanted"]) for one in said] == [
        ("= this Asterisk is older than 22.7: calls are 8 kHz", "slin24")
    ]


@pytest.mark.slow
async def test_service_falls_back(old: AsteriskProgram, short_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole service on such an Asterisk holds its calls at 8 kHz, to the callee's hang-up."""
    monkeypatch.setattr(line_choice, "obtain_program", lambda settings: old)
    settings = load_settings(
        data_dir=short_dir / "data", asterisk={"run_dir": short_dir / "ast"}, rehearsal={"engine": "tones"}
    )
    script = load_script(ROOT / "notebooks" / "scripts" / "confirm_appointment.md")
    async with app.open_service(settings, line=LineName.ASTERISK) as service:
        request = CallRequest(number=f"+121255501{EARLY_HANGUP}", script=script, facts=script.task.example_facts)
        outcome = await asyncio.wait_for(service.by_hand.call(request), 20)

    (connected,) = [one for one in outcome.events if isinstance(one, events.AudioConnected)]
    assert (connected.rate_hz, outcome.summary.ended_by) == (8000, EndedBy.CALLEE)

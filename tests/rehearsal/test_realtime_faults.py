"""Each fault that can be asked for happens, then, and as described."""

import asyncio
from typing import Any

import pytest
import websockets
from websockets.exceptions import InvalidStatus

from opendeep_kit.errors import BadInput
from opendeep_kit.rehearsal.engines import Say
from opendeep_kit.rehearsal.realtime.faults import SessionFault, parse_faults
from tests.rehearsal.realtime_peer import LONG, SLOW, address, serving, talking


def test_grammar() -> None:
    """A fault is a name, a detail and a moment; several are separated by commas."""
    assert parse_faults(["close_1011@t=3.5,late_deltas", "fail_server_error@response=2"]) == (
        SessionFault(name="close", detail="1011", at_s=3.5),
        SessionFault(name="late_deltas"),
        SessionFault(name="fail", detail="server_error", response=2),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("explode", "there is no fault 'explode': choose among http, close"),
        ("close", "there is no fault 'close'"),
        ("close_1006", "there is no fault 'close_1006'"),
        ("http_200", "there is no fault 'http_200'"),
        ("two_items@t=1", "the fault 'two_items@t=1' cannot happen at 't=1': write @response=N."),
        ("http_401@t=1", "the fault 'http_401@t=1' cannot happen at 't=1': write no '@'."),
        ("stall@response=0", "the fault 'stall@response=0' cannot happen at 'response=0'"),
    ],
)
def test_wrong_faults(text: str, told: str) -> None:
    """What cannot be done is refused with what can."""
    with pytest.raises(BadInput) as error:
        parse_faults([text])

    assert str(error.value).startswith(told)


@pytest.mark.parametrize(("fault", "status"), [("http_401", 401), ("http_429", 429), ("http_503", 503), ("nope", 400)])
async def test_refused_handshakes(fault: str, status: int) -> None:
    """The upgrade is answered with the status; an unknown fault with 400 and a sentence."""
    async with serving() as server:
        with pytest.raises(InvalidStatus) as refused:
            await websockets.connect(address(server, f"&fault={fault}"))

        assert refused.value.response.status_code == status


@pytest.mark.parametrize("when", ["", "@t=0.05"])
async def test_close_at_a_time(when: str) -> None:
    """The connection is closed with the code, at once or at the time."""
    async with talking(query=f"&fault=close_1011{when}") as peer:
        assert await peer.until_closed() == (1011, "requested by the rehearsal")


async def test_close_in_a_response() -> None:
    """The second response is cut off after its first sound; the first is whole."""
    async with talking([[Say(LONG)]], query="&fault=close_1012@response=2") as peer:
        await peer.respond()
        whole = len(peer.of("response.output_audio.delta"))
        await peer.send("response.create")
        code, _ = await peer.until_closed()

        assert code == 1012
        assert len(peer.of("response.output_audio.delta")) == whole + 1
        assert len(peer.of("response.done")) == 1


async def test_expiry() -> None:
    """The sixtieth minute comes early."""
    async with talking(query="&fault=expire@t=0.01") as peer:
        assert await peer.until_closed() == (1001, "Your session hit the maximum duration of 60 minutes.")


async def test_error_event() -> None:
    """An error event changes nothing else."""
    async with talking(query="&fault=error_insufficient_quota@response=1") as peer:
        done = await peer.respond()

        (event,) = peer.of("error")
        assert (event["error"]["code"], event["error"]["type"]) == ("insufficient_quota", "invalid_request_error")
        assert done["status"] == "completed"


async def test_stalled_stream() -> None:
    """After the first sound nothing more is sent, yet the connection stands."""
    async with talking([[Say(LONG)]], query="&fault=stall@response=1") as peer:
        await peer.send("response.create")
        await peer.until("response.output_audio.delta")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(peer.connection.recv(), 0.2)
        pong = await peer.connection.ping()
        await pong


@pytest.mark.parametrize(
    ("fault", "status", "details"),
    [
        ("fail_server_error", "failed", {"error": {"type": "server_error", "code": "server_error"}}),
        ("rate_limited", "failed", {"error": {"type": "server_error", "code": "rate_limit_exceeded"}}),
        ("incomplete_content_filter", "incomplete", {"reason": "content_filter"}),
        ("incomplete_max_output_tokens", "incomplete", {"reason": "max_output_tokens"}),
    ],
)
async def test_responses_that_fail(fault: str, status: str, details: dict[str, Any]) -> None:
    """The response ends early with this status, after a sound; the other responses are whole."""
    async with talking([[Say(LONG)]], query=f"&fault={fault}@response=1") as peer:
        failed = await peer.respond()
        limits = peer.of("rate_limits.updated")[-1]["rate_limits"][0]
        sounds = len(peer.of("response.output_audio.delta"))
        whole = await peer.respond()

        told = failed["status_details"]
        told.get("error", {}).pop("message", None)
        assert (failed["status"], told) == (status, {"type": status} | details)
        assert (sounds, whole["status"]) == (1, "completed")
        assert (limits["remaining"] == 0) == (fault == "rate_limited")


async def test_late_deltas() -> None:
    """Three sound deltas follow the end of a cancelled response."""
    async with talking([[Say(LONG)]], query="&fault=late_deltas", **SLOW) as peer:
        await peer.send("response.create")
        await peer.until("response.output_audio.delta")
        await peer.send("response.cancel")
        done = await peer.until("response.done")
        late = [await peer.receive() for _ in range(3)]

        assert {event["type"] for event in late} == {"response.output_audio.delta"}
        assert {event["response_id"] for event in late} == {done["response"]["id"]}


async def test_missing_created() -> None:
    """The response comes without its `response.created`."""
    async with talking(query="&fault=no_created") as peer:
        await peer.respond()

        assert peer.of("response.created") == []
        assert len(peer.of("response.output_audio.delta")) > 0


async def test_two_items() -> None:
    """One response's speech is spread over two items, each with its own sound and words."""
    async with talking([[Say(LONG)]], query="&fault=two_items") as peer:
        done = await peer.respond()
        sounds = {event["item_id"] for event in peer.of("response.output_audio.delta")}
        words = "".join(item["content"][0]["transcript"] for item in done["output"])

        assert sounds == {item["id"] for item in done["output"]}
        assert (len(sounds), words) == (2, LONG)


async def test_slow_thinking() -> None:
    """The reply is held back, so it can be cancelled before its first word."""
    async with talking(query="&fault=think_60000") as peer:
        await peer.send("response.create")
        await peer.until("response.created")
        await peer.send("response.cancel")
        done = (await peer.until("response.done"))["response"]

        assert (done["status"], done["output"]) == ("cancelled", [])


async def test_unknown_events() -> None:
    """Event types that no protocol lists appear between the others."""
    async with talking(query="&fault=unknown_events") as peer:
        await peer.respond()

        assert len(peer.of("ping")) == len(peer.of("session.mood.updated")) == 2


async def test_extra_keys() -> None:
    """Unknown keys are everywhere, padding on the deltas of words."""
    async with talking(query="&fault=extra_keys") as peer:
        await peer.respond()

        assert all("latency" in event for event in peer.events)
        assert all("obfuscation" in event for event in peer.of("response.output_audio_transcript.delta"))
        assert not any("obfuscation" in event for event in peer.of("response.output_audio.delta"))

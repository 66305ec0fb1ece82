"""What the public's Asterisk answers at each number, as our line's Asterisk tells it: real SIP."""

import asyncio
from uuid import uuid4

import pytest

from opendeep_kit.asterisk.exchange import Exchange
from tests.phone.agent import Agent, number, place
from tests.phone.raw_ami import Message, RawAmi

pytestmark = pytest.mark.usefixtures("quiet_log")
NEVER_ANSWER = {"21", "30"}


@pytest.fixture(scope="module")
def network_says(exchange: Exchange) -> dict[str, tuple[Message, Message]]:
    """By last digits: the Hangup of the human's leg, and the dialplan's own word. All numbers are dialled at once."""
    lasts = ("20", "21", "22", "23", "24", "25", "26", "27", "30", "99")

    async def dial() -> dict[str, tuple[Message, Message]]:
        async with RawAmi(exchange.line) as ami, Agent().listening() as server:
            calls = {}
            for last in lasts:
                calls[last] = await place(ami, server.port, number(last), 3 if last in NEVER_ANSWER else 20)
            return {
                last: (await ami.human_leg_ended(call), await ami.told("OpenDeepHumanLeg", call))
                for last, call in calls.items()
            }

    return asyncio.run(dial())


@pytest.mark.parametrize(
    ("last", "cause", "sip", "dial_status"),
    [
        ("20", "17", "486", "BUSY"),
        ("21", "0", None, "NOANSWER"),
        ("22", "21", "403", "CHANUNAVAIL"),
        ("23", "1", "404", "CHANUNAVAIL"),
        ("24", "34", "503", "CONGESTION"),
        ("25", "19", "480", "NOANSWER"),
        ("26", "16", None, "ANSWER"),
        ("27", "1", "404", "CHANUNAVAIL"),
        ("30", "0", None, "NOANSWER"),
        ("99", "1", "404", "CHANUNAVAIL"),
    ],
)
def test_number_gives_its_cause(
    network_says: dict[str, tuple[Message, Message]], last: str, cause: str, sip: str | None, dial_status: str
) -> None:
    """Each number of the public ends with the Q.850 cause and SIP code that its behaviour stands for."""
    hangup, word = network_says[last]

    assert (hangup["Cause"], hangup.get("TechCause"), word["DialStatus"]) == (cause, sip, dial_status)


@pytest.mark.parametrize(
    "told",
    [
        "+12125550120&PJSIP/+12125550126",
        "+12125550120@opendeep-trunk/n",
        "${SHELL(id)}",
        "+1212555012(0)",
        "+1 212 555 0120",
        "12125550120x",
        "1" * 17,
        "",
    ],
)
async def test_number_that_is_none_is_not_dialled(exchange: Exchange, told: str) -> None:
    """A number with anything but a plus and digits, or too many of them, leads to no INVITE."""
    async with RawAmi(exchange.line) as ami, Agent().listening() as server:
        call_id = uuid4()
        channel = f"AudioSocket/127.0.0.1:{server.port}/{call_id}/c(slin)"
        await ami.originate(channel, call_id, OPENDEEP_NUMBER=told)
        await ami.told("OpenDeepRefused", call_id)
        await ami.told("OpenDeepHumanLeg", call_id)

        assert [event for event in ami.events if event.get("Channel", "").startswith("PJSIP/")] == []


@pytest.mark.parametrize(
    "variables",
    [
        {"OPENDEEP_RING_S": ""},
        {"OPENDEEP_RING_S": "none"},
        {"OPENDEEP_EXPIRES": ""},
        {"OPENDEEP_EXPIRES": "1700000000"},
    ],
)
async def test_order_without_limits_or_too_late_is_refused(exchange: Exchange, variables: dict[str, str]) -> None:
    """No ring limit, no expiry, or one that has passed: nobody is dialled."""
    async with RawAmi(exchange.line) as ami, Agent().listening() as server:
        call_id = uuid4()
        channel = f"AudioSocket/127.0.0.1:{server.port}/{call_id}/c(slin)"
        await ami.originate(channel, call_id, OPENDEEP_NUMBER=number("20"), **variables)
        await ami.told("OpenDeepRefused", call_id)
        await ami.told("OpenDeepHumanLeg", call_id)

        assert [event for event in ami.events if event.get("Channel", "").startswith("PJSIP/")] == []


async def test_calls_that_come_in_are_rejected(exchange: Exchange) -> None:
    """Whoever calls the line from the trunk gets 403."""
    assert exchange.callees is not None
    async with RawAmi(exchange.callees) as ami:
        channel = f"PJSIP/caller/sip:5000@127.0.0.1:{exchange.line.ports.sip}"
        await ami.act(f"Channel: {channel}", "ChannelId: inbound", "Application: Wait", "Data: 1", action="Originate")

        hangup = await ami.event(lambda event: event.get("Event") == "Hangup" and event["Uniqueid"] == "inbound")

    assert (hangup["Cause"], hangup["TechCause"]) == ("21", "403")


@pytest.mark.parametrize("action", ["Command", "Reload", "ModuleLoad", "UpdateConfig", "UserEvent"])
async def test_manager_account_may_not(exchange: Exchange, action: str) -> None:
    """The AMI account cannot run commands or change the configuration."""
    async with RawAmi(exchange.line) as ami:
        response = await ami.act("Command: core show version", action=action)

    assert (response["Response"], response["Message"]) == ("Error", "Permission denied")


async def test_manager_account_may_not_reach_the_shell(exchange: Exchange) -> None:
    """Originate cannot run the System application."""
    async with RawAmi(exchange.line) as ami:
        response = await ami.act("Channel: Local/s@opendeep-reject", "Application: System", action="Originate")

    assert response["Message"] == "Originate Access Forbidden: app or data blacklisted"

"""The one action that places a call: its ids, both structures, and what it refuses."""

from dataclasses import replace
from uuid import UUID

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.phone.ami_message import checked
from opendeep_kit.phone.line import CallOrder
from opendeep_kit.phone.originate import Structure, originate

CALL_ID = UUID("11111111-2222-4333-8444-555555555555")
ORDER = CallOrder(call_id=CALL_ID, number="+12125550101", media_host="127.0.0.1", media_port=9092)


def test_channel_driver() -> None:
    """The default: AudioSocket is the channel, at the model's own rate, and runs the human leg."""
    headers = originate(ORDER, structure=Structure.CHANNEL_DRIVER, expires_at=1700000000)

    assert headers == {
        "ActionID": f"orig-{CALL_ID}",
        "Channel": f"AudioSocket/127.0.0.1:9092/{CALL_ID}/c(slin24)",
        "ChannelId": f"od-{CALL_ID}",
        "OtherChannelId": f"od-{CALL_ID}-2",
        "Context": "opendeep-human-leg",
        "Exten": "s",
        "Priority": "1",
        "Async": "true",
        "Timeout": "10000",
        "Variable": [
            f"__OPENDEEP_CALL_ID={CALL_ID}",
            "OPENDEEP_NUMBER=+12125550101",
            "OPENDEEP_RING_S=30",
            "OPENDEEP_MEDIA=127.0.0.1:9092",
            "OPENDEEP_EXPIRES=1700000000",
        ],
    }
    assert checked(headers) == headers


def test_local_and_app() -> None:
    """The original structure differs in the channel only; a caller id is one variable more."""
    headers = originate(ORDER, structure=Structure.LOCAL_AND_APP, expires_at=1700000000, caller_id="+12125550199")

    assert headers["Channel"] == "Local/s@opendeep-ai-leg"
    assert headers["Variable"][-1] == "OPENDEEP_CALLER_ID=+12125550199"
    assert checked(headers) == headers


HOSTILE = [
    "",
    "+",
    "12125550101",
    "+1 212 555 0101",
    "+12125550101\r\nAction: Command",
    "+12125550101\n",
    "+12125550101\0",
    '+1212555"0101',
    "+1212555'0101",
    "${EXTEN}",
    "+${SHELL(id)}",
    "+1212555abcd",
    "+12125550101@evil",
    "+12125550101&PJSIP/other",
    "+12125550101,30,g",
    "+0123456789",
    "+" + "1" * 200,
    "+١٢١٢٥٥٥٠١٠١",  # Arabic digits are digits, to `str.isdigit`
]


@pytest.mark.parametrize("number", HOSTILE)
def test_what_is_not_a_number_is_refused(number: str) -> None:
    """Nothing but + and digits is dialled; the error says what to write and does not repeat the input."""
    with pytest.raises(BadInput, match="write it as \\+, country code, digits") as told:
        originate(replace(ORDER, number=number), structure=Structure.CHANNEL_DRIVER, expires_at=0)

    assert len(number) < 2 or number not in str(told.value)


@pytest.mark.parametrize(
    ("host", "port"),
    [("", 1), ("a b", 1), ("127.0.0.1/x", 1), ("x\r\ny", 1), ("${A}", 1), ("127.0.0.1", 0), ("127.0.0.1", 70000)],
)
def test_media_address_is_checked(host: str, port: int) -> None:
    """Where the sound goes is an address and a port, nothing else."""
    with pytest.raises(BadInput, match="media server's address"):
        originate(replace(ORDER, media_host=host, media_port=port), structure=Structure.CHANNEL_DRIVER, expires_at=0)


@pytest.mark.parametrize(("field", "value"), [("line_format", "ulaw"), ("ring_limit_s", 0.4), ("ring_limit_s", 1e9)])
def test_format_and_ring_limit_are_checked(field: str, value: object) -> None:
    """`ulaw` would be sent under the name of linear sound; a ring limit is one to 999 seconds."""
    with pytest.raises(BadInput):
        originate(replace(ORDER, **{field: value}), structure=Structure.CHANNEL_DRIVER, expires_at=0)


def test_caller_id_is_checked() -> None:
    """The number we show is E.164 as well."""
    with pytest.raises(BadInput, match="the caller id is not E"):
        originate(ORDER, structure=Structure.CHANNEL_DRIVER, expires_at=0, caller_id="030123")

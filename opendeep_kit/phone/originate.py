"""Builds the one AMI action that places a call.

Given an order, returns the Originate action's headers, with ids that are ours before Asterisk knows the call. Refuses
everything that is not a plain number or address; never sends, and never mends what it was given.
"""

from __future__ import annotations

import re
from enum import StrEnum

from opendeep_kit.audio.pcm import LINE_RATES_HZ
from opendeep_kit.errors import BadInput
from opendeep_kit.numbers import checked
from opendeep_kit.phone.ami_message import CALL_ID_VARIABLE, channel_id
from opendeep_kit.phone.line import CallOrder

HUMAN_LEG = "opendeep-human-leg"
"""Context of `asterisk/extensions.conf` that dials the callee."""
AI_LEG = "Local/s@opendeep-ai-leg"
TRANSFER = "opendeep-transfer"
"""Context in which a handed-over callee is connected to a human."""
ANSWER_WITHIN_MS = 10_000
"""For our own leg, which answers at once; how long the callee may let it ring is the dialplan's `Dial`."""
_HOST = re.compile(r"[0-9A-Za-z]([0-9A-Za-z.-]{0,251}[0-9A-Za-z])?")


class Structure(StrEnum):
    """How the AI's half of the call comes about."""

    CHANNEL_DRIVER = "channel_driver"
    """`AudioSocket/host:port/uuid/c(format)`: two channels, wideband, fails at once without a media server."""
    LOCAL_AND_APP = "local_and_app"
    """`Local/s@opendeep-ai-leg` and the AudioSocket application: three channels, 8 kHz."""


def action_id(order: CallOrder) -> str:
    """By which OriginateResponse finds its call."""
    return f"orig-{order.call_id}"


def originate(
    order: CallOrder, *, structure: Structure, expires_at: int, caller_id: str = ""
) -> dict[str, str | list[str]]:
    """The headers of the Originate action.

    Args:
        expires_at: Unix seconds. A frozen Asterisk reads the action when it wakes; from then on the dialplan
            dials nobody.
        caller_id: E.164 number to show; empty leaves it to the trunk.

    Raises:
        BadInput: number, caller id, address, format or ring limit is not of the allowed shape.
    """
    number = checked(order.number, "the number to call")
    media = _media(order)
    if not 1 <= order.ring_limit_s <= 999:
        raise BadInput(f"a ring limit of {order.ring_limit_s} s", do="choose 1 to 999 seconds")
    ours = channel_id(order.call_id)
    if structure is Structure.CHANNEL_DRIVER:
        if order.line_format not in LINE_RATES_HZ:
            raise BadInput(f"line format {order.line_format!r}", do=f"choose one of {', '.join(LINE_RATES_HZ)}")
        channel = f"AudioSocket/{media}/{order.call_id}/c({order.line_format})"
    else:
        channel = AI_LEG
    variables = {
        # Two underscores: inherited by every channel that comes of this one.
        f"__{CALL_ID_VARIABLE}": str(order.call_id),
        "OPENDEEP_NUMBER": number,
        "OPENDEEP_RING_S": str(round(order.ring_limit_s)),
        "OPENDEEP_MEDIA": media,
        "OPENDEEP_EXPIRES": str(expires_at),
    }
    if caller_id:
        variables["OPENDEEP_CALLER_ID"] = checked(caller_id, "the caller id")
    return {
        "ActionID": action_id(order),
        "Channel": channel,
        "ChannelId": ours,
        "OtherChannelId": f"{ours}-2",
        "Context": HUMAN_LEG,
        "Exten": "s",
        "Priority": "1",
        "Async": "true",
        "Timeout": str(ANSWER_WITHIN_MS),
        "Variable": [f"{name}={value}" for name, value in variables.items()],
    }


def _media(order: CallOrder) -> str:
    if not _HOST.fullmatch(order.media_host) or not 1 <= order.media_port <= 65535:
        raise BadInput(
            "the media server's address is not host and port", do="give an IPv4 address or a host name, and its port"
        )
    return f"{order.media_host}:{order.media_port}"

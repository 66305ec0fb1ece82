"""Opens a connection to an OpenAI Realtime (or compatible) server, and explains a failure to do so.

Given the SDK's client and the settings, connects once. Never retries: whoever holds the call decides that.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import openai
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from opendeep_kit.errors import BadInput, OpenDeepError, Unavailable
from opendeep_kit.settings import VoiceSettings
from opendeep_kit.voice import wire
from opendeep_kit.voice.session_setup import SessionSetup, session_update

TURNED_AWAY_S, LONGEST_WAIT_S = 20.0, 300.0
"""The wait after a 429 that names none; the longest wait that is believed."""

CLOSE_S = 1.0
"""A lost server does not answer a close: the call must not wait for it."""


class TurnedAway(Unavailable):
    """The provider has no capacity for us now."""

    wait_s = TURNED_AWAY_S
    """Until it may have."""


async def connect(client: openai.AsyncOpenAI, settings: VoiceSettings) -> AsyncRealtimeConnection:
    """A connection, not yet configured.

    Raises:
        BadInput, Unavailable: see `handshake_failure`.
    """
    manager = client.realtime.connect(
        model=settings.model,
        websocket_connection_options={
            "open_timeout": settings.connect_timeout_s,  # type: ignore[typeddict-unknown-key]
            "close_timeout": CLOSE_S,
        },
    )
    try:
        return await manager.enter()
    except (OSError, TimeoutError, InvalidHandshake) as error:
        raise handshake_failure(error, str(client.base_url)) from error


async def check_voice(client: openai.AsyncOpenAI, settings: VoiceSettings) -> None:
    """Connect and configure once, before any callee is disturbed.

    Raises:
        BadInput: key, model or session settings are refused.
        Unavailable: the server does not answer.
    """
    connection = await connect(client, settings)
    try:
        async with asyncio.timeout(settings.connect_timeout_s):
            await connection.send_raw(session_update(SessionSetup(instructions="Check.", tools=()), settings))
            while not isinstance(event := wire.parse(await connection.recv_bytes()), wire.SessionUpdated):
                if isinstance(event, wire.ServerError):
                    raise refusal(event.error)
    except (ConnectionClosed, TimeoutError) as error:
        raise Unavailable("the voice model hung up before it was configured", do="look at its log") from error
    finally:
        with contextlib.suppress(ConnectionClosed, OSError, TimeoutError):
            await connection.close()


def handshake_failure(error: Exception, base_url: str) -> OpenDeepError:
    """What a failed connection attempt means to the person who set it up."""
    status = error.response.status_code if isinstance(error, InvalidStatus) else 0
    if status in (401, 403):
        return BadInput(
            f"the voice model's server refused the API key (HTTP {status})",
            do="set OPENAI_API_KEY or voice.api_key to a key that this server accepts",
        )
    if status == 404:
        return BadInput(
            f"there is no Realtime server at {base_url} (HTTP 404)",
            do="check voice.base_url; it usually ends in /v1",
        )
    if status == 429:
        limited = TurnedAway(
            "the voice model's server has no capacity for us (HTTP 429)", do="wait, or raise the account's limits"
        )
        limited.wait_s = _retry_after(error)
        return limited
    return Unavailable(
        f"the voice model's server at {base_url} does not answer", do="check voice.base_url and that it is running"
    )


def _retry_after(error: Exception) -> float:
    """What the answer asks for, in seconds; a date or nonsense counts as nothing."""
    asked = error.response.headers.get("Retry-After", "") if isinstance(error, InvalidStatus) else ""
    return min(float(asked), LONGEST_WAIT_S) if asked.isascii() and asked.isdigit() else TURNED_AWAY_S


def refusal(error: Mapping[str, Any]) -> BadInput:
    """What an error during configuration means: our settings do not suit this server."""
    return BadInput(
        f"the voice model refused the session settings ({error.get('message') or error.get('code')})",
        do="correct the [voice] section of the settings",
    )

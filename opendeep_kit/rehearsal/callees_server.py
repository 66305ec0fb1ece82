"""The telephones of the rehearsal's public: an AudioSocket server at whose other end the personas talk.

Given a connection whose UUID is a number (see `public.callee_uuid`), lets the persona at that number hold the call.
The line simulator connects here, and so does the callee-side Asterisk. Never knows what the agent's side does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self
from uuid import UUID

import numpy as np

from opendeep_kit.audio.pacing import Pacer
from opendeep_kit.errors import BadInput
from opendeep_kit.phone.audiosocket_server import AudioSocketConnection, AudioSocketServer
from opendeep_kit.rehearsal.callee import Callee
from opendeep_kit.rehearsal.engines import Ears, Mouth, VoiceProbability
from opendeep_kit.rehearsal.personas import persona
from opendeep_kit.rehearsal.public import Behaviour, number_called, subscriber
from opendeep_kit.settings import PhoneSettings

FIRST_SOUND_S = 0.5
"""Waits so long for the line's own rate before speaking at the setting's."""


class CalleesServer:
    """All personas, at one address.

    Args:
        new_detector: makes a voice detector for one call.
        seed: of the background noise.
    """

    def __init__(
        self,
        *,
        ears: Ears,
        mouth: Mouth,
        new_detector: Callable[[], VoiceProbability],
        settings: PhoneSettings,
        seed: int = 0,
    ) -> None:
        self._ears, self._mouth, self._new_detector = ears, mouth, new_detector
        self._seed = seed
        self._server = AudioSocketServer(admit=self._is_somebody, handle=self._talk, settings=settings)

    async def start(self) -> int:
        """Listen. Returns the port.

        Raises:
            BadInput: the port is taken.
        """
        try:
            return await self._server.start()
        except BadInput as error:
            raise BadInput(
                f"the callees' telephones: {error.what}",
                do="stop the program that uses that port, or set rehearsal.callees_port (0 takes any free one)",
            ) from None

    async def close(self) -> None:
        """Everybody hangs up."""
        await self._server.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    async def _is_somebody(self, uuid: UUID) -> bool:
        return subscriber(number_called(uuid)).behaviour is Behaviour.TALKS

    async def _talk(self, connection: AudioSocketConnection) -> None:
        who = persona(subscriber(number_called(connection.call_id)).persona)
        rate_hz = await self._line_rate(connection)
        callee = Callee(
            who,
            rate_hz=rate_hz,
            ears=self._ears,
            mouth=self._mouth,
            detector=self._new_detector(),
            rng=np.random.default_rng(self._seed),
        )
        connection.on_sound = lambda rate, pcm: callee.hear(pcm) if rate == rate_hz else None
        loop = asyncio.get_running_loop()
        pacer = Pacer(connection.clock_started_at, lead_ms=0, next_slot=connection.slots_sent)
        callee.pick_up()
        try:
            while not connection.closed.done() and not callee.wants_hang_up:
                for _ in pacer.due(loop.time()):
                    connection.send_frame(callee.next_frame(), rate_hz)
                await asyncio.sleep(max(0.0, pacer.wake_at() - loop.time()))
        finally:
            await callee.close()

    async def _line_rate(self, connection: AudioSocketConnection) -> int:
        """The rate at which the line speaks to us: we answer in the same."""
        loop = asyncio.get_running_loop()
        until = loop.time() + FIRST_SOUND_S
        while connection.peer_rate_hz is None and loop.time() < until and not connection.closed.done():
            connection.send_frame(self._server.silence, self._server.line_rate_hz)
            await asyncio.sleep(0.02)
        return connection.peer_rate_hz or self._server.line_rate_hz

"""A bare AMI connection for the line's own tests: they shall not lean on the client they help to check."""

import asyncio
import time
from collections.abc import Callable
from typing import Self
from uuid import UUID, uuid4

from opendeep_kit.asterisk.instance import AsteriskInstance

Message = dict[str, str]


class RawAmi:
    """Sends actions, keeps every event."""

    def __init__(self, instance: AsteriskInstance) -> None:
        self._instance = instance
        self.events: list[Message] = []
        self._came = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._instance.ports.ami)
        await self._reader.readline()
        self._task = asyncio.create_task(self._read())
        secret = self._instance.ami_secret.get_secret_value()
        await self.act(f"Username: {self._instance.ami_user}", f"Secret: {secret}", action="Login")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._task

    async def act(self, *lines: str, action: str) -> Message:
        """The response to one action."""
        number = str(uuid4())
        self._writer.write("\r\n".join((f"Action: {action}", f"ActionID: {number}", *lines, "", "")).encode())
        return await self.event(lambda event: event.get("ActionID") == number and "Response" in event)

    async def event(self, wanted: Callable[[Message], bool], limit_s: float = 20.0) -> Message:
        """The first message that is wanted, past or coming."""
        async with asyncio.timeout(limit_s), self._came:
            while (found := next(filter(wanted, self.events), None)) is None:
                await self._came.wait()
            return found

    async def originate(self, channel: str, call_id: UUID, **variables: str) -> Message:
        """Place one call through the human leg's context."""
        variables = {"OPENDEEP_EXPIRES": str(int(time.time()) + 10), "OPENDEEP_RING_S": "20"} | variables
        lines = [f"Variable: {name}={value}" for name, value in variables.items()]
        return await self.act(
            f"Channel: {channel}",
            f"ChannelId: od-{call_id}",
            f"OtherChannelId: od-{call_id}-2",
            "Context: opendeep-human-leg",
            "Exten: s",
            "Priority: 1",
            "Async: true",
            f"Variable: __OPENDEEP_CALL_ID={call_id}",
            *lines,
            action="Originate",
        )

    async def human_leg_ended(self, call_id: UUID) -> Message:
        """The Hangup of the callee's leg."""
        return await self.event(
            lambda event: (
                event.get("Event") == "Hangup"
                and event["Channel"].startswith("PJSIP/")
                and event["Linkedid"] == f"od-{call_id}"
            )
        )

    async def told(self, event_name: str, call_id: UUID) -> Message:
        """A UserEvent of our dialplan."""
        return await self.event(lambda event: event.get("UserEvent") == event_name and event["CallId"] == str(call_id))

    async def _read(self) -> None:
        while True:
            try:
                text = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            pairs = [line.partition(":") for line in text.split("\r\n") if line]
            async with self._came:
                self.events.append({name: value.strip() for name, _, value in pairs})
                self._came.notify_all()

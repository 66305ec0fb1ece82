"""One connection to Asterisk's manager interface, for its lifetime.

Given bytes, cuts them into whole messages (so that no character is lost between two packets) and tells answers from
events; given an action, writes it once and waits for its answer within a limit. Never reconnects, never keeps an
action for later: what is unanswered when the connection ends has failed.

panoramisk 1.4 gives the protocol, actions and messages. Its Manager is not used: it sends old actions again after a
reconnection, never gives up on a dead peer, and swallows OriginateResponse.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from opendeep_kit.errors import PeerMisbehaved, Unavailable
from opendeep_kit.phone.ami_message import AmiEvent, AmiReply

MAX_MESSAGE = 1 << 20
"""Bytes without an end of message: that is not AMI."""
END = b"\r\n\r\n"


class Wire(AMIProtocol):  # type: ignore[misc]
    """One connection, for its lifetime. Whole messages are decoded, so that no character is cut in two."""

    def __init__(self, on_event: Callable[[Wire, AmiEvent], None]) -> None:
        self._on_event = on_event
        self._unread = b""
        loop = asyncio.get_running_loop()
        self.responses: dict[str, Action] = {}
        self.lost: asyncio.Future[str] = loop.create_future()
        """Done when the connection is over; says why."""
        self.booted: asyncio.Future[str] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.encoding = "utf-8"
        self.factory = SimpleNamespace(dispatch=self._dispatch)

    def data_received(self, data: bytes) -> None:
        *blocks, self._unread = (self._unread + data).split(END)
        if len(self._unread) > MAX_MESSAGE:
            self.cut("sent something that is not AMI")
            return
        for block in blocks:
            text = block.decode("utf-8", "replace").strip("\r\n")
            if text.startswith("Asterisk Call Manager/"):
                text = text.partition("\r\n")[2]
            message = Message.from_line(text)
            if message is not None:
                self.handle_message(message)

    def handle_message(self, message: Message) -> None:
        """An event is an answer only where a list was asked for: OriginateResponse stays an event."""
        asked = self.responses.get(message.id)
        if "event" in message and (asked is None or not asked.as_list):
            self._dispatch(message)
        else:
            super().handle_message(message)

    def connection_lost(self, exc: Exception | None) -> None:
        self.cut("reset the connection" if exc else "closed the connection")

    def cut(self, reason: str) -> None:
        """End it now. Whoever waits for an answer is told; nothing is kept for later."""
        self.closed = True
        self.transport.abort()
        if not self.lost.done():
            self.lost.set_result(reason)
        waiting, self.responses = self.responses, {}
        for action in waiting.values():
            if not action.future.done():
                action.future.set_exception(unreachable(reason))

    async def ask(self, action: str, headers: Mapping[str, Any], *, within_s: float, as_list: bool) -> Any:
        """Write one action, wait for its answer, and forget it whatever happens."""
        if self.lost.done() or self.transport.is_closing():
            raise unreachable(self.lost.result() if self.lost.done() else "closes the connection")
        asked = Action({"Action": action, **headers}, as_list=as_list)
        try:
            async with asyncio.timeout(within_s):
                return await self.send(asked, as_list=as_list)
        finally:
            self.responses.pop(asked.id, None)

    def _dispatch(self, message: Message) -> None:
        if message.event == "FullyBooted" and not self.booted.done():
            self.booted.set_result("booted")
        self._on_event(self, event_of(message))


def unreachable(reason: str) -> Unavailable:
    """The one error for a link that is not there."""
    return Unavailable(
        f"Asterisk's manager interface {reason}",
        do="check that Asterisk is running (`opendeep asterisk status`) and that its host and AMI port are right",
    )


def headers_of(message: Message) -> dict[str, str]:
    """By lower-case name, repeated ones joined by line ends."""
    return {
        name.lower(): value if isinstance(value, str) else "\n".join(value)
        for name, value in message.items()
        if name != "content"
    }


def event_of(message: Message) -> AmiEvent:
    """The message as an event."""
    return AmiEvent(message.event, headers_of(message))


def reply_of(message: Message) -> AmiReply:
    """The message as an answer."""
    return AmiReply(message.response in ("Success", "Goodbye"), message.message, headers_of(message))


def entries_of(answer: Any, action: str) -> list[AmiEvent]:
    """The entries between a list's start and its `…Complete`."""
    if not isinstance(answer, list):
        raise PeerMisbehaved(
            f"Asterisk refused {action} ({answer.message})", do="give the AMI user write = reporting, call"
        )
    return [event_of(message) for message in answer[1:-1]]

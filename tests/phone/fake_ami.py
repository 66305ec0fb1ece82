"""Asterisk's end of an AMI connection, by hand, for what a real one does once a year."""

from __future__ import annotations

import asyncio
from typing import Self

from pydantic import SecretStr

from opendeep_kit.phone.ami_client import AmiAccount

Action = dict[str, str]


class FakeAmi:
    """Answers like Asterisk, until told otherwise."""

    def __init__(self) -> None:
        self.actions: list[Action] = []
        """Everything that was asked, over all connections."""
        self.secret = "right"
        self.started_at = "10:00:00"
        self.channels: list[str] = []
        """Uniqueids in CoreShowChannels."""
        self.tells_of_calls = True
        """Says what came of an Originate."""
        self.cuts_at = ""
        """The action at which the connection breaks."""
        self.is_frozen = False
        """Takes bytes and says nothing."""
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    @property
    def account(self) -> AmiAccount:
        return AmiAccount(port=self.port, username="opendeep", secret=SecretStr("right"))

    @property
    def is_connected(self) -> bool:
        """Whether anybody is."""
        return bool(self._writers)

    def asked(self, name: str) -> list[Action]:
        """The actions of this name."""
        return [action for action in self.actions if action["Action"] == name]

    def say(self, data: bytes) -> None:
        """Write to everybody who is connected."""
        for writer in self._writers:
            writer.write(data)

    def event(self, name: str, **headers: str) -> None:
        """Send an event."""
        self.say(_text({"Event": name, **headers}))

    def cut(self) -> None:
        """Drop every connection."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop_listening(self) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop_listening()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while block := await reader.readuntil(b"\r\n\r\n"):
                action = dict(line.split(": ", 1) for line in block.decode().strip().split("\r\n"))
                self.actions.append(action)
                if not self.is_frozen:
                    self._answer(action, writer)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, action: Action, writer: asyncio.StreamWriter) -> None:
        mark = {"ActionID": action["ActionID"]}
        success = _text({"Response": "Success", "Message": "Fine", **mark})
        match action["Action"]:
            case name if name == self.cuts_at:
                self.cut()
            case "Login" if action["Secret"] != self.secret:
                writer.write(_text({"Response": "Error", "Message": "Authentication failed", **mark}))
            case "Login":
                writer.write(success + _text({"Event": "FullyBooted"}))
            case "CoreStatus":
                status = {"CoreStartupDate": "2026-01-01", "CoreStartupTime": self.started_at}
                writer.write(_text({"Response": "Success", **mark, **status}))
            case "CoreShowChannels":
                writer.write(_text({"Response": "Success", "EventList": "start", "Message": "follows", **mark}))
                for uniqueid in self.channels:
                    entry = {"Event": "CoreShowChannel", "Uniqueid": uniqueid, "Linkedid": uniqueid}
                    writer.write(_text({**entry, **mark}))
                writer.write(_text({"Event": "CoreShowChannelsComplete", "EventList": "Complete", **mark}))
            case "Originate" if self.tells_of_calls:
                # Asterisk originates in a thread of its own: the outcome may come before the acknowledgement.
                outcome = {"Event": "OriginateResponse", "Response": "Failure", "Reason": "8", **mark}
                writer.write(_text(outcome) + success)
            case _:
                writer.write(success)


def _text(headers: dict[str, str]) -> bytes:
    return ("".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode()

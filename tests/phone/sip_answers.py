"""A carrier that answers as it is told to: a small SIP user agent on UDP, its answer chosen by the dialled number."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator
from enum import StrEnum
from typing import cast

Address = tuple[str, int]


class Manner(StrEnum):
    """The last digit but three of the number; the last three are the SIP code."""

    AT_ONCE = "0"
    AFTER_RINGING = "1"
    """180 Ringing, and the code a little later."""
    SILENT = "2"
    """200 OK with an address for sound, and never a packet."""
    RINGS = "3"
    """180 Ringing and nothing more."""


def number(code: int, manner: Manner = Manner.AT_ONCE) -> str:
    """What to dial for this answer."""
    return f"+1212555{manner}{code}"


class SipAnswers(asyncio.DatagramProtocol):
    """Answers INVITEs by their number, and CANCEL and BYE as RFC 3261 says. Everything is sent once: it is loopback."""

    def __init__(self, sound_port: int) -> None:
        self._sound_port = sound_port
        self._transport: asyncio.DatagramTransport
        self._invites: dict[str, list[str]] = {}
        self.port = 0
        self.callers: list[str] = []
        """From whom the INVITEs came, as their header says."""
        self.seen: Counter[str] = Counter()
        """Requests by method; retransmissions of an INVITE do not count."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Address) -> None:
        lines = data.decode().partition("\r\n\r\n")[0].split("\r\n")
        method = lines[0].split()[0]
        call = next(line for line in lines if line.lower().startswith("call-id"))
        if method == "INVITE" and call in self._invites:
            return
        self.seen[method] += 1
        match method:
            case "INVITE":
                self._invites[call] = lines
                self.callers += [line for line in lines if line.lower().startswith("from:")]
                self._answer_invite(lines, addr)
            case "CANCEL":
                self._reply(lines, addr, 200)
                self._reply(self._invites[call], addr, 487)
            case "BYE":
                self._reply(lines, addr, 200)

    def _answer_invite(self, lines: list[str], addr: Address) -> None:
        dialled = re.match(r"INVITE sip:\+1212555(\d)(\d{3})@", lines[0])
        assert dialled is not None, lines[0]
        manner, code = Manner(dialled[1]), int(dialled[2])
        self._reply(lines, addr, 100)
        if manner in (Manner.AFTER_RINGING, Manner.RINGS):
            self._reply(lines, addr, 180)
        if manner is Manner.AFTER_RINGING:
            asyncio.get_running_loop().call_later(0.2, self._reply, lines, addr, code)
        elif manner is not Manner.RINGS:
            self._reply(lines, addr, code)

    def _reply(self, request: list[str], addr: Address, code: int) -> None:
        kept = [line for line in request if re.match(r"(?i)(via|from|to|call-id|cseq):", line)]
        kept = [f"{line};tag=answers" if line.lower().startswith("to:") and code > 100 else line for line in kept]
        body = ""
        if code == 200 and request[0].startswith("INVITE"):
            body = (
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
                f"m=audio {self._sound_port} RTP/AVP 0\r\n"
            )
            kept.append("Content-Type: application/sdp")
        kept += [f"Contact: <sip:+19005550100@127.0.0.1:{self.port}>", f"Content-Length: {len(body)}"]
        self._transport.sendto("\r\n".join((f"SIP/2.0 {code} As told", *kept, "", body)).encode(), addr)


@contextlib.asynccontextmanager
async def sip_answers() -> AsyncIterator[SipAnswers]:
    """The carrier, on a free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        loop = asyncio.get_running_loop()
        transport, answers = await loop.create_datagram_endpoint(
            lambda: SipAnswers(deaf.getsockname()[1]), local_addr=("127.0.0.1", 0)
        )
        try:
            yield answers
        finally:
            transport.close()

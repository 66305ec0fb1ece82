"""The AudioSocket protocol, both ends, without I/O.

Given bytes as they come from the socket, returns messages; given messages, returns bytes. A message is one byte of
kind, two bytes of payload length (big endian) and the payload; sound is signed 16 bit little-endian mono. Anything
the protocol does not know is an error: Asterisk itself hangs up on it.
Source: Asterisk 22 include/asterisk/res_audiosocket.h and res/res_audiosocket.c.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from uuid import UUID

from opendeep_kit.errors import PeerMisbehaved


class Kind(IntEnum):
    """First byte of a message."""

    HANGUP = 0x00
    """The sender ends the call. Only servers send it; Asterisk just closes."""
    UUID = 0x01
    """First message of every connection, from Asterisk: which call this is."""
    DTMF = 0x03
    """A key was pressed (from Asterisk only)."""
    SLIN8 = 0x10
    SLIN12 = 0x11
    SLIN16 = 0x12
    SLIN24 = 0x13
    SLIN32 = 0x14
    SLIN44 = 0x15
    SLIN48 = 0x16
    SLIN96 = 0x17
    SLIN192 = 0x18
    ERROR = 0xFF
    """In the header file, sent by nobody in 22.10; servers must not send it: it kills the call."""


RATE_OF_KIND: dict[int, int] = {
    Kind.SLIN8: 8000,
    Kind.SLIN12: 12000,
    Kind.SLIN16: 16000,
    Kind.SLIN24: 24000,
    Kind.SLIN32: 32000,
    Kind.SLIN44: 44100,
    Kind.SLIN48: 48000,
    Kind.SLIN96: 96000,
    Kind.SLIN192: 192000,
}
"""Hertz by kind."""
KIND_OF_RATE = {rate: kind for kind, rate in RATE_OF_KIND.items()}
LENGTHS_OF_KIND: dict[int, tuple[int, int]] = {
    Kind.HANGUP: (0, 64),
    Kind.UUID: (16, 16),
    Kind.DTMF: (1, 1),
    Kind.ERROR: (0, 64),
}
"""Shortest and longest payload of what is not sound."""
DIGITS = frozenset(b"0123456789*#ABCD")
HEADER_BYTES = 3
HANGUP = bytes((Kind.HANGUP, 0, 0))
"""Exactly three zero bytes: with a payload Asterisk closes on unread data and we see a reset."""


class AudioSocketError(PeerMisbehaved):
    """The peer sent something that is not AudioSocket."""

    def __init__(self, what: str) -> None:
        super().__init__(what, do="let only Asterisk connect to this port, release 22.7 or later")


@dataclass(frozen=True, slots=True)
class Hangup:
    """The peer ends the call."""


@dataclass(frozen=True, slots=True)
class CallId:
    """Which call this connection belongs to."""

    uuid: UUID


@dataclass(frozen=True, slots=True)
class Digit:
    """A key was pressed: one of 0-9 * # A-D."""

    digit: str


@dataclass(frozen=True, slots=True)
class Sound:
    """Some milliseconds of sound; any length, the callee's packets decide."""

    rate_hz: int
    pcm: bytes


@dataclass(frozen=True, slots=True)
class ErrorReported:
    """The peer reports an error."""

    code: int


Message = Hangup | CallId | Digit | Sound | ErrorReported


def encode_call_id(uuid: UUID) -> bytes:
    """The first message of a connection."""
    return bytes((Kind.UUID, 0, 16)) + uuid.bytes


def encode_digit(digit: str) -> bytes:
    """A key press."""
    code = digit.encode("ascii", "replace")
    if len(code) != 1 or code[0] not in DIGITS:
        raise ValueError(f"{digit!r} is not a telephone key")
    return bytes((Kind.DTMF, 0, 1)) + code


def encode_sound(pcm: bytes, rate_hz: int) -> bytes:
    """Sound; header and payload in one piece, for one `write`."""
    kind = KIND_OF_RATE.get(rate_hz)
    if kind is None:
        raise ValueError(f"AudioSocket has no kind for {rate_hz} Hz")
    length = len(pcm)
    if not 0 < length <= 0xFFFF or length % 2:
        raise ValueError(f"{length} bytes of sound; a message takes 2..65534, an even number")
    return bytes((kind, length >> 8, length & 0xFF)) + pcm


class Decoder:
    """Bytes in, messages out. After an error it stays in error.

    Args:
        max_sound_ms: longer pieces of sound in one message are refused: nobody's packet time is a second.
    """

    def __init__(self, *, max_sound_ms: int = 1000) -> None:
        self._buffer = bytearray()
        self._max_sound_ms = max_sound_ms
        self._error: AudioSocketError | None = None

    def receive_data(self, data: bytes) -> list[Message]:
        """All messages that are complete now.

        Raises:
            AudioSocketError: the stream is not AudioSocket; what came before the fault is lost with it.
        """
        if self._error is not None:
            raise self._error
        buffer = self._buffer
        buffer += data
        messages: list[Message] = []
        at, end = 0, len(buffer)
        try:
            while end - at >= HEADER_BYTES:
                kind, length = buffer[at], buffer[at + 1] << 8 | buffer[at + 2]
                self._check_length(kind, length)
                after = at + HEADER_BYTES + length
                if after > end:
                    break
                messages.append(self._message(kind, bytes(buffer[at + HEADER_BYTES : after])))
                at = after
        except AudioSocketError as error:
            self._error = error
            raise
        del buffer[:at]
        return messages

    def receive_eof(self) -> None:
        """The peer closed.

        Raises:
            AudioSocketError: in the middle of a message.
        """
        if self._buffer:
            raise AudioSocketError(f"the peer closed {len(self._buffer)} bytes into a message")

    def _check_length(self, kind: int, length: int) -> None:
        """Refuse what cannot become a message, before waiting for its payload."""
        rate = RATE_OF_KIND.get(kind)
        if rate is not None:
            if length == 0 or length % 2:
                raise AudioSocketError(f"a sound message of {length} bytes")
            if length > rate * 2 * self._max_sound_ms // 1000:
                raise AudioSocketError(f"a sound message of {length} bytes, longer than {self._max_sound_ms} ms")
            return
        allowed = LENGTHS_OF_KIND.get(kind)
        if allowed is None:
            raise AudioSocketError(f"unknown message kind 0x{kind:02x}")
        if not allowed[0] <= length <= allowed[1]:
            raise AudioSocketError(f"a {Kind(kind).name} message of {length} bytes")

    @staticmethod
    def _message(kind: int, payload: bytes) -> Message:
        rate = RATE_OF_KIND.get(kind)
        if rate is not None:
            return Sound(rate, payload)
        if kind == Kind.UUID:
            return CallId(UUID(bytes=payload))
        if kind == Kind.DTMF:
            if payload[0] not in DIGITS:
                raise AudioSocketError(f"0x{payload[0]:02x} is not a telephone key")
            return Digit(payload.decode("ascii"))
        if kind == Kind.HANGUP:
            return Hangup()
        return ErrorReported(payload[0] if payload else 0)

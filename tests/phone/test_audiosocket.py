"""The AudioSocket codec, against bytes written by hand from Asterisk's source."""

import contextlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendeep_kit.phone.audiosocket import (
    HANGUP,
    AudioSocketError,
    CallId,
    Decoder,
    Digit,
    ErrorReported,
    Hangup,
    Message,
    Sound,
    encode_call_id,
    encode_digit,
    encode_sound,
)

CALL = UUID("00112233-4455-6677-8899-aabbccddeeff")
CALL_BYTES = bytes.fromhex("01 0010 00112233445566778899aabbccddeeff")
KINDS = [
    (0x10, 8000),
    (0x11, 12000),
    (0x12, 16000),
    (0x13, 24000),
    (0x14, 32000),
    (0x15, 44100),
    (0x16, 48000),
    (0x17, 96000),
    (0x18, 192000),
]

sounds = st.builds(
    Sound,
    st.sampled_from([rate for _, rate in KINDS]),
    st.integers(1, 400).flatmap(lambda n: st.binary(min_size=2 * n, max_size=2 * n)),
)
digits = st.builds(Digit, st.sampled_from("0123456789*#ABCD"))
streams = st.lists(st.one_of(sounds, digits, st.builds(CallId, st.uuids())), min_size=1, max_size=6)


def encode(message: Message) -> bytes:
    """Bytes of one message."""
    match message:
        case Sound(rate_hz=rate, pcm=pcm):
            return encode_sound(pcm, rate)
        case Digit(digit=digit):
            return encode_digit(digit)
        case CallId(uuid=uuid):
            return encode_call_id(uuid)
    return HANGUP


def decode(data: bytes) -> list[Message]:
    """All messages of one piece."""
    return Decoder().receive_data(data)


def test_call_id_both_ways() -> None:
    """The first message is 19 bytes, the UUID in the order of its text."""
    assert encode_call_id(CALL) == CALL_BYTES
    assert decode(CALL_BYTES) == [CallId(CALL)]


@pytest.mark.parametrize(("kind", "rate_hz"), KINDS)
def test_sound_both_ways(kind: int, rate_hz: int) -> None:
    """Each rate has its kind; the length is big endian, the samples pass untouched."""
    pcm = bytes(range(256)) + b"\x01\x80"
    data = bytes((kind, 0x01, 0x02)) + pcm

    assert encode_sound(pcm, rate_hz) == data
    assert decode(data) == [Sound(rate_hz, pcm)]


@pytest.mark.parametrize("key", "0123456789*#ABCD")
def test_digit_both_ways(key: str) -> None:
    """A key press is one ASCII byte."""
    assert encode_digit(key) == b"\x03\x00\x01" + key.encode()
    assert decode(b"\x03\x00\x01" + key.encode()) == [Digit(key)]


def test_hang_up_both_ways() -> None:
    """A hang-up is exactly three zero bytes; with a payload it is understood."""
    assert HANGUP == b"\x00\x00\x00"
    assert decode(HANGUP) == [Hangup()]
    assert decode(b"\x00\x00\x02ab") == [Hangup()]


def test_error_is_understood() -> None:
    """The error kind of the header file is read, with or without its code."""
    assert decode(b"\xff\x00\x01\x04\xff\x00\x00") == [ErrorReported(4), ErrorReported(0)]


@given(streams)
def test_split_at_every_byte_gives_the_same(messages: list[Message]) -> None:
    """TCP may cut a stream anywhere: the messages are the same wherever the cut falls."""
    data = b"".join(map(encode, messages))

    for at in range(0, len(data) + 1, max(1, len(data) // 200)):
        decoder = Decoder()
        assert decoder.receive_data(data[:at]) + decoder.receive_data(data[at:]) == messages
        decoder.receive_eof()


@given(streams, st.integers(1, 7))
def test_any_piece_length_gives_the_same(messages: list[Message], length: int) -> None:
    """Byte by byte, or in pieces that never fit a message, the messages are the same."""
    data = b"".join(map(encode, messages))
    decoder = Decoder()

    got = [m for at in range(0, len(data), length) for m in decoder.receive_data(data[at : at + length])]

    assert got == messages


@given(st.binary(max_size=600), st.integers(1, 599))
def test_noise_never_breaks_the_decoder(data: bytes, at: int) -> None:
    """Random bytes give messages or AudioSocketError, nothing else."""
    decoder = Decoder()
    with contextlib.suppress(AudioSocketError):
        decoder.receive_data(data[:at])
        decoder.receive_data(data[at:])
        decoder.receive_eof()


@pytest.mark.parametrize("kind", [0x02, 0x04, 0x0F, 0x19, 0x7F, 0xFE])
def test_unknown_kind_is_refused(kind: int) -> None:
    """Asterisk knows no such kind: the stream is out of step or not AudioSocket."""
    with pytest.raises(AudioSocketError, match=f"0x{kind:02x}"):
        decode(bytes((kind, 0, 0)))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x10\x00\x00", "sound message of 0 bytes"),
        (b"\x10\x01\x41", "sound message of 321 bytes"),
        (b"\x10\x3e\x82", "16002 bytes, longer than 1000 ms"),
        (b"\x13\xbb\x82", "48002 bytes, longer than 1000 ms"),
        (b"\x01\x00\x0f", "UUID message of 15 bytes"),
        (b"\x01\x00\x11", "UUID message of 17 bytes"),
        (b"\x03\x00\x00", "DTMF message of 0 bytes"),
        (b"\x03\x00\x02", "DTMF message of 2 bytes"),
        (b"\x00\x00\x41", "HANGUP message of 65 bytes"),
        (b"\x03\x00\x01Z", "0x5a is not a telephone key"),
    ],
)
def test_impossible_message_is_refused_at_its_header(data: bytes, what: str) -> None:
    """A length that cannot be is an error at once, before its payload is waited for."""
    with pytest.raises(AudioSocketError, match=what):
        decode(data)


def test_longest_sound_is_taken() -> None:
    """A whole second in one message is the most that is accepted."""
    assert decode(b"\x10\x3e\x80" + bytes(16000)) == [Sound(8000, bytes(16000))]


def test_error_stays() -> None:
    """After an error nothing is believed any more, however valid."""
    decoder = Decoder()
    with pytest.raises(AudioSocketError):
        decoder.receive_data(b"\x77\x00\x00")

    with pytest.raises(AudioSocketError, match="0x77"):
        decoder.receive_data(CALL_BYTES)


@pytest.mark.parametrize("kept", [1, 2, 3, 18])
def test_truncated_message_is_noticed(kept: int) -> None:
    """A peer that closes inside a message is told from one that closes between two."""
    decoder = Decoder()
    assert decoder.receive_data(CALL_BYTES + CALL_BYTES[:kept]) == [CallId(CALL)]

    with pytest.raises(AudioSocketError, match=f"{kept} bytes into a message"):
        decoder.receive_eof()


@pytest.mark.parametrize("pcm", [b"", b"\x00", bytes(65536)])
def test_sound_that_cannot_be_sent(pcm: bytes) -> None:
    """Nothing, half a sample, or more than the length field can say is not encoded."""
    with pytest.raises(ValueError, match="even number"):
        encode_sound(pcm, 8000)


def test_rate_without_a_kind() -> None:
    """22,050 Hz cannot be sent."""
    with pytest.raises(ValueError, match="22050 Hz"):
        encode_sound(b"\0\0", 22050)


@pytest.mark.parametrize("key", ["", "12", "x", "é", "E"])
def test_digit_that_is_no_key(key: str) -> None:
    """Only the sixteen telephone keys are encoded."""
    with pytest.raises(ValueError, match="telephone key"):
        encode_digit(key)

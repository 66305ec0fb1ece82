"""Sound between the telephone line and the model: rates, G.711, and chunks of the size that is sent. Pure.

Given PCM at the line's rate, hands out chunks in the model's format; given the model's deltas, hands out PCM at the
line's rate. Never drops or queues sound.
"""

from __future__ import annotations

from collections.abc import Sequence

from opendeep_kit.audio.g711 import decode, encode
from opendeep_kit.audio.pcm import MODEL_RATE_HZ, bytes_per_ms
from opendeep_kit.audio.resample import Resampler
from opendeep_kit.voice import wire

G711_RATE_HZ = 8000


class ModelAudio:
    """One call's sound, both ways.

    Args:
        audio_format: `pcm24`, `pcmu` or `pcma`.
        chunk_ms: length of a chunk for the model.
    """

    def __init__(self, audio_format: str, *, line_rate_hz: int, chunk_ms: int) -> None:
        self._law = "" if audio_format == "pcm24" else audio_format
        rate_hz = G711_RATE_HZ if self._law else MODEL_RATE_HZ
        self._is_resampled = line_rate_hz != rate_hz
        self._up = Resampler(line_rate_hz, rate_hz)
        self._down = Resampler(rate_hz, line_rate_hz)
        self._chunk = bytearray()
        self._chunk_bytes = int(chunk_ms * bytes_per_ms(rate_hz))
        self._half, self._half_of = b"", ""
        """Half a sample, and the item that it belongs to."""

    def to_model(self, pcm: bytes) -> Sequence[bytes]:
        """More of the callee's sound in, the chunks that it completes out."""
        chunk = self._chunk
        chunk += self._up.feed(pcm) if self._is_resampled else pcm
        missing = self._chunk_bytes - len(chunk)
        if missing > 0:
            return ()
        if missing < 0:
            return self._cut()
        piece = bytes(chunk)
        chunk.clear()
        return (encode(piece, self._law) if self._law else piece,)

    def _cut(self) -> list[bytes]:
        chunk, size = self._chunk, self._chunk_bytes
        whole = len(chunk) // size * size
        pieces = [bytes(chunk[at : at + size]) for at in range(0, whole, size)]
        del chunk[:whole]
        return [encode(piece, self._law) for piece in pieces] if self._law else pieces

    def to_line(self, delta: wire.AudioDelta) -> bytes:
        """Sound of the model's; a delta may end within a sample."""
        sound = delta.delta
        if self._law:
            sound = decode(sound, self._law)
        elif self._half or len(sound) % 2:
            sound = self._whole_samples(delta)
        return self._down.feed(sound)

    def _whole_samples(self, delta: wire.AudioDelta) -> bytes:
        sound = self._half + delta.delta if self._half_of == delta.item_id else delta.delta
        whole = len(sound) - len(sound) % 2
        self._half, self._half_of = sound[whole:], delta.item_id
        return sound[:whole]

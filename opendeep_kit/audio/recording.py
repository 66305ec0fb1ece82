"""The stereo recording of one call: left what the callee said, right what was sent to them.

Given frames with their place on the call's clock, aligns the two tracks and writes a WAV as the call goes, from a
thread of its own. Never blocks the caller, never loses what was written: the header is brought up to date after
every second of sound, so the file is a valid WAV even after kill -9.

Drop policy, when the disk refuses: sound waits in memory for `HELD_MS` and is written once there is space again; after
that the recording ends where the disk refused, and `close` raises.
"""

from __future__ import annotations

import hashlib
import queue
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from opendeep_kit.audio.pcm import FRAME_MS, to_samples
from opendeep_kit.errors import Unavailable

BLOCK_MS = 1000
"""Sound is handed to the writing thread in pieces of this length."""
JITTER_MS = 60
"""A callee frame so close to the end of its lane continues it; farther off, the lane is moved."""
HELD_MS = 60_000
"""At 24 kHz 6 MB of each call."""
RETRY_S = 1.0
HEADER_BYTES = 44


class Tracks:
    """Two tracks of samples on one clock, given out interleaved. Pure."""

    def __init__(self, rate_hz: int) -> None:
        self._per_ms = rate_hz // 1000
        self._tracks = (np.zeros(0, np.int16), np.zeros(0, np.int16))
        self._parts: tuple[list[tuple[int, bytes]], list[tuple[int, bytes]]] = ([], [])
        self._taken = 0
        self._left_end: int | None = None

    def hear(self, at_ms: float, pcm: bytes) -> None:
        """A callee frame that arrived complete at `at_ms`: its sound ended then."""
        length = len(pcm) // 2
        place = round(at_ms * self._per_ms) - length
        if self._left_end is not None and abs(place - self._left_end) <= JITTER_MS * self._per_ms:
            place = self._left_end
        place = max(place, self._taken)
        self._left_end = place + length
        self._parts[0].append((place, pcm))

    def say(self, slot: int, pcm: bytes) -> None:
        """The frame sent in this slot."""
        self._parts[1].append((slot * FRAME_MS * self._per_ms, pcm))

    def take(self, until_ms: float) -> bytes:
        """Interleaved 16 bit samples from where the last call ended up to `until_ms`."""
        end = round(until_ms * self._per_ms)
        if end <= self._taken:
            return b""
        block = np.zeros((end - self._taken, 2), dtype="<i2")
        for lane, parts in enumerate(self._parts):
            rest: list[tuple[int, bytes]] = []
            for place, pcm in parts:
                self._lay(block[:, lane], place - self._taken, to_samples(pcm))
                if place + len(pcm) // 2 > end:
                    rest.append((place, pcm))
            parts[:] = rest
        self._taken = end
        return block.tobytes()

    @staticmethod
    def _lay(lane: np.ndarray[tuple[int], np.dtype[np.int16]], at: int, samples: np.ndarray) -> None:
        begin, stop = max(at, 0), min(at + len(samples), len(lane))
        if begin < stop:
            lane[begin:stop] = samples[begin - at : stop - at]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A finished recording."""

    path: Path
    sha256: str
    duration_ms: float


class Recording:
    """One call's file. `hear`, `say` and `tick` are cheap; `close` waits for the disk, so call it off the loop.

    Raises:
        Unavailable: on `close`, when the disk refused; the call itself was not disturbed.
    """

    def __init__(self, path: Path, rate_hz: int) -> None:
        self._path = path
        self._rate_hz = rate_hz
        self._tracks = Tracks(rate_hz)
        self._given_ms = 0.0
        self._blocks: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._written = 0
        self._failure: OSError | None = None
        """Why the disk refuses now."""
        self._is_cut = False
        """It refused for too long: nothing is added any more."""
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._write, name="recording", daemon=True)
        self._thread.start()

    def hear(self, at_ms: float, pcm: bytes) -> None:
        """A callee frame that arrived at `at_ms` on the call's clock."""
        self._tracks.hear(at_ms, pcm)

    def say(self, slot: int, pcm: bytes) -> None:
        """The frame sent in this slot."""
        self._tracks.say(slot, pcm)

    def tick(self, now_ms: float) -> None:
        """Hand over what is complete; call it with every frame."""
        if now_ms - self._given_ms >= 2 * BLOCK_MS:
            self._given_ms += BLOCK_MS
            block = self._tracks.take(self._given_ms)
            self._is_cut = self._is_cut or self._blocks.qsize() >= HELD_MS // BLOCK_MS
            if not self._is_cut:
                self._blocks.put(block)

    def close(self, now_ms: float) -> Saved:
        """Write the rest and finish the file."""
        rest = self._tracks.take(max(now_ms, self._given_ms))
        if not self._is_cut:
            self._blocks.put(rest)
        self._blocks.put(None)
        self._is_closing.set()
        self._thread.join()
        if self._failure is not None or self._is_cut:
            why = self._failure.strerror if self._failure is not None else "the disk refused for too long"
            raise Unavailable(
                f"the recording {self._path.name} could not be written ({why})",
                do="free disk space or set data_dir to a writable folder",
            )
        with self._path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        frames = (self._path.stat().st_size - HEADER_BYTES) // 4
        return Saved(path=self._path, sha256=digest, duration_ms=frames / self._rate_hz * 1000)

    def _write(self) -> None:
        """The thread: each block in turn, however long the disk refuses; at the end once more, and no longer."""
        while (block := self._blocks.get()) is not None:
            while not self._append(block):
                if self._is_closing.is_set():
                    return
                self._is_closing.wait(RETRY_S)

    def _append(self, block: bytes) -> bool:
        """Add the block to the file, and then count it in its header. False: the disk refused."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("r+b" if self._written else "wb") as file:
                write_header(file, self._rate_hz, self._written)
                file.seek(HEADER_BYTES + self._written)
                file.write(block)
                file.flush()
                write_header(file, self._rate_hz, self._written + len(block))
        except OSError as error:
            self._failure = error
            return False
        self._written += len(block)
        self._failure = None
        return True


def write_header(file: BinaryIO, rate_hz: int, data_bytes: int) -> None:
    """Write the 44-byte RIFF header of a stereo 16 bit WAV and flush it."""
    file.seek(0)
    head = struct.pack("<4sI4s", b"RIFF", 36 + data_bytes, b"WAVE")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 2, rate_hz, rate_hz * 4, 4, 16)
    file.write(head + form + struct.pack("<4sI", b"data", data_bytes))
    file.flush()

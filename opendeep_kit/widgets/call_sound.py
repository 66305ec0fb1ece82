"""One call's recording as a player needs it: a picture of its level, pieces of its sound, pieces of its file.

Given a path, reads just the part asked for, afresh each time, so it may be asked from any thread. Never keeps the
sound, never writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from opendeep_kit.audio import g711
from opendeep_kit.errors import BadInput, Unavailable

BIN_MS = 10
"""One bar of the finest picture."""
READ_S = 60
"""A long recording is read in pieces of this length."""

Levels = npt.NDArray[np.int8]
"""Lanes (callee, agent) by bins by lowest and highest, on a square-root scale: a quiet callee is still seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSound:
    """A stereo recording on disk: left the callee, right the agent."""

    path: Path
    rate_hz: int
    frames: int
    """Samples of one lane."""
    file_bytes: int

    @property
    def duration_ms(self) -> float:
        """How long it lasts."""
        return self.frames / self.rate_hz * 1000

    def piece(self, first: int, count: int) -> tuple[bytes, bytes]:
        """So many samples of both lanes as µ-law at the recording's own rate, so that pieces join without a seam.

        Raises:
            BadInput: the piece is not wholly inside the recording.
            Unavailable: the file is no longer there.
        """
        _check_range(first, count, self.frames, "sample")
        with _opened(self.path) as file:
            file.seek(first)
            samples = file.read(count, dtype="int16", always_2d=True)
        callee, agent = (np.ascontiguousarray(lane).tobytes() for lane in samples.T)
        return g711.encode(callee, "pcmu"), g711.encode(agent, "pcmu")

    def file_part(self, first: int, count: int) -> bytes:
        """So many bytes of the file as it is.

        Raises:
            BadInput: the part is not wholly inside the file.
            Unavailable: the file is no longer there.
        """
        _check_range(first, count, self.file_bytes, "byte")
        try:
            with self.path.open("rb") as file:
                file.seek(first)
                return file.read(count)
        except OSError as error:
            raise _gone(self.path) from error

    def levels(self) -> Levels:
        """The finest picture of both lanes, one bar for each 10 ms.

        Raises:
            Unavailable: the file is no longer there.
        """
        per_bin = self.rate_hz * BIN_MS // 1000
        with _opened(self.path) as file:
            blocks = file.blocks(per_bin * (READ_S * 1000 // BIN_MS), dtype="int16", always_2d=True)
            parts = [_lowest_and_highest(block, per_bin) for block in blocks]
        joined = np.concatenate(parts, axis=1) if parts else np.zeros((2, 0, 2), np.int16)
        shown = np.sign(joined) * np.sqrt(np.abs(joined.astype(np.float32)) / 32768) * 127
        levels: Levels = np.rint(shown).astype(np.int8)
        return levels


def open_sound(path: Path) -> CallSound:
    """The recording at this path.

    Raises:
        Unavailable: there is no such file, or it holds nothing that can be read.
        BadInput: it is not stereo.
    """
    with _opened(path) as file:
        rate_hz, frames, lanes = file.samplerate, file.frames, file.channels
    if lanes != 2:
        raise BadInput(
            f"the recording {path.name} has {lanes} lane(s)", do="give a stereo file: left callee, right agent"
        )
    return CallSound(path=path, rate_hz=rate_hz, frames=frames, file_bytes=path.stat().st_size)


def coarser(levels: Levels, factor: int) -> Levels:
    """The same picture with one bar for each `factor` bars."""
    if factor <= 1:
        return levels
    missing = -levels.shape[1] % factor
    padded = np.pad(levels, ((0, 0), (0, missing), (0, 0)), mode="edge") if levels.shape[1] else levels
    grouped = padded.reshape(2, -1, factor, 2)
    return np.stack((grouped[..., 0].min(axis=2), grouped[..., 1].max(axis=2)), axis=2)


def _lowest_and_highest(block: npt.NDArray[np.int16], per_bin: int) -> npt.NDArray[np.int16]:
    padded = np.pad(block, ((0, -len(block) % per_bin), (0, 0)), mode="edge")
    binned = padded.reshape(-1, per_bin, 2)
    return np.stack((binned.min(axis=1).T, binned.max(axis=1).T), axis=2)


def _check_range(first: int, count: int, length: int, unit: str) -> None:
    if first < 0 or count < 1 or first + count > length:
        raise BadInput(
            f"{count} {unit}s from {first} are not inside a recording of {length}", do="ask for a part of what is there"
        )


@contextmanager
def _opened(path: Path) -> Iterator[soundfile.SoundFile]:
    try:
        with soundfile.SoundFile(path) as file:
            yield file
    except soundfile.LibsndfileError as error:
        raise _gone(path) from error


def _gone(path: Path) -> Unavailable:
    return Unavailable(
        f"the recording {path.name} is not there or cannot be read", do="look for it in the recordings folder"
    )

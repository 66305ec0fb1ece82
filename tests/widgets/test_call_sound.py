"""Reading a recording: levels and pieces."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from opendeep_kit.audio import g711
from opendeep_kit.audio.recording import Recording
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.widgets.call_sound import coarser, open_sound
from tests.widgets.made_call import record


def test_pieces_join_to_the_recording(tmp_path: Path) -> None:
    """Pieces asked for one after the other are the whole call, callee and agent apart, without a seam."""
    path = record(tmp_path / "call.wav")
    sound = open_sound(path)
    pieces = [sound.piece(first, min(50_001, sound.frames - first)) for first in range(0, sound.frames, 50_001)]

    samples, _ = soundfile.read(path, dtype="int16")
    for lane in (0, 1):
        assert b"".join(piece[lane] for piece in pieces) == g711.encode(samples[:, lane].tobytes(), "pcmu")


def test_levels_show_who_speaks_when(tmp_path: Path) -> None:
    """One bar per 10 ms; half of full scale stands at the square root of a half."""
    levels = open_sound(record(tmp_path / "call.wav")).levels()

    assert levels.shape == (2, 1400, 2)
    assert levels[0, 60].tolist() == [-90, 90]
    assert levels[1, 60].tolist() == [0, 0]
    assert levels[1, 300].tolist() == [-90, 90]


def test_recording_of_our_own_is_read(tmp_path: Path) -> None:
    """The file that a call writes, with an odd length, is what the player reads: left callee, right agent."""
    recording = Recording(tmp_path / "call.wav", 8000)
    for slot in range(10):
        recording.say(slot, np.full(160, 8192, "<i2").tobytes())
    recording.close(203)
    sound = open_sound(tmp_path / "call.wav")

    assert (sound.rate_hz, sound.frames, sound.duration_ms) == (8000, 1624, 203)
    assert sound.levels()[:, 5].tolist() == [[0, 0], [64, 64]]
    assert sound.levels().shape == (2, 21, 2)


def test_coarser_keeps_the_extremes() -> None:
    """A coarser picture loses no peak, and its last bar may stand for fewer."""
    levels = np.array([[[-1, 2], [-9, 1], [0, 7]], [[0, 0], [0, 0], [-3, 3]]], np.int8)

    assert coarser(levels, 2).tolist() == [[[-9, 2], [0, 7]], [[0, 0], [-3, 3]]]
    assert coarser(levels, 1) is levels


@pytest.mark.parametrize(("first", "count"), [(-1, 10), (0, 0), (0, 336_001), (336_000, 1)])
def test_range_outside_the_recording(tmp_path: Path, first: int, count: int) -> None:
    """A piece that is not wholly inside is refused."""
    with pytest.raises(BadInput, match="not inside a recording of 336000"):
        open_sound(record(tmp_path / "call.wav")).piece(first, count)


def test_file_that_is_no_recording(tmp_path: Path) -> None:
    """A missing file, one that is no sound and one with a single lane each say what to do, without the folder's name."""
    (tmp_path / "no.wav").write_bytes(b"no sound at all")
    soundfile.write(tmp_path / "mono.wav", np.zeros(80), 8000)
    for name in ("gone.wav", "no.wav"):
        with pytest.raises(Unavailable) as caught:
            open_sound(tmp_path / name)
        assert str(caught.value) == (
            f"the recording {name} is not there or cannot be read: look for it in the recordings folder."
        )
    with pytest.raises(BadInput, match=r"mono.wav has 1 lane\(s\)"):
        open_sound(tmp_path / "mono.wav")

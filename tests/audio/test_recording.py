"""The stereo recording: alignment, and a valid file whatever happens."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from opendeep_kit.audio.pcm import to_bytes
from opendeep_kit.audio.recording import Recording, Tracks
from opendeep_kit.errors import Unavailable
from tests.small_disk import small_disk

RATE = 8000


def frame(value: int) -> bytes:
    """20 ms of a constant."""
    return to_bytes(np.full(160, value))


def tracks_of(block: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Left and right."""
    stereo = np.frombuffer(block, dtype="<i2").reshape(-1, 2)
    return stereo[:, 0], stereo[:, 1]


def test_callee_is_left_agent_is_right() -> None:
    """Each lane carries its own party, at the place where it was sent or had arrived."""
    tracks = Tracks(RATE)
    tracks.say(1, frame(7))
    tracks.hear(60.0, frame(5))

    left, right = tracks_of(tracks.take(80))

    assert list(np.flatnonzero(right)) == list(range(160, 320))
    assert list(np.flatnonzero(left)) == list(range(320, 480))


def test_jitter_does_not_tear_the_callees_lane() -> None:
    """Frames arriving a few milliseconds early or late continue one another."""
    tracks = Tracks(RATE)
    for arrival in (40, 57, 83, 100):
        tracks.hear(arrival, frame(5))

    left, _ = tracks_of(tracks.take(140))

    assert list(np.flatnonzero(left)) == list(range(160, 800))


def test_pause_moves_the_callees_lane() -> None:
    """After a real pause in the callee's stream the lane is placed by the clock again."""
    tracks = Tracks(RATE)
    tracks.hear(20, frame(5))
    tracks.hear(500, frame(6))

    left, _ = tracks_of(tracks.take(600))

    assert np.flatnonzero(left == 6)[0] == 480 * 8


def test_frame_across_two_blocks_is_whole() -> None:
    """A frame cut by the block boundary goes on in the next block."""
    tracks = Tracks(RATE)
    tracks.say(0, frame(7))

    first, second = tracks_of(tracks.take(5))[1], tracks_of(tracks.take(25))[1]

    assert np.count_nonzero(first) + np.count_nonzero(second) == 160


def test_file_is_complete(tmp_path: Path) -> None:
    """What was heard and said is in the file, with its length and checksum."""
    recording = Recording(tmp_path / "a" / "call.wav", RATE)
    for slot in range(150):
        recording.say(slot, frame(9))
        recording.tick(slot * 20.0)
    saved = recording.close(3000.0)

    sound, rate = soundfile.read(saved.path, dtype="int16")

    assert (rate, sound.shape, saved.duration_ms) == (RATE, (24000, 2), 3000)
    assert np.all(sound[:, 1] == 9)
    assert len(saved.sha256) == 64


def test_file_is_valid_after_kill(tmp_path: Path) -> None:
    """Killed without a word, the process leaves a WAV that opens and holds all but the last seconds."""
    path = tmp_path / "call.wav"
    program = f"""
import time
from pathlib import Path
from opendeep_kit.audio.recording import Recording
recording = Recording(Path({str(path)!r}), {RATE})
for slot in range(500):
    recording.say(slot, b"\\x09\\x00" * 160)
    recording.tick(slot * 20.0)
time.sleep(0.3)
print("ready", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)

    sound, _ = soundfile.read(path, dtype="int16")

    assert len(sound) >= 8 * RATE
    assert np.all(sound[: 8 * RATE, 1] == 9)


def test_disk_that_refuses_is_told_at_the_end(tmp_path: Path) -> None:
    """A recording that cannot be written does not disturb the call; closing it says what to do."""
    (tmp_path / "file").write_text("in the way")
    recording = Recording(tmp_path / "file" / "call.wav", RATE)
    recording.say(0, frame(1))
    recording.tick(5000.0)
    time.sleep(0.05)

    with pytest.raises(Unavailable, match="data_dir"):
        recording.close(6000.0)


def test_a_disk_that_is_freed_in_time_loses_no_sound(tmp_path: Path) -> None:
    """Sound waits in memory while the disk is full: the file is whole once there is space again."""
    with small_disk(tmp_path / "disk", megabytes=1) as disk:
        recording = Recording(disk.folder / "a" / "call.wav", RATE)
        disk.fill()
        for slot in range(500):
            recording.say(slot, frame(9))
            recording.tick(slot * 20.0)
        time.sleep(0.05)
        disk.free()
        saved = recording.close(10_000.0)
        sound, _ = soundfile.read(saved.path, dtype="int16")

    assert (saved.duration_ms, sound.shape) == (10_000, (80_000, 2))
    assert np.all(sound[:, 1] == 9)


def test_a_disk_that_fills_leaves_what_was_written(tmp_path: Path) -> None:
    """The recording ends where the disk did: a valid WAV; closing it says what to do, and waits for nothing."""
    with small_disk(tmp_path / "disk", megabytes=1) as disk:
        path = disk.folder / "call.wav"
        recording = Recording(path, RATE)
        disk.fill(but_for=200_000)
        for slot in range(1000):
            recording.say(slot, frame(9))
            recording.tick(slot * 20.0)
        with pytest.raises(Unavailable, match=r"No space left on device.*: free disk space"):
            recording.close(20_000.0)
        sound, _ = soundfile.read(path, dtype="int16")

    assert len(sound) in (6 * RATE, 5 * RATE)
    assert np.all(sound[:, 1] == 9)


def test_what_waits_for_a_disk_is_bounded(tmp_path: Path) -> None:
    """After a minute without a disk nothing more is kept in memory, and the recording counts as lost."""
    (tmp_path / "file").write_text("in the way")
    recording = Recording(tmp_path / "file" / "call.wav", RATE)
    for slot in range(100 * 50):
        recording.tick(slot * 20.0)

    assert recording._blocks.qsize() <= 60
    with pytest.raises(Unavailable, match="data_dir"):
        recording.close(100_000.0)

"""Test tones, beeps and telephone keys as PCM.

Given frequencies and lengths, returns 16 bit PCM at any line rate. Never plays anything.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from opendeep_kit.audio.pcm import FRAME_MS, silence, to_bytes

_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_KEYS = ("123A", "456B", "789C", "*0#D")
DTMF_HZ = {key: (_ROWS[r], _COLUMNS[c]) for r, row in enumerate(_KEYS) for c, key in enumerate(row)}
"""ITU-T Q.23."""
KEY_MS, GAP_MS, WAIT_MS = 100, 100, 500


def tone(hz: float, rate_hz: int, ms: float, *, level_dbfs: float = -12.0) -> bytes:
    """A sine of this length, faded in and out over 5 ms so that it does not click."""
    return _mix((hz,), rate_hz, ms, level_dbfs)


def dtmf(keys: str, rate_hz: int) -> bytes:
    """Telephone keys, 100 ms each with 100 ms between; `w` waits half a second (ITU-T Q.24 asks for 40/40)."""
    parts: list[bytes] = []
    for key in keys:
        if key == "w":
            parts.append(silence(rate_hz, WAIT_MS))
        else:
            parts += [_mix(DTMF_HZ[key], rate_hz, KEY_MS, -9.0), silence(rate_hz, GAP_MS)]
    return b"".join(parts)


def frames(hz: float, rate_hz: int, *, level_dbfs: float = -12.0) -> Iterator[bytes]:
    """An endless tone in 20 ms frames, its phase continuous."""
    length = rate_hz * FRAME_MS // 1000
    amplitude = 32767 * 10 ** (level_dbfs / 20)
    at = 0
    while True:
        phase = 2 * np.pi * hz * (np.arange(at, at + length) % (rate_hz * 1000)) / rate_hz
        yield to_bytes(amplitude * np.sin(phase))
        at += length


def _mix(frequencies: tuple[float, ...], rate_hz: int, ms: float, level_dbfs: float) -> bytes:
    count = int(rate_hz * ms / 1000)
    at = np.arange(count) / rate_hz
    wave = np.sum([np.sin(2 * np.pi * hz * at) for hz in frequencies], axis=0) / len(frequencies)
    edge = min(count // 2, rate_hz // 200)
    envelope = np.ones(count)
    envelope[:edge] = np.linspace(0, 1, edge)
    envelope[count - edge :] = np.linspace(1, 0, edge)
    return to_bytes(32767 * 10 ** (level_dbfs / 20) * wave * envelope)

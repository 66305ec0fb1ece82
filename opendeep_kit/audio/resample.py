"""Changes the sample rate of a stream, chunk by chunk, without aliasing and with a known delay.

Given 16 bit PCM chunks of any length, returns the samples due so far; the state between chunks is the filter's
memory only. Never holds sound back beyond `delay_ms` (a soxr stream would: 40–150 ms at 20 ms chunks).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from opendeep_kit.audio.pcm import to_bytes, to_samples

_CROSSINGS = 16
"""Zero crossings of the windowed sinc on each side: -80 dB stop band, 1–2 ms of delay."""


def warm_up() -> None:
    """Import what resampling needs: half a second that no call shall wait for."""
    import scipy.signal  # noqa: F401


class Resampler:
    """A polyphase FIR between two rates; equal rates pass through."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._is_identity = from_hz == to_hz
        self.delay_ms = 0.0
        """How much later a sound comes out."""
        if self._is_identity:
            return
        from scipy.signal import firwin, upfirdn

        self._upfirdn = upfirdn
        common = math.gcd(from_hz, to_hz)
        self._up, self._down = to_hz // common, from_hz // common
        factor = max(self._up, self._down)
        length = 2 * _CROSSINGS * factor + 1
        self._taps = firwin(length, 0.92 / factor, window=("kaiser", 8.0)) * self._up
        keep = math.ceil((length - 1) / self._up)
        self._history = np.zeros(keep - keep % -self._down, dtype=np.float32)
        self._seen = 0
        self.delay_ms = (length - 1) / 2 / (from_hz * self._up) * 1000

    def feed(self, pcm: bytes) -> bytes:
        """The next chunk in, all samples it completes out."""
        if self._is_identity or not pcm:
            return pcm
        samples = np.concatenate((self._history, to_samples(pcm).astype(np.float32)))
        fresh = len(samples) - len(self._history)
        # Outputs k with k*down in [seen*up, (seen+fresh)*up); the window starts `skew` inputs earlier so that its
        # first sample falls on an output's grid.
        skew = (self._seen - len(self._history)) % self._down
        start = self._seen - len(self._history) - skew
        padded = np.concatenate((np.zeros(skew, dtype=np.float32), samples)) if skew else samples
        first = -(-self._seen * self._up // self._down) - start * self._up // self._down
        last = -(-(self._seen + fresh) * self._up // self._down) - start * self._up // self._down
        out: npt.NDArray[np.float64] = self._upfirdn(self._taps, padded, self._up, self._down)[first:last]
        self._seen += fresh
        self._history = samples[fresh:]
        return to_bytes(out)

"""G.711 µ-law and A-law, for models and lines that speak 8 kHz telephone sound.

Given 16 bit PCM or companded bytes, converts by table (ITU-T G.711, 2.1 and 2.2). Never resamples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from opendeep_kit.audio.pcm import to_bytes, to_samples

_MU_BIAS = 0x84


def _mulaw_table() -> npt.NDArray[np.int16]:
    code = ~np.arange(256, dtype=np.uint8)
    exponent = ((code >> 4) & 7).astype(np.int32)
    magnitude = ((((code & 15).astype(np.int32) << 3) + _MU_BIAS) << exponent) - _MU_BIAS
    return np.where(code & 0x80, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> npt.NDArray[np.int16]:
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent = ((code >> 4) & 7).astype(np.int32)
    mantissa = (code & 15).astype(np.int32) << 4
    magnitude = np.where(exponent == 0, mantissa + 8, (mantissa + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype(np.int16)


def _nearest_code(decode: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    order = np.argsort(decode, kind="stable")
    levels = decode[order].astype(np.int32)
    middles = (levels[1:] + levels[:-1]) / 2
    every = np.arange(-32768, 32768)
    return order[np.searchsorted(middles, every)].astype(np.uint8)


_DECODE = {"pcmu": _mulaw_table(), "pcma": _alaw_table()}
_ENCODE = {law: _nearest_code(table) for law, table in _DECODE.items()}


def decode(companded: bytes, law: str) -> bytes:
    """G.711 bytes (`pcmu` or `pcma`, 8 kHz) as 16 bit PCM."""
    return to_bytes(_DECODE[law][np.frombuffer(companded, dtype=np.uint8)])


def encode(pcm: bytes, law: str) -> bytes:
    """16 bit PCM at 8 kHz as G.711 bytes."""
    coded: npt.NDArray[np.uint8] = _ENCODE[law][to_samples(pcm).astype(np.int32) + 32768]
    return coded.tobytes()

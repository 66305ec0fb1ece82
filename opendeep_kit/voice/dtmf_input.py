"""Keys that the callee presses (DTMF), gathered into one answer. Pure.

Given keys and times on the call's clock, knows when the callee has finished and how the agent is told. `keys_in` reads
that sentence back, for a dialogue that follows rules. Never decides who hears of it.
"""

from __future__ import annotations

import re

PAUSE_MS = 1500.0
"""So long after the last key, the callee has finished."""
END_KEY = "#"
"""Callees press it when they have finished: nothing is waited for then."""
_SENTENCE = "On the telephone the callee pressed: {keys}"
_KEYS = re.compile(_SENTENCE.format(keys="([0-9A-D*# ]+)"))


class DtmfInput:
    """Keys of one callee that the agent does not know of yet."""

    def __init__(self) -> None:
        self._keys = ""
        self._last_ms = 0.0

    def press(self, key: str, now_ms: float) -> None:
        """One more key."""
        self._keys += key
        self._last_ms = now_ms

    def take(self, now_ms: float) -> str:
        """The keys, once: empty while there are none, or while more may come."""
        if not self._keys.endswith(END_KEY) and now_ms - self._last_ms < PAUSE_MS:
            return ""
        taken, self._keys = self._keys, ""
        return taken


def describe_keys(keys: str) -> str:
    """What the agent is told: the keys with spaces between them, so that no model takes them for one number."""
    return _SENTENCE.format(keys=" ".join(keys))


def keys_in(text: str) -> str:
    """The keys of such a sentence, without those that only begin or end an answer; empty for any other text."""
    sentence = _KEYS.fullmatch(text)
    return re.sub(r"[ *#]", "", sentence[1]) if sentence else ""

"""Estimates what the callee heard of a sentence that was cut, and whether they heard the disclosure.

Given texts and milliseconds, returns text. It is an estimate for the transcript at the moment of the cut, and marked as
cut there; the exact words are in the recording only.
"""

from __future__ import annotations

import difflib
import re

TYPICAL_CHARS_PER_MS = 0.0155
"""English at a calm pace, about 15 characters a second; replaced by the call's own figure once known."""
_AI_WORDS = re.compile(r"\b(a\.?i\.?|artificial|automated|virtual|robot|computer)\b", re.IGNORECASE)
_SAME_ENOUGH = 0.8
_BETWEEN_SENTENCES = re.compile(r"(?<=[.!?])\s+")


class SpeakingRate:
    """The agent's own pace in this call, learnt from sentences that were received whole."""

    def __init__(self) -> None:
        self._chars = 0.0
        self._ms = 0.0

    def learn(self, text: str, sound_ms: float) -> None:
        """A whole sentence and the length of its sound without leading silence."""
        self._chars += len(text)
        self._ms += sound_ms

    def chars(self, sound_ms: float) -> float:
        """How many characters are said in so many milliseconds."""
        known = self._ms > 1500
        return sound_ms * (self._chars / self._ms if known else TYPICAL_CHARS_PER_MS)


def heard_part(meant: str, *, heard_ms: float, received_ms: float, is_whole: bool, rate: SpeakingRate) -> str:
    """The words of `meant` that fit into `heard_ms`, cut at a word's end.

    Args:
        meant: all text known for the item.
        heard_ms: sound heard, without leading silence.
        received_ms: sound received, without leading silence.
        is_whole: text and sound of the item were received to their end, so the two are proportional.
    """
    is_proportional = is_whole and received_ms > 0
    budget = len(meant) * min(1.0, heard_ms / received_ms) if is_proportional else rate.chars(heard_ms)
    heard = ""
    for word in re.finditer(r"\S+", meant):
        middle = (word.start() + word.end()) / 2
        if middle > budget:
            break
        heard = meant[: word.end()]
    return heard


def has_disclosed(heard: str, disclosure: str) -> bool:
    """Whether the words heard so far tell that an AI is speaking.

    True when the disclosure sentence was heard in (nearly) its own words, or when a sentence was heard in which
    the agent calls itself artificial, automated or an AI: models rephrase.
    """
    wanted, words = _words(disclosure), _words(heard)
    if wanted:
        matcher = difflib.SequenceMatcher(a=wanted, b=words, autojunk=False)
        same = sum(block.size for block in matcher.get_matching_blocks())
        if same >= _SAME_ENOUGH * len(wanted):
            return True
    return any(_AI_WORDS.search(sentence) for sentence in _BETWEEN_SENTENCES.split(whole_sentences(heard)))


def whole_sentences(heard: str) -> str:
    """What was heard without the sentence that was cut."""
    sentences = _BETWEEN_SENTENCES.split(heard)
    return " ".join(sentences if heard.endswith((".", "!", "?")) else sentences[:-1])


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())

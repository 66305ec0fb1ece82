"""Where two calls said different things: their transcripts side by side, changed words marked. Pure.

Given the lines of two calls as heard, returns pairs in order; spelling of case and marks makes no difference. Never
judges which of the two is better.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from opendeep_kit.insight.transcript import Utterance


@dataclass(frozen=True, slots=True, kw_only=True)
class WordRun:
    """Words that follow one another."""

    text: str
    is_changed: bool
    """The other call does not say them here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What both calls said at the same place. One side is empty where only the other spoke."""

    before: Utterance | None
    after: Utterance | None
    before_runs: tuple[WordRun, ...] = ()
    after_runs: tuple[WordRun, ...] = ()

    @property
    def is_same(self) -> bool:
        """Both said the same words."""
        return not any(run.is_changed for run in (*self.before_runs, *self.after_runs))


def differences(before: Sequence[Utterance], after: Sequence[Utterance]) -> list[Pair]:
    """The two transcripts, paired line by line."""
    matcher = SequenceMatcher(None, [_key(line) for line in before], [_key(line) for line in after], autojunk=False)
    return [
        pair
        for _, begin, end, other_begin, other_end in matcher.get_opcodes()
        for pair in _paired([*before[begin:end]], [*after[other_begin:other_end]])
    ]


def changed_share(pairs: Sequence[Pair]) -> float:
    """The share of lines, 0..1, in which the two differ; 0 of nothing."""
    return sum(not pair.is_same for pair in pairs) / len(pairs) if pairs else 0.0


def _paired(before: list[Utterance], after: list[Utterance]) -> Iterator[Pair]:
    """A block of both: the same speaker's lines meet, in order; what is left over stands alone."""
    while before or after:
        if before and after and before[0].speaker == after[0].speaker:
            yield _compared(before.pop(0), after.pop(0))
        elif before and (not after or len(before) >= len(after)):
            yield _alone(before.pop(0), is_before=True)
        else:
            yield _alone(after.pop(0), is_before=False)


def _alone(line: Utterance, *, is_before: bool) -> Pair:
    runs = (WordRun(text=line.text, is_changed=True),)
    if is_before:
        return Pair(before=line, after=None, before_runs=runs)
    return Pair(before=None, after=line, after_runs=runs)


def _compared(before: Utterance, after: Utterance) -> Pair:
    ours, theirs = before.text.split(), after.text.split()
    matcher = SequenceMatcher(None, [_plain(word) for word in ours], [_plain(word) for word in theirs], autojunk=False)
    left: list[WordRun] = []
    right: list[WordRun] = []
    for kind, begin, end, other_begin, other_end in matcher.get_opcodes():
        for words, runs in ((ours[begin:end], left), (theirs[other_begin:other_end], right)):
            if words:
                runs.append(WordRun(text=" ".join(words), is_changed=kind != "equal"))
    return Pair(before=before, after=after, before_runs=tuple(left), after_runs=tuple(right))


def _key(line: Utterance) -> str:
    return f"{line.speaker}: {_plain(line.text)}"


def _plain(words: str) -> str:
    return " ".join(re.sub(r"[^\w\s']", " ", words.lower()).split())

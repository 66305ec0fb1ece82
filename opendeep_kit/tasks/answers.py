"""Whether a value answers a question, and the one form in which it is kept.

Given a question and the value a model notes for it, returns the form that tables count; what does not answer it is
refused with a sentence that says what would. Never listens to a callee: the model, or the rehearsal's rules, has.
"""

from __future__ import annotations

import re
from decimal import Decimal

from opendeep_kit.errors import BadInput
from opendeep_kit.tasks.spec import AnswerType, Question

NOT_AN_ANSWER = frozenset(["", "unknown", "no answer", "n/a"])
"""Values that leave a question open, whatever its type; in lower case."""
_YES, _NO = frozenset(["yes", "y", "true"]), frozenset(["no", "n", "false"])
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,6})?")


def canonical(question: Question, value: str) -> str:
    """The value as it is kept: `yes` or `no`, digits, an option as the script spells it, or the words themselves.

    Raises:
        BadInput: it does not answer this question.
    """
    said = " ".join(value.split())
    if said.lower() in NOT_AN_ANSWER:
        return said.lower()
    match question.type:
        case AnswerType.YES_NO:
            plain = said.lower().rstrip(".!")
            answer = "yes" if plain in _YES else "no" if plain in _NO else None
        case AnswerType.NUMBER:
            answer = _number(question, said)
        case AnswerType.CHOICE:
            answer = _choice(question.options, said)
        case _:
            answer = said
    if answer is None:
        raise BadInput(f"{said[:80]!r} is no answer to {question.id}", do=f"the value must be {form(question)}")
    return answer


def form(question: Question) -> str:
    """What a value must look like, in words."""
    match question.type:
        case AnswerType.YES_NO:
            return "yes or no"
        case AnswerType.CHOICE:
            return f"one of: {' | '.join(question.options)}"
        case AnswerType.NUMBER:
            return f"a number in digits{_range(question)}"
        case AnswerType.DATE:
            return "a day or a time, as said"
    return "the callee's words, in short"


def _choice(options: tuple[str, ...], said: str) -> str | None:
    folded = said.lower().rstrip(".!")
    meant = [option for option in options if " ".join(option.split()).lower().rstrip(".!") == folded]
    return said if said in options else meant[0] if meant else None


def _number(question: Question, said: str) -> str | None:
    if not _NUMBER.fullmatch(said):
        return None
    is_low = question.lowest is not None and float(said) < question.lowest
    is_high = question.highest is not None and float(said) > question.highest
    return None if is_low or is_high else _plain(said)


def _range(question: Question) -> str:
    low, high = (None if end is None else _plain(str(end)) for end in (question.lowest, question.highest))
    if low is not None and high is not None:
        return f", {low}..{high}"
    if low is not None:
        return f", {low} or more"
    return "" if high is None else f", {high} or less"


def _plain(number: str) -> str:
    """The number in digits, its ending noughts left out: "4.0" and "4" are one answer."""
    return f"{Decimal(number).normalize() + 0:f}"

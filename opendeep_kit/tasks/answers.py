"""Whether a value answers a question, and its canonical form.

Given a question and the value a model recorded for it, returns the form that tables count, or refuses it and says
what a valid answer looks like. Never interprets speech: the model, or the rehearsal's rules, did that.
"""

from __future__ import annotations

import re
from decimal import Decimal

from opendeep_kit.errors import BadInput
from opendeep_kit.tasks.spec import AnswerType, Question

NOT_AN_ANSWER = frozenset(["", "unknown", "no answer", "n/a"])
"""Values, in lower case, that leave any question open."""
_YES, _NO = frozenset(["yes", "y", "true"]), frozenset(["no", "n", "false"])
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{1,6})?")


def canonical(question: Question, value: str) -> str:
    """The value in canonical form: `yes` or `no`, digits, an option as the script spells it, or the words themselves.

    Raises:
        BadInput: it does not answer this question.
    """
    text = " ".join(value.split())
    if text.lower() in NOT_AN_ANSWER:
        return text.lower()
    match question.type:
        case AnswerType.YES_NO:
            plain = text.lower().rstrip(".!")
            answer = "yes" if plain in _YES else "no" if plain in _NO else None
        case AnswerType.NUMBER:
            answer = _number(question, text)
        case AnswerType.CHOICE:
            answer = _choice(question.options, text)
        case _:
            answer = text
    if answer is None:
        raise BadInput(f"{text[:80]!r} does not answer {question.id}", do=f"the value must be {form(question)}")
    return answer


def form(question: Question) -> str:
    """What a valid value looks like, in words."""
    match question.type:
        case AnswerType.YES_NO:
            return "yes or no"
        case AnswerType.CHOICE:
            return f"one of: {' | '.join(question.options)}"
        case AnswerType.NUMBER:
            return f"a number in digits{_range(question)}"
        case AnswerType.DATE:
            return "a day or a time, as said"
    return "the callee's words, summarised"


def _choice(options: tuple[str, ...], text: str) -> str | None:
    folded = text.lower().rstrip(".!")
    meant = [option for option in options if " ".join(option.split()).lower().rstrip(".!") == folded]
    return text if text in options else meant[0] if meant else None


def _number(question: Question, text: str) -> str | None:
    if not _NUMBER.fullmatch(text):
        return None
    is_low = question.lowest is not None and float(text) < question.lowest
    is_high = question.highest is not None and float(text) > question.highest
    return None if is_low or is_high else _plain(text)


def _range(question: Question) -> str:
    low, high = (None if end is None else _plain(str(end)) for end in (question.lowest, question.highest))
    if low is not None and high is not None:
        return f", {low}..{high}"
    if low is not None:
        return f", {low} or more"
    return "" if high is None else f", {high} or less"


def _plain(number: str) -> str:
    """The number in digits without trailing zeros: "4.0" and "4" are the same answer."""
    return f"{Decimal(number).normalize() + 0:f}"

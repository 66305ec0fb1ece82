"""The one form in which an answer is kept, and what is no answer at all."""

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.tasks.answers import canonical
from opendeep_kit.tasks.spec import Question

YES_NO = Question(id="attending", ask="Can you come?", type="yes_no")
NUMBER = Question(id="count", ask="How many?", type="number")
SCALE = Question(id="pain", ask="How strong?", type="number", lowest=0.5, highest=2_000_000)
LOW, HIGH = (Question(id="x", ask="x", type="number", **end) for end in ({"lowest": 1}, {"highest": 9}))
CHOICE = Question(id="size", ask="Which?", type="choice", options=("U.S.", "us", "Very  large"))
DATE, TEXT = Question(id="day", ask="When?", type="date"), Question(id="why", ask="Why?")


@pytest.mark.parametrize(
    ("question", "value", "kept"),
    [
        (YES_NO, " Yes. ", "yes"),
        (YES_NO, "true", "yes"),
        (YES_NO, "NO", "no"),
        (NUMBER, "4.50", "4.5"),
        (NUMBER, "100", "100"),
        (NUMBER, "-0", "0"),
        (NUMBER, "٣", "3"),
        (NUMBER, "+12125550132", "12125550132"),
        (SCALE, "0.5", "0.5"),
        (SCALE, "2000000", "2000000"),
        (CHOICE, "U.S.", "U.S."),
        (CHOICE, "us", "us"),
        (CHOICE, "very large!", "Very  large"),
        (DATE, "Tuesday  at ten", "Tuesday at ten"),
        (TEXT, " It is\nfar. ", "It is far."),
        (NUMBER, "Unknown", "unknown"),
        (TEXT, "  ", ""),
    ],
)
def test_answer(question: Question, value: str, kept: str) -> None:
    """Spellings of one answer are kept as one; that there is none may be said to any question."""
    assert canonical(question, value) == kept


@pytest.mark.parametrize(
    ("question", "value", "form"),
    [
        (YES_NO, "yes, but later", "yes or no"),
        (YES_NO, "ja", "yes or no"),
        (NUMBER, "seven", "a number in digits"),
        (NUMBER, "4,5", "a number in digits"),
        (NUMBER, "nan", "a number in digits"),
        (SCALE, "0.4", "a number in digits, 0.5..2000000"),
        (LOW, "0", "a number in digits, 1 or more"),
        (HIGH, "10", "a number in digits, 9 or less"),
        (CHOICE, "large", "one of: U.S. | us | Very  large"),
    ],
)
def test_no_answer(question: Question, value: str, form: str) -> None:
    """What does not fit is refused with what would."""
    with pytest.raises(BadInput) as caught:
        canonical(question, value)

    assert str(caught.value) == f"{value!r} does not answer {question.id}: the value must be {form}."

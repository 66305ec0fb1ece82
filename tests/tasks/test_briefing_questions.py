"""Questions in free words."""

import pytest

from opendeep_kit.tasks.briefing_questions import questions_in, slug
from opendeep_kit.tasks.spec import AnswerType


@pytest.mark.parametrize(
    ("said", "ask", "kind"),
    [
        ("whether they can come", "Can you come?", AnswerType.YES_NO),
        ("if they have a car", "Do you have a car?", AnswerType.YES_NO),
        ("whether they are satisfied with their bike", "Are you satisfied with your bike?", AnswerType.YES_NO),
        ("if they'd recommend us", "Would you recommend us?", AnswerType.YES_NO),
        ("whether they received the letter", "May I ask whether you received the letter?", AnswerType.YES_NO),
        ("how many children they will bring", "How many children will you bring?", AnswerType.NUMBER),
        ("when they want to come", "When do you want to come?", AnswerType.DATE),
        ("what day suits them", "May I ask what day suits you?", AnswerType.DATE),
        ("what they think of the plan", "What do you think of the plan?", AnswerType.TEXT),
        ("why they left", "May I ask why you left?", AnswerType.TEXT),
        ("what should the mayor do first?", "What should the mayor do first?", AnswerType.TEXT),
        ("Do you smoke?", "Do you smoke?", AnswerType.YES_NO),
    ],
)
def test_one_question(said: str, ask: str, kind: AnswerType) -> None:
    """Indirect questions are turned to the callee, and their type follows from their form."""
    (question,) = questions_in(said, all_of_it=True)

    assert (question.ask, question.type) == (ask, kind)


def test_several_in_one_sentence() -> None:
    """One sentence may name several questions, each of its own type."""
    said = "ask whether they can come, how strong their pain is from 1 to 5, and if they come by car, by bus or on foot"

    assert [(question.ask, str(question.type)) for question in questions_in(said)] == [
        ("Can you come?", "yes_no"),
        ("On a scale from one to five, how strong is your pain?", "number"),
        ("Do you come by car, by bus or on foot?", "choice"),
    ]


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [
        ("how satisfied they are, from one to five", 1, 5),
        ("how satisfied they are on a scale of 1 to 10", 1, 10),
        ("how satisfied they are, 10 to 0", 0, 10),
    ],
)
def test_scales(said: str, low: int, high: int) -> None:
    """A scale gives the range, whichever end is named first."""
    (question,) = questions_in(said, all_of_it=True)

    assert (question.type, question.lowest, question.highest) == (AnswerType.NUMBER, low, high)
    assert question.ask.endswith("how satisfied are you?")


@pytest.mark.parametrize(
    ("said", "options"),
    [
        ("whether they come by car, by bus or on foot", ("car", "bus", "foot")),
        ("if they prefer tea or coffee", ("tea", "coffee")),
        ("Do you want the red, the green or the blue one?", ("red", "green", "blue one")),
        ("whether they want to come or not", ()),
    ],
)
def test_choices(said: str, options: tuple[str, ...]) -> None:
    """What may be chosen is named without its preposition; "or not" is no choice."""
    (question,) = questions_in(said, all_of_it=True)

    assert question.options == options


@pytest.mark.parametrize("said", ["call my patients", "they are friendly people", "", "We are Harbour Cycles."])
def test_no_question(said: str) -> None:
    """Words that ask nothing give no question."""
    assert questions_in(said) == ()


def test_names() -> None:
    """A question is named after the words that carry its meaning, and no two alike."""
    assert slug("How strong is your pain?") == "strong_pain"
    assert slug("How strong is your pain?", ["strong_pain"]) == "strong_pain_2"
    assert slug("?!") == "question"

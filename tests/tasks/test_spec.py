"""What a task may be: its questions, limits and facts."""

from typing import Any

import pytest
from pydantic import ValidationError

from opendeep_kit.tasks.spec import AnswerType, Question, fill, placeholders_in, spec_from

LEAST: dict[str, Any] = {"goal": "Confirm it.", "organisation": "Riverside Dental"}


def test_least_task() -> None:
    """Goal and organisation are enough; everything else has a careful default."""
    task = spec_from(LEAST)

    assert (task.language, task.facts, task.questions, task.voice) == ("en", ("name",), (), None)
    assert task.disclosure == "I am an AI assistant, and this call is recorded."
    assert (task.limits.max_duration_s, task.limits.max_tries_per_question) == (300.0, 2)
    assert task.placeholders == {"organisation", "disclosure", "name"}


def test_questions_and_what_must_be_answered() -> None:
    """Ids in order; optional questions are not required."""
    task = spec_from(
        LEAST
        | {
            "questions": [
                {"id": "attending", "ask": "Can you come?", "type": "yes_no"},
                {"id": "arrival", "ask": "How?", "type": "choice", "options": ["car", "bus"], "required": False},
            ]
        }
    )

    assert [question.type for question in task.questions] == [AnswerType.YES_NO, AnswerType.CHOICE]
    assert task.required == ("attending",)


def test_example_contact() -> None:
    """A rehearsal has a value for every fact, given or made up."""
    task = spec_from(LEAST | {"facts": ["name", "first_visit", "town"], "examples": {"town": "Rome"}})

    assert task.example_facts == {"name": "Alex Morgan", "first_visit": "first visit", "town": "Rome"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"goal": ""}, "at least 1 character"),
        ({"goal": "x" * 2001}, "at most 2000 characters"),
        ({"organisation": None}, "valid string"),
        ({"gaol": "x"}, "Extra inputs are not permitted"),
        ({"language": "english"}, "match pattern"),
        ({"facts": ["Name"]}, "match pattern"),
        ({"facts": ["first name"]}, "match pattern"),
        ({"examples": {"town": "Rome"}}, "the example 'town' is not among the facts"),
        ({"limits": {"max_duration_s": 0}}, "greater than 0"),
        ({"limits": {"max_duration_s": 7200}}, "less than or equal to 3600"),
        ({"limits": {"max_tries_per_question": 0}}, "greater than or equal to 1"),
        ({"questions": [{"id": "a", "ask": "?"}, {"id": "a", "ask": "?"}]}, "two questions have the id 'a'"),
    ],
)
def test_wrong_task(change: dict[str, Any], told: str) -> None:
    """What cannot be meant is refused where it is read."""
    with pytest.raises(ValidationError, match=told):
        spec_from(LEAST | change)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ({"type": "choice"}, "at least two options"),
        ({"type": "choice", "options": ["car"]}, "at least two options"),
        ({"type": "choice", "options": ["car | bus", "foot"]}, "match pattern"),
        ({"type": "choice", "options": ["car; bus", "foot"]}, "match pattern"),
        ({"type": "text", "options": ["car", "bus"]}, "other types take none"),
        ({"type": "yes_no", "lowest": 1}, "only a question of type number"),
        ({"type": "number", "lowest": 5, "highest": 5}, "lowest must be below highest"),
        ({"type": "percent"}, "'yes_no', 'number', 'choice', 'date' or 'text'"),
        ({"ask": "  "}, "at least 1 character"),
        ({"id": "1st"}, "match pattern"),
    ],
)
def test_wrong_question(question: dict[str, Any], told: str) -> None:
    """A question that no answer could satisfy is refused."""
    with pytest.raises(ValidationError, match=told):
        Question.model_validate({"id": "q", "ask": "How?"} | question)


def test_task_cannot_be_changed() -> None:
    """A task is a value: what was rehearsed is what is called with."""
    with pytest.raises(ValidationError, match="frozen"):
        spec_from(LEAST).goal = "Another."


def test_placeholders() -> None:
    """Names in braces, in order, also those that nobody could fill."""
    assert placeholders_in("Hello {name}, {time }: {} {a{b}c}") == ("name", "time ", "", "b")


def test_fill() -> None:
    """Values are put in once; what they hold is not filled again, and blanks are evened out."""
    assert fill("Hello {name},\n  at {time}. ", {"name": "{time}"}) == "Hello {time}, at ."

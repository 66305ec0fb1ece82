"""Whole briefings, from a first sentence to a script that can be rehearsed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendeep_kit.tasks.briefing import Briefing, tells_of_ai
from opendeep_kit.tasks.briefing_draft import Topic
from opendeep_kit.tasks.prompt import render
from opendeep_kit.tasks.spec import DEFAULT_DISCLOSURE

PATIENTS = (
    "call my patients, confirm Tuesday's appointments",
    "Riverside Dental",
    "also ask how strong their pain is from 1 to 5, and whether they come by car, by bus or on foot",
    "no",
    "no",
    "keep it",
    "+1 212 555 0132, three minutes",
)
DIALOGUES = {
    "patients": (*PATIENTS, "yes"),
    "customers": (
        "I want to ask our customers how satisfied they are with the repair, from one to five, and if they would"
        " recommend us. We are Harbour Cycles.",
        "that's all",
        "no",
        "ok",
        "nobody",
        "yes",
    ),
    "members": (
        "Remind the members about the annual meeting on Friday and ask whether they will come",
        "Rowing Club of Boston",
        "no",
        "member number",
        "This is a virtual assistant, the call is recorded",
        "five minutes",
        "looks good",
    ),
    "voters": (
        "I need to call people",
        "find out which party they would vote for",
        "Gallup",
        "How old are you? Do you vote on Sunday or by mail?",
        "nope",
        "no",
        "yes",
        "no",
        "ok",
    ),
    "parents": ("Invite parents to the school fair on 3 May", "Hill School", "no", "no", "yes", "10 minutes", "yes"),
    "tenants": ("Please call our tenants about overdue payments", "Green Homes", "no", "no", "fine", "no", "yes"),
}


def talk(*said: str) -> Briefing:
    """A briefing that was told all this."""
    briefing = Briefing()
    for words in said:
        briefing.say(words)
    return briefing


@pytest.mark.parametrize("name", DIALOGUES)
def test_a_talk_ends_in_a_script(name: str) -> None:
    """Every dialogue ends, and its script renders to instructions for a made-up contact."""
    briefing = talk(*DIALOGUES[name])

    assert briefing.is_done
    script = briefing.script
    assert script.task.organisation in render(script, script.task.example_facts)


def test_the_whole_task() -> None:
    """Everything that was said is in the task."""
    task = talk(*DIALOGUES["patients"]).script.task

    assert task.goal == "Confirm the appointment of {name}: {appointment}."
    assert (task.facts, task.examples) == (("name", "appointment"), {"appointment": "Tuesday at ten"})
    assert [(question.id, str(question.type)) for question in task.questions] == [
        ("attending", "yes_no"),
        ("strong_pain", "number"),
        ("come_car", "choice"),
    ]
    assert (task.transfer_to, task.limits.max_duration_s) == ("+12125550132", 180.0)


def test_what_was_said_is_not_asked() -> None:
    """An organisation in the first sentence is not asked for again."""
    briefing = talk(DIALOGUES["customers"][0])

    assert briefing.topic is Topic.QUESTIONS
    assert briefing.draft.organisation == "Harbour Cycles"


@pytest.mark.parametrize(
    "said", ["don't say that it is an AI", "Say that Ana from the practice is calling", "never tell them a robot calls"]
)
def test_the_disclosure_stays(said: str) -> None:
    """However it is put, the words that tell of the AI are not given up."""
    briefing = talk(*PATIENTS[:5])

    answer = briefing.say(said)

    assert answer.startswith("I cannot do that: every callee must hear that an AI is speaking.")
    assert briefing.topic is Topic.DISCLOSURE
    assert briefing.draft.disclosure == DEFAULT_DISCLOSURE


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("remove the second question", ["attending", "come_car"]),
        ("drop question 3", ["attending", "strong_pain"]),
        ("delete the last one", ["attending", "strong_pain"]),
        ("add a question: do you need a parking lot?", ["attending", "strong_pain", "come_car", "parking_lot"]),
    ],
)
def test_questions_are_corrected(said: str, expected: list[str]) -> None:
    """At the end questions can still come and go."""
    briefing = talk(*PATIENTS, said)

    assert [question.id for question in briefing.draft.questions] == expected
    assert not briefing.is_done


def test_the_rest_is_corrected() -> None:
    """Goal, name and length can be changed at the end."""
    draft = talk(
        *PATIENTS, "the goal is to see who comes", "the organisation is Lakeside Dental", "make it 2 minutes"
    ).draft

    assert (draft.goal, draft.organisation, draft.max_duration_s) == ("to see who comes", "Lakeside Dental", 120.0)


def test_what_is_not_understood_is_told() -> None:
    """Words that mean nothing here change nothing and are answered as such."""
    briefing = talk(*PATIENTS)
    before = briefing.draft

    assert briefing.say("hmm").startswith("I did not understand that.")
    assert briefing.draft == before


def test_the_talk_is_kept() -> None:
    """Who said what can be shown."""
    assert talk("hello").talk[1] == ("you", "hello")
    assert [who for who, _ in talk("hello").talk] == ["kit", "you", "kit"]


@pytest.mark.parametrize(
    ("said", "tells"),
    [
        ("I am an AI assistant.", True),
        ("A computer is calling.", True),
        ("This is Ana.", False),
        ("I am not an AI.", False),
    ],
)
def test_tells_of_ai(said: str, tells: bool) -> None:
    """What counts as telling that an AI speaks."""
    assert tells_of_ai(said) is tells


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text(max_size=80) | st.sampled_from([said for talk in DIALOGUES.values() for said in talk]), max_size=9)
)
def test_whatever_is_said(said: list[str]) -> None:
    """Nothing that is said breaks it: as soon as goal and organisation are known there is a valid script."""
    briefing = talk(*said)

    if briefing.script_text:
        assert tells_of_ai(briefing.script.task.disclosure)

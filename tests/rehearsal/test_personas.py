"""What the simulated callees answer to the shipped appointment script's sentences."""

import re

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.rehearsal.personas import GENERAL, PERSONAS, Mind, persona
from opendeep_kit.rehearsal.understand import Intent, intent

OPENING = (
    "Hello, this is the assistant of Riverside Dental. I am an AI assistant, and this call is recorded. "
    "Am I speaking with Maria Alvarez?"
)
IDENTITY = (
    "I am calling on behalf of Riverside Dental. I am an AI assistant, and this call is recorded. "
    "Am I speaking with Maria Alvarez?"
)
ATTENDING = "Thank you. Can you come to your appointment on Tuesday at ten?"
PAIN = "Good, thank you. On a scale from one to five, how strong is your toothache at the moment, with one for none?"
ARRIVAL = "All right. Will you come by car, by bus or on foot?"
CLOSING = "Thank you, Maria Alvarez. We look forward to seeing you. Goodbye!"
SURVEY = (
    "On a scale from one to five, how satisfied are you with the repair?",
    "Would you recommend us to a friend?",
    "Is there anything that we should do better?",
)

TALKS: dict[str, list[tuple[str, str]]] = {
    "agrees": [
        (OPENING, "Yes, speaking."),
        (ATTENDING, "Yes, I will be there."),
        (PAIN, "Number four, I would say."),
        (ARRIVAL, "I will take the bus."),
        (CLOSING, "Thank you, bye."),
        ("Are you still there?", ""),
    ],
    "refuses": [
        (OPENING, "No, I am not interested, leave me alone."),
        ("I understand. Thank you for your time. Goodbye.", "Bye."),
    ],
    "asks_who": [
        (OPENING, "Who is calling, please?"),
        (IDENTITY, "Yes, speaking."),
        (ATTENDING, "Yes, I will be there."),
    ],
    "interrupts": [(IDENTITY, "Yes, speaking."), (PAIN, "Number four, I would say."), (CLOSING, "Thank you, bye.")],
    "long_pauses": [(OPENING, "Well... yes. This is me."), (PAIN, "Hm. I would say... three.")],
    "noisy": [(OPENING, "Yes, speaking."), (ARRIVAL, "I will take the bus.")],
    "wrong_person": [
        (OPENING, "No, you have the wrong number."),
        ("I am sorry, then I have the wrong number. Please excuse the call. Goodbye.", "No problem, bye."),
    ],
    "voicemail": [(OPENING, "")],
    "silent": [(OPENING, "")],
    "hangs_up_early": [(OPENING, "Yes, speaking.")],
    "never_again": [
        (OPENING, "Please never call me again. Take me off your list."),
        ("I understand. You will not be called again. I am sorry for the trouble. Goodbye.", "Good."),
    ],
    "callback": [
        (OPENING, "Sorry, I am very busy right now. Can you call me back?"),
        ("Of course. When would be a good time to call you?", "Tomorrow afternoon at three, please."),
        ("Thank you. We will call you tomorrow afternoon at three. Goodbye.", "Thanks, bye."),
    ],
    "wants_human": [
        (OPENING, "I want to speak to a real person."),
        ("Of course. I connect you to a colleague now. One moment, please.", "Thank you."),
    ],
}


@pytest.mark.parametrize("name", PERSONAS)
def test_persona_in_its_talk(name: str) -> None:
    """Each persona says its own to the script's sentences, in order; an empty answer is silence."""
    mind = Mind(persona(name))
    answers = [(words, answer.say if (answer := mind.answer(words)) else "") for words, _ in TALKS[name]]

    assert answers == TALKS[name]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("refuses", Intent.REFUSES),
        ("asks_who", Intent.WHO),
        ("wrong_person", Intent.WRONG_PERSON),
        ("never_again", Intent.NEVER_AGAIN),
        ("callback", Intent.LATER),
        ("wants_human", Intent.HUMAN),
    ],
)
def test_persona_is_understood(name: str, wanted: Intent) -> None:
    """What a persona wants is what the rule engine makes of its words."""
    answer = Mind(persona(name)).answer(OPENING)

    assert answer is not None
    assert intent(answer.say) is wanted


def test_machine_is_recognised() -> None:
    """The voicemail's greeting is one to the rule engine."""
    assert intent(persona("voicemail").greeting) is Intent.MACHINE


def test_survey_is_answered_too() -> None:
    """The general answers fit the other shipped script."""
    mind = Mind(persona("agrees"))

    assert [answer.say for words in SURVEY if (answer := mind.answer(words))] == [
        "Number four, I would say.",
        "Yes, I would.",
        "No, everything was fine.",
    ]


def test_other_words() -> None:
    """To anything else the persona says its usual; to silence nothing."""
    mind = Mind(persona("agrees"))
    answer = mind.answer("The weather is nice.")

    assert answer is not None
    assert (answer.say, answer.hang_up) == ("Yes, please.", False)
    assert mind.answer(" … ") is None
    assert mind.replies == 1


def test_interruptions_are_used_up() -> None:
    """Twice, then the persona listens."""
    mind = Mind(persona("interrupts"))

    assert [mind.interruption() for _ in range(3)] == [
        "Wait, wait, who is this?",
        "Yes, yes, I know. That is fine with me.",
        "",
    ]
    assert Mind(persona("interrupts")).interruptions_left != []


def test_persona_that_does_not_exist() -> None:
    """The sentence names those there are."""
    with pytest.raises(BadInput, match="there is no persona 'shouts': choose one of: agrees, refuses"):
        persona("shouts")


def test_patterns_are_lower_case() -> None:
    """Patterns are tried on plain words: a capital in one would never match."""
    patterns = [answer.when for one in PERSONAS.values() for answer in one.answers] + [
        answer.when for answer in GENERAL
    ]

    assert [
        pattern for pattern in patterns if re.sub(r"\\[A-Z]", "", pattern) != re.sub(r"\\[A-Z]", "", pattern).lower()
    ] == []

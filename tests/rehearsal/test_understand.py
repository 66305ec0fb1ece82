"""What callees say and what it means: a table to be grown with every utterance that was taken wrongly."""

import pytest

from opendeep_kit.rehearsal.understand import Intent, answer, intent, plain, time_in, yes_or_no
from opendeep_kit.tasks.spec import Question

WISHES: dict[Intent | None, list[str]] = {
    Intent.MACHINE: [
        "Hi, you have reached Linda. Please leave a message after the beep.",
        "I can't take your call right now.",
        "The person you are calling is not available.",
        "We are unable to answer the phone, please record your message at the tone.",
        "Sorry I missed your call, leave your name and number.",
        "Your call has been forwarded to an automatic voice message system.",
        "The mailbox is full.",
        "Please leave a brief message.",
    ],
    Intent.NEVER_AGAIN: [
        "Please never call me again.",
        "Don’t call me again!",
        "Do not ever call this number again.",
        "Don't call me on this number any more.",
        "Don't call me at home.",
        "Don't you ever call me again.",
        "Stop calling me.",
        "Quit calling here.",
        "stop phoning my house",
        "You should stop contacting us.",
        "Take me off your list.",
        "Please take my number off your calling list.",
        "Remove my number from your database.",
        "Delete my data, please.",
        "Put me on your do not call list.",
        "I don't want you to call me any more.",
        "I do not intent to be contacted again.",
        "I don't want any more calls.",
        "No more calls, please.",
        "I asked you to stop calling.",
        "Lose my number.",
        "Unsubscribe me.",
        "I'm busy, and don't call me again.",
    ],
    Intent.WRONG_PERSON: [
        "No, you have the wrong number.",
        "There is no Maria here.",
        "Nobody here by that name.",
        "No one called that lives here.",
        "She doesn't live here anymore.",
        "I'm not the right person.",
        "That's not me.",
        "She moved out last year.",
    ],
    Intent.HUMAN: [
        "I want to speak to a real person.",
        "Can I talk to a human?",
        "Let me talk to your manager.",
        "Can I speak with someone, please?",
        "Put me through to an operator.",
        "Give me a human.",
        "Representative.",
        "I'd like to talk to a representative.",
    ],
    Intent.WHO: [
        "Who is calling, please?",
        "Who am I speaking to?",
        "Wait, wait, who is this?",
        "Who are you? I can't talk now.",
        "Are you a robot?",
        "Are you real?",
        "Am I talking to a machine?",
        "Is this a real person?",
        "What company are you from?",
        "Where are you calling from?",
        "What is this about?",
        "Why are you calling me?",
    ],
    Intent.LATER: [
        "Sorry, I am very busy right now. Can you call me back?",
        "Don't call me now, call tomorrow.",
        "Don't call me today, call me tomorrow.",
        "Stop, call me later.",
        "Do not call me at work, call me at home.",
        "Don't call me back before noon.",
        "It's a bad time.",
        "I don't have time right now.",
        "I can't talk right now.",
        "Not now.",
        "I'm in a meeting.",
        "I'm having dinner.",
        "Ring me at six.",
        "She is not here right now.",
    ],
    Intent.REFUSES: [
        "No, thank you.",
        "No thanks.",
        "I'm not interested.",
        "No, I am not interested, leave me alone.",
        "I don't want to talk to you.",
        "I'd rather not.",
        "None of your business.",
        "Forget it.",
        "I don't care.",
    ],
    Intent.REPEAT: [
        "Pardon?",
        "Sorry, what?",
        "Huh?",
        "Can you repeat that?",
        "Say that again, please.",
        "I didn't catch that.",
        "I did not understand the question.",
        "I can't hear you.",
        "What did you say?",
        "Can you speak up?",
    ],
    Intent.GOODBYE: ["Goodbye.", "OK, bye bye.", "Have a nice day!"],
    None: [
        "",
        "Yes.",
        "I can't.",
        "I can't make it.",
        "Yes, thank you.",
        "Hello?",
        "How much does it cost?",
        "No problem.",
        "No, everything was fine.",
        "My wife will drive the car.",
        "Yes, I know who you are.",
        "No one called me.",
        "I called you yesterday.",
        "You never called me before.",
        "I never call people.",
        "I'd never ring a dentist.",
        "I don't call it pain.",
        "Don't call me before nine.",
        "The person who repaired it was great.",
        "The person who is talking is too fast.",
        "I was happy to talk to your people.",
        "The manager was rude.",
        "They left a message on the board.",
        "I got your voicemail.",
        "I don't want to wait so long.",
        "I would rather not wait so long next time.",
        "I would say that it was good.",
        "It was a waste of time.",
        "You could call people back faster.",
        "I do not live far away.",
        "I'll be there by bus, by the way.",
        "that works, call me Maria",
    ],
}


@pytest.mark.parametrize(("words", "wanted"), [(words, kind) for kind, table in WISHES.items() for words in table])
def test_wish(words: str, wanted: Intent | None) -> None:
    """What the callee wants instead of answering, in the words people use; or nothing of the kind."""
    assert intent(words) is wanted


def test_every_wish_has_its_words() -> None:
    """The table knows every intent."""
    assert set(WISHES) == {*Intent, None}


YES = [
    "Yes.",
    "Yeah, sure",
    "Of course I can.",
    "I will",
    "Speaking.",
    "Yes, this is me",
    "That's right.",
    "I think so",
]
YES += [
    "No problem.",
    "Not a problem",
    "Why not?",
    "Don't worry, I'll be there.",
    "I'd love to",
    "Yes, but not on Monday",
]
NO = ["No.", "Nope", "I can't", "I cannot.", "I can not come", "I won’t be there", "Not really", "I'm afraid not"]
NO += [
    "Of course not!",
    "Absolutely not.",
    "Certainly not",
    "I don't think so",
    "That's not right",
    "I am unable to come",
]
NO += [
    "Sorry, I have to cancel",
    "That doesn't work for me",
    "It isn't.",
    "That is wrong.",
    "No, thank you",
    "Not likely",
]
NEITHER = ["", "I'm not sure.", "Maybe", "I don't know", "It depends", "Hm, let me see.", "Four", "The right one"]
NEITHER += ["Is that okay?", "Can I bring my dog?", "Yes and no."]


@pytest.mark.parametrize(
    ("words", "meant"), [*((w, True) for w in YES), *((w, False) for w in NO), *((w, None) for w in NEITHER)]
)
def test_yes_or_no(words: str, meant: bool | None) -> None:
    """Yes, no, or neither; the first word decides when both are said, and "of course not" is no."""
    assert yes_or_no(words) is meant


SCALE = Question(id="pain", type="number", ask="From one to five?", lowest=1, highest=5)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("I would say four.", "4"),
        ("Four?", "4"),
        ("4", "4"),
        ("4.5", "4.5"),
        ("A four out of five.", "4"),
        ("On a scale from one to five I'd say three.", "3"),
        ("Five. No, four.", "4"),
        ("For.", "4"),
        ("Too.", "2"),
        ("Three or four", None),
        ("Seven", None),
        ("0", None),
        ("I went for a walk too late", None),
        ("very strong", None),
        ("", None),
    ],
)
def test_number(words: str, value: str | None) -> None:
    """The number chosen, within the range; words that only sound like one count when they stand alone."""
    assert answer(SCALE, words) == value


def test_number_without_a_range() -> None:
    """Any number, also a large one with its comma."""
    free = Question(id="n", type="number", ask="How many?")

    assert [answer(free, words) for words in ("1,250 or so", "none", "minus", "twelve")] == ["1250", "0", None, "12"]
    assert answer(free, "It is 12,345,678.") == "12345678"


@pytest.mark.parametrize(
    ("words", "value"),
    [
        ("By car.", "car"),
        ("My wife will drive; two cars, actually.", "car"),
        ("On foot, I think", "foot"),
        ("By car or by bus.", None),
        ("I don't care.", None),
        ("By carriage", None),
        ("By plane", None),
    ],
)
def test_choice(words: str, value: str | None) -> None:
    """Exactly one option, as a whole word."""
    question = Question(id="a", type="choice", ask="How?", options=("car", "bus", "foot"))

    assert answer(question, words) == value


def test_option_within_an_option() -> None:
    """Of two options of which one contains the other, the longer that was said is meant."""
    question = Question(id="a", type="choice", ask="How?", options=("satisfied", "not satisfied"))

    assert answer(question, "I am not satisfied.") == "not satisfied"
    assert answer(question, "Satisfied.") == "satisfied"


@pytest.mark.parametrize(
    ("kind", "words", "value"),
    [
        ("yes_no", "I'll be there", "yes"),
        ("yes_no", "I can't", "no"),
        ("yes_no", "Maybe", None),
        ("date", "Next Tuesday at ten.", "Next Tuesday at ten"),
        ("date", "I can't say", None),
        ("text", " Be quicker. ", "Be quicker."),
        ("text", ".", None),
        ("text", "", None),
    ],
)
def test_answer_in_the_form_asked_for(kind: str, words: str, value: str | None) -> None:
    """Each type has its form; what gives none is asked again."""
    assert answer(Question(id="q", type=kind, ask="?"), words) == value


@pytest.mark.parametrize(
    ("words", "when"),
    [
        ("Tomorrow morning at nine.", "tomorrow morning at nine"),
        ("Can you call me back tomorrow afternoon?", "tomorrow afternoon"),
        ("Ring me on Monday, please", "on Monday"),
        ("Monday.", "Monday"),
        ("At 5 p.m. would be fine", "at 5 p.m"),
        ("In half an hour", "in half an hour"),
        ("In a week or two, perhaps on Friday", "in a week or two, perhaps on Friday"),
        ("Call me later", None),
        ("I may be late", None),
        ("some day", None),
    ],
)
def test_time(words: str, when: str | None) -> None:
    """The words that name a time, as they follow "we will call you"; "later" is none."""
    assert time_in(words) == when


def test_plain() -> None:
    """Case, marks and curly apostrophes do not matter; numbers and times keep theirs."""
    assert plain(" Don’t — WELL...  4.5, at 10:30? 1,000! ") == "don't well 4.5 at 10:30? 1000"

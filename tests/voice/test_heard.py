"""What a callee can have heard of a sentence that was cut, and whether they know of the AI."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opendeep_kit.voice.heard import SpeakingRate, has_disclosed, heard_part

SENTENCE = "Hello there, I am calling about your appointment on Tuesday."
DISCLOSURE = "I am an AI assistant, and this call is recorded."


def part(heard_ms: float, received_ms: float = 4000.0, *, meant: str = SENTENCE, is_whole: bool = True) -> str:
    """The part heard, at the typical pace when sound and text are not whole."""
    return heard_part(meant, heard_ms=heard_ms, received_ms=received_ms, is_whole=is_whole, rate=SpeakingRate())


@pytest.mark.parametrize(
    ("heard_ms", "words"),
    [
        (0, ""),
        (-80, ""),
        (160, ""),
        (400, "Hello"),
        (1000, "Hello there, I"),
        (2000, "Hello there, I am calling about"),
        (4000, SENTENCE),
        (9000, SENTENCE),
    ],
)
def test_whole_sentence_is_cut_in_proportion(heard_ms: float, words: str) -> None:
    """Text and sound known to their end: the share of sound heard is the share of words, cut at a word's end."""
    assert part(heard_ms) == words


def test_half_generated_sentence_is_cut_by_pace() -> None:
    """While the model still speaks, the length of its sound so far says nothing: 15.5 characters a second do."""
    assert part(1000, 1200, is_whole=False) == "Hello there, I"


def test_pace_of_the_call_is_learnt() -> None:
    """After two seconds of whole sentences the call's own pace replaces the typical one."""
    rate = SpeakingRate()
    typical = rate.chars(1000)
    rate.learn("x" * 10, 1000)
    too_early = rate.chars(1000)
    rate.learn("x" * 10, 1000)

    assert (typical, too_early, rate.chars(1000)) == (15.5, 15.5, 10.0)


def test_no_sound_is_no_words() -> None:
    """An item of which no sound came, whole or not, was not heard."""
    assert part(0, 0) == ""
    assert part(0, 0, is_whole=False) == ""
    assert part(100, 100, meant="") == ""


@given(st.text(max_size=200), st.floats(-500, 20_000), st.floats(0, 10_000), st.booleans())
def test_heard_is_the_beginning_of_what_was_meant(
    text: str, heard_ms: float, received_ms: float, is_whole: bool
) -> None:
    """Never a word is made up or put in another place, and more sound never means fewer words."""
    heard = part(heard_ms, received_ms, meant=text, is_whole=is_whole)

    assert text.startswith(heard)
    assert part(heard_ms + 100, received_ms, meant=text, is_whole=is_whole).startswith(heard)


@pytest.mark.parametrize(
    "heard",
    [
        "Hello, this is the assistant of Riverside Dental. I am an AI assistant, and this call is recorded. Am I",
        "I'm an AI assistant and this call is being recorded",
        "Hi! I am the virtual assistant of Riverside Dental.",
        "This is an automated call from your dentist.",
        "You are talking to an A.I. today!",
    ],
)
def test_disclosed(heard: str) -> None:
    """The sentence itself, nearly itself, or another whole sentence that says so."""
    assert has_disclosed(heard, DISCLOSURE)


@pytest.mark.parametrize(
    "heard",
    [
        "",
        "Hello, this is the assistant of Riverside Dental.",
        "Hello, this is the assistant of Riverside Dental. I am an AI",
        "Hello, I am calling about the virtual",
        "I have good news. It will rain on the aisle, said Kai.",
        "This call is recorded.",
    ],
)
def test_not_disclosed(heard: str) -> None:
    """Half of it, another sentence, or a word that only looks like it."""
    assert not has_disclosed(heard, DISCLOSURE)


def test_disclosure_in_another_language() -> None:
    """The task's own sentence counts in any language, with marks and case ignored."""
    german = "Ich bin eine künstliche Stimme, das Gespräch wird aufgezeichnet."

    assert has_disclosed("Guten Tag. ich bin eine künstliche Stimme das Gespräch wird aufgezeichnet", german)
    assert not has_disclosed("Guten Tag. Ich bin eine", german)

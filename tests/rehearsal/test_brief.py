"""Instructions read back into their parts; those of the package itself are tested with `tasks.prompt`."""

import pytest

from opendeep_kit.rehearsal.brief import Asked, Brief, quoted_words, read_brief

INSTRUCTIONS = """\
# Role
You are the voice assistant of Us.

# Facts
- name: Tom
- time: 10:30

# Opening
Hello Tom.

# Questions
1. [attending] (yes_no; required) Can you come: yes or no?
2. [pain] (number: 1..5; required) How strong?
3. [arrival] (choice: car | bus; optional) How will you come?
This line is no question.
4. [No] (text; required) Nor this one.

# Objections
- how much | Price: It is free: really.
no answer here

# Rules
- Ask a question at most 3 times.
"""


def test_sections() -> None:
    """Every part is found; lines in another form are passed over; what is missing has a default."""
    assert read_brief(INSTRUCTIONS) == Brief(
        opening="Hello Tom.",
        questions=(
            Asked(id="attending", type="yes_no", ask="Can you come: yes or no?"),
            Asked(id="pain", type="number", ask="How strong?", lowest=1, highest=5),
            Asked(id="arrival", type="choice", ask="How will you come?", options=("car", "bus"), is_required=False),
        ),
        objections=((("how much", "price"), "It is free: really."),),
        closing="Thank you. Goodbye!",
        identity="I am an AI assistant.",
        facts={"name": "Tom", "time": "10:30"},
        max_tries=3,
    )


@pytest.mark.parametrize(
    ("instructions", "opening"),
    [
        ("", "Hello."),
        ("  \n", "Hello."),
        ("You are a pirate.", "Hello, I am an AI assistant. How can I help you?"),
        ('Be kind. Say exactly: "Good day, this is a test." Then listen.', "Good day, this is a test."),
        ('say "Good day."', "Good day."),
        ("# Role\nYou are a pirate.", "Hello, I am an AI assistant. How can I help you?"),
    ],
)
def test_instructions_in_another_form(instructions: str, opening: str) -> None:
    """Instructions that are not ours still give something to say, and no questions."""
    assert read_brief(instructions) == Brief(opening=opening)


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        ('Say exactly: "Please hold the line."', "Please hold the line."),
        ('Say exactly: "He said "no" to me."', 'He said "no" to me.'),
        ("Ask whether they are still there.", "Ask whether they are still there."),
        ("x" * 500, "x" * 300),
        ("", ""),
    ],
)
def test_words_of_a_one_off_instruction(instructions: str, words: str) -> None:
    """What stands between the outer quotes is said; without quotes the instruction itself, shortened."""
    assert quoted_words(instructions) == words

"""Call scripts: the shipped ones load, and every fault is one sentence with the place to look at."""

from pathlib import Path

import pytest

from opendeep_kit.errors import BadInput
from opendeep_kit.tasks.script import MAX_BYTES, Objection, load_script, parse_script

SCRIPTS = sorted((Path(__file__).parents[2] / "notebooks/scripts").glob("*.md"))

FRONT = """\
---
goal: Confirm it with {name}.
organisation: Riverside Dental
questions:
  - id: attending
    ask: Can you come, {name}?
    type: yes_no
---
"""
OPENING = "# Opening\nHello, this is {organisation}. {disclosure}\n"
CLOSING = "# Closing\nThank you. Goodbye!\n"
WHOLE = f"{FRONT}\n{OPENING}\n{CLOSING}"


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_shipped_script_loads(path: Path) -> None:
    """Every script beside the notebooks is a script, with questions and an answer for machines."""
    script = load_script(path)

    assert script.name == path.stem.replace("_", "-")
    assert script.task.required
    assert script.voicemail
    assert "{disclosure}" in script.opening


def test_there_are_shipped_scripts() -> None:
    """The table above is not empty."""
    assert len(SCRIPTS) >= 2


def test_whole_script() -> None:
    """Every section ends up where it belongs."""
    script = parse_script(
        WHOLE
        + "# Objections\n\n- How Much | what does it cost: Nothing: it is free.\n# Voicemail\nCall us.\n# Style\nCalm.\n",
        name="Confirm It",
    )

    assert (script.name, script.opening) == ("confirm-it", "Hello, this is {organisation}. {disclosure}")
    assert script.objections == (Objection(when=("how much", "what does it cost"), say="Nothing: it is free."),)
    assert (script.closing, script.voicemail, script.style) == ("Thank you. Goodbye!", "Call us.", "Calm.")


def test_optional_sections() -> None:
    """Opening and closing are enough."""
    script = parse_script(WHOLE)

    assert (script.objections, script.voicemail, script.style) == ((), "", "")


def test_identity_is_the_text() -> None:
    """One blank more is another version."""
    assert parse_script(WHOLE).sha256 == parse_script(WHOLE).sha256
    assert parse_script(WHOLE).sha256 != parse_script(WHOLE + " ").sha256


def test_disclosure_in_its_own_words() -> None:
    """The opening may spell the sentence out; case and marks do not matter."""
    spoken = "# Opening\nHello! I am an AI assistant and this call is recorded, Maria.\n"

    assert parse_script(FRONT + spoken + CLOSING).opening.startswith("Hello!")


FAULTS: dict[str, tuple[str, str]] = {
    "nothing": ("", "s.md does not begin with front matter: put the task between two lines of three dashes."),
    "no front matter": (OPENING + CLOSING, "s.md does not begin with front matter"),
    "words before it": (f"Hi\n{WHOLE}", "s.md does not begin with front matter"),
    "it never ends": (WHOLE.replace("---\n\n# O", "\n# O"), "s.md does not begin with front matter"),
    "empty front matter": (f"---\n---\n{OPENING}{CLOSING}", "s.md: the front matter is empty: give at least goal"),
    "broken YAML": (
        WHOLE.replace("type: yes_no", "type: [yes_no"),
        "s.md, line 7: the front matter is not valid YAML (",
    ),
    "a colon too many": (
        WHOLE.replace("goal: C", "goal: C: c"),
        "s.md, line 2: the front matter is not valid YAML (mapping",
    ),
    "a tab": (WHOLE.replace("    ask", "\task"), "s.md, line 6: the front matter is not valid YAML (found character"),
    "a day that is none": (
        WHOLE.replace("goal:", "examples:\n  name: 2026-02-30\ngoal:"),
        "s.md, line 3: the front matter is not valid YAML ('2026-02-30' is not possible here; put it in quotes if it is",
    ),
    "a tagged value that is none": (
        WHOLE.replace("goal:", "voice: !!timestamp marin\ngoal:"),
        "s.md, line 2: the front matter is not valid YAML ('marin' is not possible here",
    ),
    "a day that is one": (
        WHOLE.replace("goal:", "examples: {name: 2026-02-28}\ngoal:"),
        "s.md, line 2: examples.name: input should be a valid string: put it in quotes.",
    ),
    "brackets without end": (WHOLE.replace("goal:", f"x: {'[' * 5000}\ngoal:"), "s.md: the front matter is nested too"),
    "no such setting": (
        WHOLE.replace("goal:", "gaol: x\ngoal:"),
        "s.md, line 2: gaol: unknown setting: use one of: script, goal, organisation, language,",
    ),
    "no goal": (WHOLE.replace("goal: Confirm it with {name}.\n", ""), "s.md: goal: field required: correct it."),
    "wrong type": (
        WHOLE.replace("yes_no", "maybe"),
        "s.md, line 4: questions.0.type: input should be 'yes_no', 'number', 'choice', 'date' or 'text': correct it.",
    ),
    "two questions, one id": (
        WHOLE.replace("---\n\n#", "  - {id: attending, ask: Really}\n---\n\n#"),
        "s.md: task: two questions have the id 'attending': correct it.",
    ),
    "unknown heading": (
        f"{WHOLE}# Objectives\n",
        "s.md, line 15: unknown heading 'Objectives': use one of: Opening, Objections, Closing, Voicemail, Style.",
    ),
    "duplicated heading": (
        f"{WHOLE}# Opening\nHi.\n",
        "s.md, line 15: the heading 'Opening' appears twice: merge the two sections.",
    ),
    "text before the first heading": (
        WHOLE.replace("# Opening\n", "\n"),
        "s.md, line 9: text before the first heading: put it under a heading.",
    ),
    "no opening": (FRONT + CLOSING, "s.md has no section '# Opening': add it: what the agent says first;"),
    "no closing": (FRONT + OPENING, "s.md has no section '# Closing': add it: the goodbye after"),
    "empty closing": (f"{FRONT}{OPENING}# Closing\n\n", "s.md has no section '# Closing'"),
    "unknown placeholder": (
        f"{WHOLE}# Voicemail\nCall {{town}}.\n",
        "s.md, line 16: nothing fills the placeholder {town}: add it to facts, or use one of: disclosure, name, organisation.",
    ),
    "unknown placeholder in a question": (
        WHOLE.replace("come, {name}", "come on {date}"),
        "s.md, question attending: nothing fills the placeholder {date}",
    ),
    "unknown placeholder in the goal": (
        WHOLE.replace("with {name}", "on {date}"),
        "s.md, goal: nothing fills the placeholder {date}",
    ),
    "placeholder in the disclosure": (
        WHOLE.replace("goal:", 'disclosure: "I am the AI of {organisation}."\ngoal:'),
        "s.md: the disclosure contains a placeholder: write it out: it is said word for word.",
    ),
    "unknown placeholder, lines below": (
        f"{WHOLE}# Style\n\nCalm.\n\nSay {{x\n y}}.\n",
        "s.md, line 19: nothing fills the placeholder {x y}",
    ),
    "no disclosure": (
        WHOLE.replace(" {disclosure}", ""),
        "s.md: the opening does not tell the callee that an AI is speaking: put {disclosure} into it.",
    ),
    "objection without an answer": (
        f"{WHOLE}# Objections\n- how much: Nothing.\n- where\n",
        "s.md, line 17: not a valid objection: write `- when they say this | or this: say that`.",
    ),
    "objection without a dash": (
        f"{WHOLE}# Objections\n\nhow much: Nothing.\n",
        "s.md, line 17: not a valid objection",
    ),
    "objection to nothing": (f"{WHOLE}# Objections\n- | : Nothing.\n", "s.md, line 16: not a valid objection"),
    "no name": (
        WHOLE.replace("goal:", "script: 7 days\ngoal:"),
        "s.md: '7-days' is not a valid script name: use at most 64",
    ),
}


@pytest.mark.parametrize(("text", "sentence"), FAULTS.values(), ids=FAULTS)
def test_fault_is_one_sentence(text: str, sentence: str) -> None:
    """Whatever is wrong, the sentence names file, place and what to do."""
    with pytest.raises(BadInput) as caught:
        parse_script(text, source="s.md")

    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_windows_line_ends(tmp_path: Path) -> None:
    """A script saved on Windows, with a mark at its begin, is the same script."""
    path = tmp_path / "it.md"
    path.write_bytes(b"\xef\xbb\xbf" + WHOLE.replace("\n", "\r\n").encode())

    script = load_script(path)

    assert (script.name, script.closing) == ("it", "Thank you. Goodbye!")
    assert script.sha256 == parse_script(WHOLE).sha256


def test_unreadable_files(tmp_path: Path) -> None:
    """Not there, a folder, not text, not a page or two: each says which."""
    gone, latin, huge = tmp_path / "gone.md", tmp_path / "latin.md", tmp_path / "huge.md"
    latin.write_bytes(WHOLE.replace("Hello", "Grüß Gott").encode("cp1252"))
    huge.write_text(WHOLE + "# Style\n" + "x" * MAX_BYTES)

    for path, told in (
        (gone, "No such file or directory): check the path."),
        (tmp_path, "Is a directory): check the path."),
        (latin, "latin.md is not UTF-8 text: save it as UTF-8."),
        (huge, "huge.md is larger than 100000 bytes: a call script is a page or two of text."),
    ):
        with pytest.raises(BadInput) as caught:
            load_script(path)
        assert str(caught.value).endswith(told)


def test_script_shows_itself() -> None:
    """A notebook shows goal, opening and questions."""
    html = parse_script(WHOLE, name="it")._repr_html_()

    assert "<code>attending</code> (yes_no) Can you come, {name}?" in html


def test_markup_in_a_script_is_text() -> None:
    """What a script says is shown, never run, in a notebook."""
    html = parse_script(WHOLE.replace("Thank you.", "<script>alert(1)</script>"))._repr_html_()

    assert "<script>" not in html
    assert "&lt;script&gt;" in html

"""Call scripts: a readable file that says what to achieve and how to word it.

Given a file's text, returns a validated `CallScript`; every mistake is reported in one sentence with its line. A file
is Markdown: front matter (YAML: the task), then sections. Never renders instructions: that is `prompt`.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml
from pydantic import ValidationError

from opendeep_kit.errors import BadInput
from opendeep_kit.tasks.spec import TaskSpec, placeholders_in, spec_from

SECTIONS = {
    "opening": "what the agent says first; must contain {disclosure} or the disclosure's own words",
    "objections": "a list of `- when the callee says this | or this: say that`",
    "closing": "the goodbye after a successful conversation",
    "voicemail": "the message for an answering machine",
    "style": "how to speak, for the model only",
}
"""Known headings and what they are for."""
REQUIRED_SECTIONS = ("opening", "closing")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
MAX_BYTES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What a callee may say, and the reply to it."""

    when: tuple[str, ...]
    """Phrases, in lower case; any of them counts."""
    say: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallScript:
    """One version of a script, identified by its text."""

    name: str
    task: TaskSpec
    opening: str
    closing: str
    objections: tuple[Objection, ...] = ()
    voicemail: str = ""
    """Empty: hang up on answering machines without a word."""
    style: str = ""
    text: str
    """The file's text, for the record."""

    @property
    def sha256(self) -> str:
        """Identifies this version."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def _repr_html_(self) -> str:
        escape = html.escape
        rows = "".join(f"<li><code>{q.id}</code> ({q.type}) {escape(q.ask)}</li>" for q in self.task.questions)
        return (
            f"<b>{self.name}</b> <code>{self.sha256[:8]}</code><p>{escape(self.task.goal)}</p>"
            f"<p><i>{escape(self.opening)}</i></p><ol>{rows}</ol><p><i>{escape(self.closing)}</i></p>"
        )


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, which also names the line of an impossible value, such as the date 2026-02-30."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """Build the node's value."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError) as error:  # 2026-02-30, or the like with a tag
            problem = f"{str(node.value)[:40]!r} is not possible here; put it in quotes if it is meant as text"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


def load_script(path: Path | str) -> CallScript:
    """The script in this file.

    Raises:
        BadInput: it cannot be read, or is not a script; the message names file and line.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path} is larger than {MAX_BYTES} bytes", do="a call script is a page or two of text")
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(f"{path} is not UTF-8 text", do="save it as UTF-8") from None
    except OSError as error:
        raise BadInput(f"cannot read the script {path} ({error.strerror})", do="check the path") from None
    return parse_script(text, name=path.stem, source=str(path))


def parse_script(text: str, *, name: str = "script", source: str = "the script") -> CallScript:
    """The script in this text.

    Args:
        name: its name when the front matter gives none.
        source: what errors call it.

    Raises:
        BadInput: it is not a script; the message names the line.
    """
    front, body, body_line = _split(text, source)
    script_name = str(front.pop("script", name)).lower().replace(" ", "-")
    if not _NAME.fullmatch(script_name):
        raise BadInput(
            f"{source}: {script_name!r} is not a valid script name", do="use at most 64 of a-z, 0-9, - and _"
        )
    task = _task(front, text, source)
    sections = _sections(body, body_line, source)
    for missing in (title for title in REQUIRED_SECTIONS if not sections.get(title, ("", 0))[0]):
        raise BadInput(f"{source} has no section '# {missing.title()}'", do=f"add it: {SECTIONS[missing]}")
    _check_placeholders(sections, task, source)
    opening = sections["opening"][0]
    _check_disclosure(opening, task, source)
    return CallScript(
        name=script_name,
        task=task,
        opening=opening,
        closing=sections["closing"][0],
        objections=tuple(_objections(*sections.get("objections", ("", 0)), source)),
        voicemail=sections.get("voicemail", ("", 0))[0],
        style=sections.get("style", ("", 0))[0],
        text=text,
    )


def _split(text: str, source: str) -> tuple[dict[str, object], str, int]:
    lines = text.split("\n")
    fences = [number for number, line in enumerate(lines) if line.strip() == "---"][:2]
    if len(fences) < 2 or any(line.strip() for line in lines[: fences[0]]):
        raise BadInput(
            f"{source} does not begin with front matter", do="put the task between two lines of three dashes"
        )
    begin, end = fences
    try:
        front = yaml.load("\n".join(lines[begin + 1 : end]), _Loader)
    except RecursionError:
        raise BadInput(
            f"{source}: the front matter is nested too deeply", do="see the example scripts in notebooks/scripts"
        ) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = begin + 2 + (mark.line if mark else 0)
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise BadInput(
            f"{source}, line {line}: the front matter is not valid YAML ({problem})", do="correct it"
        ) from None
    if not isinstance(front, dict):
        raise BadInput(f"{source}: the front matter is empty", do="give at least goal and organisation")
    return {str(key): value for key, value in front.items()}, "\n".join(lines[end + 1 :]), end + 2


def _task(front: dict[str, object], text: str, source: str) -> TaskSpec:
    try:
        return spec_from(front)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "task"
        key = str(first["loc"][0]) if first["loc"] else ""
        line = next((n for n, row in enumerate(text.split("\n"), 1) if key and row.startswith(f"{key}:")), 0)
        where = f"{source}, line {line}" if line else source
        message = first["msg"].removeprefix("Value error, ").lower()
        is_unquoted = first["type"] == "string_type" and isinstance(first["input"], bool | float | int | date)
        hint = "put it in quotes" if is_unquoted else "correct it"
        if first["type"] == "extra_forbidden":
            message, hint = (
                "unknown setting",
                f"use one of: {', '.join(['script', *TaskSpec.model_fields])}",
            )
        raise BadInput(f"{where}: {place}: {message}", do=hint) from None


def _sections(body: str, first_line: int, source: str) -> dict[str, tuple[str, int]]:
    """Heading in lower case → its text and the line where the text begins."""
    sections: dict[str, tuple[str, int]] = {}
    title, lines, title_line = "", [], first_line
    for number, line in enumerate([*body.split("\n"), "# "], first_line):
        if not line.startswith("# "):
            lines.append(line)
            continue
        text = "\n".join(lines).strip()
        if title:
            blank = next((n for n, row in enumerate(lines) if row.strip()), 0)
            sections[title] = (text, title_line + 1 + blank)
        elif text:
            raise BadInput(f"{source}, line {first_line}: text before the first heading", do="put it under a heading")
        title, lines, title_line = line[2:].strip().lower(), [], number
        if title and title not in SECTIONS:
            raise BadInput(
                f"{source}, line {number}: unknown heading {line[2:].strip()!r}",
                do=f"use one of: {', '.join(name.title() for name in SECTIONS)}",
            )
        if title in sections:
            raise BadInput(
                f"{source}, line {number}: the heading {title.title()!r} appears twice", do="merge the two sections"
            )
    return sections


def _check_placeholders(sections: dict[str, tuple[str, int]], task: TaskSpec, source: str) -> None:
    known = ", ".join(sorted(task.placeholders))
    parts = [(task.goal, ", goal", 0), *((text, "", line) for text, line in sections.values())]
    parts += [(question.ask, f", question {question.id}", 0) for question in task.questions]
    for text, where, line in parts:
        strange = next((name for name in placeholders_in(text) if name not in task.placeholders), None)
        if strange is None:
            continue
        if line:
            where = f", line {line + text[: text.index(f'{{{strange}}}')].count(chr(10))}"
        raise BadInput(
            f"{source}{where}: nothing fills the placeholder {{{' '.join(strange.split())}}}",
            do=f"add it to facts, or use one of: {known}",
        )
    if placeholders_in(task.disclosure):
        raise BadInput(f"{source}: the disclosure contains a placeholder", do="write it out: it is said word for word")


def _check_disclosure(opening: str, task: TaskSpec, source: str) -> None:
    """Fail closed: a callee must be told at the start that an AI is speaking."""
    plain: Callable[[str], str] = lambda text: re.sub(r"\W+", " ", text.lower()).strip()  # noqa: E731
    if "{disclosure}" not in opening and plain(task.disclosure) not in plain(opening):
        raise BadInput(
            f"{source}: the opening does not tell the callee that an AI is speaking", do="put {disclosure} into it"
        )


def _objections(text: str, line: int, source: str) -> Iterator[Objection]:
    for number, row in enumerate(text.split("\n"), line):
        if not row.strip():
            continue
        when, colon, say = row.strip().removeprefix("- ").partition(":")
        phrases = tuple(phrase.strip().lower() for phrase in when.split("|") if phrase.strip())
        if not row.strip().startswith("- ") or not colon or not phrases or not say.strip():
            raise BadInput(
                f"{source}, line {number}: not a valid objection",
                do="write `- when they say this | or this: say that`",
            )
        yield Objection(when=phrases, say=say.strip())

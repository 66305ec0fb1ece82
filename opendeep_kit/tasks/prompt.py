"""Turns task, script and contact into what one call says, and into the instructions a voice model gets.

Given a script and the contact's facts, returns them as a `SpokenTask`, or as text in sections. The text is for models
only: nobody parses it (the local voice model gets the `SpokenTask` beside it). Never holds another contact's data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from opendeep_kit.errors import BadInput
from opendeep_kit.tasks.script import CallScript, Objection
from opendeep_kit.tasks.spec import AnswerType, Part, Question, fill

MAX_FACT_CHARS = 300
OWN_TOOLS = "- Asked what you do not know: look it up with {names}; if it is not there, say that you do not know."
HUMAN = "say that you connect them and call `transfer_to_human`."
NO_HUMAN = "nobody can be connected; ask when a colleague may call, and call `schedule_callback`."

RULES = """\
- Say the opening's words first, whole; do not leave out that you are an AI.
- One question at a time, in the order given. Keep every turn to one or two short sentences.
- As soon as an answer is clear call `record_answer` with the question's id, then go on.
- An answer that you cannot use: ask once more in other words, then go on without it.
- If you are asked who you are or whether you are a machine, tell the truth.
- If they ask never to be called again: call `do_not_call_again` at once, confirm it, and end the call.
- If they want another time: ask when, call `schedule_callback`, confirm it, and end the call.
- If they want a human: {human}
- If it is the wrong person, they refuse, or have no time: apologise briefly and end the call.
- If a machine answers: call `leave_voicemail` with the voicemail text; without one, end the call.
- To end the call say goodbye and call `end_call` in the same turn, with the reason.
- Never invent facts. Never ask for passwords, card numbers or health details beyond the questions."""


LOCAL_TASK = "opendeep_task"
"""Our addition to `session` in a `session.update`, for the local server only: others refuse what they do not know."""
MAX_ASK_CHARS = 2000


class SpokenTask(Part):
    """A call script with one contact's facts filled in."""

    opening: str
    questions: tuple[Question, ...] = ()
    objections: tuple[Objection, ...] = ()
    closing: str
    voicemail: str = ""
    """Empty: hang up on answering machines without a word."""
    identity: str
    """The answer to "who is calling?"."""
    max_tries_per_question: int = 2


def spoken_task(script: CallScript, facts: Mapping[str, str]) -> SpokenTask:
    """What one call says and asks.

    Args:
        facts: the contact's, by the names the task lists.

    Raises:
        BadInput: a fact the task lists is missing.
    """
    task, values = script.task, values_of(script, facts)
    return SpokenTask(
        opening=fill(script.opening, values),
        questions=tuple(
            question.model_copy(update={"ask": fill(question.ask, values)[:MAX_ASK_CHARS]})
            for question in task.questions
        ),
        objections=tuple(Objection(when=item.when, say=fill(item.say, values)) for item in script.objections),
        closing=fill(script.closing, values),
        voicemail=fill(script.voicemail, values),
        identity=f"I am calling on behalf of {task.organisation}. {task.disclosure}",
        max_tries_per_question=task.limits.max_tries_per_question,
    )


def render(script: CallScript, facts: Mapping[str, str]) -> str:
    """The instructions for one call.

    Args:
        facts: the contact's, by the names the task lists.

    Raises:
        BadInput: a fact the task lists is missing.
    """
    task, spoken, values = script.task, spoken_task(script, facts), values_of(script, facts)
    parts = [
        f"# Role\nYou are the voice assistant of {task.organisation}, on a telephone call. Speak {task.language}.",
        f"# Goal\n{fill(task.goal, values)}",
        "# Facts\n" + "\n".join(f"- {name}: {values[name]}" for name in task.facts),
        f"# Opening\n{spoken.opening}",
    ]
    if spoken.questions:
        lines = [f"{n}. {_question(question)}" for n, question in enumerate(spoken.questions, 1)]
        parts.append("# Questions\n" + "\n".join(lines))
    if spoken.objections:
        lines = [f"- {' | '.join(item.when)}: {item.say}" for item in spoken.objections]
        parts.append("# Objections\n" + "\n".join(lines))
    parts.append(f"# Closing\n{spoken.closing}")
    if spoken.voicemail:
        parts.append(f"# Voicemail\n{spoken.voicemail}")
    parts.append(f"# Identity\n{spoken.identity}")
    if script.style:
        parts.append(f"# Style\n{script.style}")
    rules = RULES.replace("{human}", HUMAN if task.transfer_to else NO_HUMAN)
    if task.tools:
        rules += "\n" + OWN_TOOLS.replace("{names}", " or ".join(f"`{name}`" for name in task.tools))
    parts.append(f"# Rules\n{rules}\n- Ask a question at most {spoken.max_tries_per_question} times.")
    return "\n\n".join(parts) + "\n"


LACKS = "the contact lacks"
"""How the reason begins when a call was not placed because a fact in its script is missing."""


def values_of(script: CallScript, facts: Mapping[str, str]) -> dict[str, str]:
    """The values of the script's placeholders: plain text on one line, so that no fact can pose as a section."""
    missing = [name for name in script.task.facts if not _plain(facts.get(name, ""))]
    if missing:
        raise BadInput(
            f"{LACKS} {', '.join(missing)}, which the script {script.name!r} uses",
            do="fill in that column, or remove it from the script's facts",
        )
    plain = {name: _plain(facts[name]) for name in script.task.facts}
    return plain | {"organisation": script.task.organisation, "disclosure": script.task.disclosure}


def _plain(fact: str) -> str:
    return re.sub(r"^(#+ )+", "", " ".join(str(fact).split()))[:MAX_FACT_CHARS]


def _question(question: Question) -> str:
    form = str(question.type)
    if question.type is AnswerType.CHOICE:
        form += f": {' | '.join(question.options)}"
    elif question.type is AnswerType.NUMBER and (question.lowest is not None or question.highest is not None):
        low = "" if question.lowest is None else f"{question.lowest:g}"
        high = "" if question.highest is None else f"{question.highest:g}"
        form += f": {low}..{high}"
    need = "required" if question.required else "optional"
    return f"[{question.id}] ({form}; {need}) {question.ask}"

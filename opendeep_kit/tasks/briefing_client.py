"""The briefing's understanding by a text model: any OpenAI-compatible endpoint.

Given the draft so far and the person's words, asks the model for the whole draft and takes over only what is valid.
Never lets the model decide what is asked next, or remove the disclosure.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import openai
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opendeep_kit.errors import Unavailable
from opendeep_kit.numbers import E164
from opendeep_kit.settings import LlmSettings
from opendeep_kit.tasks.briefing import MOST_QUESTIONS, tells_of_ai, understood
from opendeep_kit.tasks.briefing_draft import Draft, Topic
from opendeep_kit.tasks.briefing_questions import slug
from opendeep_kit.tasks.spec import AnswerType, Identifier, Question, Sentence

INSTRUCTIONS = """\
You fill in the description of a telephone campaign from what its owner says. You get the description so far, the topic
that was asked about, and the owner's words. Answer with one JSON object and nothing else, with these members:
goal: one sentence; "{name}" stands for the callee's name, other facts likewise. organisation: on whose behalf.
people: whom, one plural noun. questions: list of {"ask": the question as the agent asks it, "type": "yes_no" | "number"
| "choice" | "date" | "text", "options": [...] for choice, "lowest" and "highest" for a scale, "required": bool}.
facts: names of columns known of each callee, lower case with _. examples: an invented value for each fact but name.
disclosure: the sentence that tells the callee that an AI speaks. transfer_to: E.164 number or null.
max_duration_s: number. nothing_more: true when the owner is content with the topic asked about.
Keep everything of the description that the words do not change. Invent nothing."""


class _Heard(BaseModel):
    """The model's answer."""

    model_config = ConfigDict(extra="ignore")

    goal: str = ""
    organisation: str = ""
    people: str = ""
    questions: list[dict[str, Any]] = Field(default_factory=list)
    facts: list[Identifier] = Field(default_factory=list)
    examples: dict[Identifier, str] = Field(default_factory=dict)
    disclosure: Sentence | None = None
    transfer_to: E164 | None = None
    max_duration_s: float | None = Field(None, gt=0, le=3600)
    nothing_more: bool = False


class BriefingClient:
    """`understood` by a text model."""

    def __init__(self, settings: LlmSettings) -> None:
        key = settings.api_key.get_secret_value() if settings.api_key else "none"
        self._client = openai.OpenAI(base_url=settings.base_url, api_key=key, timeout=settings.timeout_s, max_retries=1)
        self._model = settings.model

    def understood(self, draft: Draft, said: str) -> Draft:
        """The draft with what these words add.

        Raises:
            Unavailable: the model does not answer, or not in the requested form.
        """
        asked = json.dumps({"description": _plain(draft), "asked_about": draft.next_topic, "words": said})
        try:
            completion = self._client.chat.completions.create(
                model=self._model,
                messages=[{"role": "system", "content": INSTRUCTIONS}, {"role": "user", "content": asked}],
            )
        except openai.OpenAIError as error:
            raise Unavailable(
                f"the text model does not answer ({type(error).__name__})",
                do="check llm.base_url, llm.model and its key",
            ) from None
        heard = _heard(completion.choices[0].message.content or "" if completion.choices else "")
        return _merged(draft, heard, said)


def _heard(text: str) -> _Heard:
    braces = re.search(r"\{.*\}", text, re.DOTALL)
    try:
        return _Heard.model_validate_json(braces[0] if braces else "")
    except ValidationError:
        raise Unavailable("the text model did not answer in the requested form", do="say it in other words") from None


def _merged(draft: Draft, heard: _Heard, said: str) -> Draft:
    """Take over what is present and valid; what is settled follows as with the rules."""
    topic = draft.next_topic
    facts = tuple(dict.fromkeys(["name", *heard.facts])) if heard.facts else draft.facts
    disclosure = heard.disclosure if heard.disclosure and tells_of_ai(heard.disclosure) else draft.disclosure
    changed = replace(
        draft,
        goal=heard.goal.strip() or draft.goal,
        organisation=re.sub(r"[{}]", "", heard.organisation).strip() or draft.organisation,
        people=heard.people.strip().lower() or draft.people,
        questions=_questions(heard.questions)
        or (() if heard.questions == [] and topic is Topic.CONFIRM else draft.questions),
        facts=facts,
        examples={name: value for name, value in heard.examples.items() if name in facts},
        disclosure=re.sub(r"[{}]", "", disclosure),
        transfer_to=heard.transfer_to or draft.transfer_to,
        max_duration_s=heard.max_duration_s or draft.max_duration_s,
    )
    settled = set(draft.settled)
    settled |= {Topic.GOAL} if changed.goal else set()
    settled |= {Topic.ORGANISATION} if changed.organisation else set()
    if topic is Topic.CONFIRM:
        settled |= {Topic.CONFIRM, Topic.DONE} & (understood(draft, said).settled if changed == draft else set())
    elif topic not in (Topic.GOAL, Topic.ORGANISATION) and (heard.nothing_more or topic not in (Topic.QUESTIONS,)):
        settled.add(topic)
    return replace(changed, settled=frozenset(settled))


def _questions(described: list[dict[str, Any]]) -> tuple[Question, ...]:
    """The valid questions, each with an id of its own."""
    questions: list[Question] = []
    for given in described[:MOST_QUESTIONS]:
        known = {key: value for key, value in given.items() if key in Question.model_fields and value not in (None, [])}
        known["id"] = slug(str(given.get("ask", "")), [question.id for question in questions])
        if known.get("type") != AnswerType.CHOICE:
            known.pop("options", None)
        if known.get("type") != AnswerType.NUMBER:
            known = {key: value for key, value in known.items() if key not in ("lowest", "highest")}
        try:
            questions.append(Question.model_validate(known))
        except ValidationError:
            continue  # the briefing shows what it understood; the owner can repeat it
    return tuple(questions)


def _plain(draft: Draft) -> dict[str, Any]:
    return {
        "goal": draft.goal,
        "organisation": draft.organisation,
        "people": draft.people,
        "questions": [
            question.model_dump(mode="json", exclude_defaults=True, exclude={"id"}) for question in draft.questions
        ],
        "facts": [*draft.facts],
        "examples": draft.examples,
        "disclosure": draft.disclosure,
        "transfer_to": draft.transfer_to,
        "max_duration_s": draft.max_duration_s,
    }

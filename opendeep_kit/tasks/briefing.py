"""A task defined in conversation: question and answer, until there is a call script to rehearse. Pure.

Given what a person says, fills a `Draft` and asks for what is missing; the result is a script that `parse_script`
accepts. Never drops the disclosure: every callee is told that an AI is speaking.
"""

from __future__ import annotations

import re
from dataclasses import replace

from opendeep_kit.errors import BadInput
from opendeep_kit.tasks import briefing_words as words
from opendeep_kit.tasks.briefing_draft import Draft, Topic, script_text
from opendeep_kit.tasks.briefing_questions import NUMBERS, number, questions_in
from opendeep_kit.tasks.script import CallScript, parse_script
from opendeep_kit.tasks.spec import DEFAULT_DISCLOSURE

MOST_QUESTIONS = 12
"""Hardly any callee stays to the end of more."""
MOST_CHARS = 1000
"""Longer input is cut: a task is described in sentences, not pages."""
_TELLS_AI = re.compile(r"\b(ai|a\.i\.|artificial|automated|computer|robot|machine|virtual)\b", re.IGNORECASE)
_HIDES_AI = re.compile(
    r"\b(?:don'?t|do not|never|not|without|hide|no need to|pretend|avoid)\b.{0,40}"
    r"\b(?:ai|machine|robot|human|disclos\w*|record\w*)\b",
    re.I,
)
_ORDINAL = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}


class Briefing:
    """One conversation: `say` things until `is_done`, then use `script`."""

    def __init__(self) -> None:
        self.draft = Draft()
        self.talk: list[tuple[str, str]] = [("kit", _ASK[Topic.GOAL])]
        """Speaker (`kit` or `you`) and words."""

    @property
    def topic(self) -> Topic:
        """What was asked about last."""
        return self.draft.next_topic

    @property
    def is_done(self) -> bool:
        """The script was reviewed and accepted."""
        return self.topic is Topic.DONE

    @property
    def script_text(self) -> str:
        """The script so far; empty until goal and organisation are known."""
        return script_text(self.draft) if self.draft.goal and self.draft.organisation else ""

    @property
    def script(self) -> CallScript:
        """The call script.

        Raises:
            BadInput: goal or organisation is not known yet.
        """
        if not self.script_text:
            raise BadInput("the task is not complete yet", do="answer the briefing's questions first")
        return parse_script(self.script_text, source="the briefing's script")

    def say(self, said: str) -> str:
        """Say something; returns the reply."""
        before = self.draft
        return self.take(understood(before, said), said)

    def take(self, draft: Draft, said: str) -> str:
        """Continue with the draft that somebody else understood from these words."""
        note = _note(self.draft, draft, said)
        self.draft = draft
        answer = " ".join(part for part in (note, next_question(draft)) if part)
        self.talk += [("you", said), ("kit", answer)]
        return answer


def tells_of_ai(disclosure: str) -> bool:
    """Whether a callee who hears this knows that an AI is speaking."""
    return bool(_TELLS_AI.search(disclosure)) and not _HIDES_AI.search(disclosure)


def understood(draft: Draft, said: str) -> Draft:
    """The draft with what these words add, understood by rules."""
    topic = draft.next_topic
    said = re.sub(r"[{}\x00-\x08\x0b-\x1f]", " ", said)[:MOST_CHARS].strip()
    if not said or topic is Topic.DONE:
        return draft
    if topic is Topic.CONFIRM:
        return _corrected(draft, said)
    changed = replace(draft, people=draft.people or words.people(said))
    named = words.organisation(said, is_asked=topic is Topic.ORGANISATION)
    if named and not draft.organisation:
        changed = _settle(replace(changed, organisation=named), Topic.ORGANISATION)
    match topic:
        case Topic.GOAL:
            changed = _with_purpose(changed, said)
        case Topic.QUESTIONS:
            changed = _with_questions(changed, said)
        case Topic.FACTS:
            changed = _with_facts(changed, said)
        case Topic.DISCLOSURE:
            changed = _with_disclosure(changed, said)
        case Topic.LIMITS:
            changed = _with_limits(changed, said)
        case _:
            pass
    return changed


def next_question(draft: Draft) -> str:
    """The briefing's next question."""
    topic = draft.next_topic
    if topic is Topic.DONE:
        return "The script is ready: rehearse it."
    if topic is Topic.QUESTIONS and draft.questions:
        asked = " ".join(f"{place}. {question.ask}" for place, question in enumerate(draft.questions, 1))
        return f"The agent will ask: {asked} Anything else to find out?"
    if topic is Topic.CONFIRM:
        return f"{summary(draft)} Is that right, or what should change?"
    if topic is Topic.FACTS:
        known = " and ".join(draft.facts)
        return _ASK[topic].format(known=known, one=words.single(draft.people))
    return _ASK[topic].format(people=draft.people or "people")


def summary(draft: Draft) -> str:
    """The task in a few sentences."""
    over = (
        f"Anyone who asks for a human is connected to {draft.transfer_to}."
        if draft.transfer_to
        else "Nobody takes over; a callback is offered."
    )
    listed = "; ".join(
        f"{place}. {question.ask} ({question.type.replace('_', ' or ')})"
        for place, question in enumerate(draft.questions, 1)
    )
    asked = f"Questions: {listed}." if listed else "No questions."
    return (
        f"Goal: {draft.goal} Calling for {draft.organisation}. {asked} The callee hears: {draft.disclosure!r} "
        f"{over} A call lasts at most {draft.max_duration_s / 60:g} minutes."
    )


_ASK = {
    Topic.GOAL: "What should the calls achieve, and who is called? Say it as you would to a colleague.",
    Topic.ORGANISATION: "On whose behalf is the call? The callee hears this name.",
    Topic.QUESTIONS: "What should the agent find out from the {people}? Name all questions, "
    "with the scale or the choices where there are any.",
    Topic.FACTS: "The agent knows this about each {one}: {known}. Does your list have anything else it should use? "
    "Name the columns, or say no.",
    Topic.DISCLOSURE: f"Every call begins with: {DEFAULT_DISCLOSURE!r} Keep it, or say it in your own words.",
    Topic.LIMITS: "If somebody wants a human, which number takes over? And how long may a call last? "
    "(Default: nobody, and five minutes.)",
}


def _settle(draft: Draft, *topics: Topic) -> Draft:
    return replace(draft, settled=draft.settled | {*topics})


def _with_purpose(draft: Draft, said: str) -> Draft:
    purpose = words.purpose(said)
    if purpose is None:
        return draft
    asked = questions_in(said, taken=[question.id for question in purpose.questions])
    usual = purpose.questions if not asked or "name" not in purpose.facts[:1] or len(purpose.facts) > 1 else ()
    changed = replace(
        draft,
        goal=purpose.goal,
        facts=purpose.facts,
        examples=purpose.examples,
        questions=(*usual, *asked)[:MOST_QUESTIONS],
    )
    return _settle(changed, Topic.GOAL)


def _with_questions(draft: Draft, said: str) -> Draft:
    asked = questions_in(
        said, all_of_it=not (words.NO.match(said) or words.YES.match(said)), taken=[q.id for q in draft.questions]
    )
    if asked:
        return replace(draft, questions=(*draft.questions, *asked)[:MOST_QUESTIONS])
    return _settle(draft, Topic.QUESTIONS)


def _with_facts(draft: Draft, said: str) -> Draft:
    if not words.NO.match(said):
        new = [name for name in words.columns(said) if name not in draft.facts and not words.YES.match(name)]
        draft = replace(draft, facts=(*draft.facts, *new))
    return _settle(draft, Topic.FACTS)


def _with_disclosure(draft: Draft, said: str) -> Draft:
    text = said.strip(" \"'")[:300]
    if words.YES.match(said) and len(said.split()) < 5:
        return _settle(draft, Topic.DISCLOSURE)
    if not tells_of_ai(said):
        return draft
    return _settle(replace(draft, disclosure=f"{text[0].upper()}{text[1:].rstrip('.')}."), Topic.DISCLOSURE)


def _with_limits(draft: Draft, said: str) -> Draft:
    seconds, target = words.minutes(said), words.phone_number(said)
    return _settle(
        replace(draft, max_duration_s=seconds or draft.max_duration_s, transfer_to=target or draft.transfer_to),
        Topic.LIMITS,
    )


def _corrected(draft: Draft, said: str) -> Draft:
    """Apply a change to the finished draft, or settle it on agreement; other words change nothing."""
    gone = re.search(
        r"\b(?:remove|drop|delete|without|leave out|skip)\b.*?"
        rf"(?:question\s*(\d+)|\b(\d+)\b|\b({'|'.join([*_ORDINAL, *NUMBERS])})\b)",
        said,
        re.I,
    )
    if gone:
        word = (gone[1] or gone[2] or gone[3]).lower()
        place = _ORDINAL.get(word) or number(word)
        remaining = [q for n, q in enumerate(draft.questions, 1) if n != (place if place > 0 else len(draft.questions))]
        return replace(draft, questions=tuple(remaining))
    changed = draft
    seconds, target, named = words.minutes(said), words.phone_number(said), words.organisation(said)
    if seconds:
        changed = replace(changed, max_duration_s=seconds)
    if target:
        changed = replace(changed, transfer_to=target)
    if named and re.search(r"\b(organi[sz]ation|company|name|behalf|we are|calling for)\b", said, re.IGNORECASE):
        changed = replace(changed, organisation=named)
    asked = questions_in(
        re.sub(r"^.*?\badd\b(?: a| the)?(?: question)?:?", "ask", said, flags=re.I),
        taken=[q.id for q in draft.questions],
    )
    if asked:
        changed = replace(changed, questions=(*changed.questions, *asked)[:MOST_QUESTIONS])
    goal = re.match(r"\W*(?:the )?goal(?: is|:)\s*(.+)", said, re.IGNORECASE | re.DOTALL)
    if goal:
        changed = replace(changed, goal=goal[1].strip())
    if changed == draft and words.YES.match(said):
        return _settle(draft, Topic.CONFIRM, Topic.DONE)
    return changed


def _note(before: Draft, after: Draft, said: str) -> str:
    """A remark on the words just heard, before the next question."""
    topic = before.next_topic
    if topic is Topic.DISCLOSURE and Topic.DISCLOSURE not in after.settled:
        return "I cannot do that: every callee must hear that an AI is speaking. Please keep those words in it."
    if after == before and topic in (Topic.GOAL, Topic.CONFIRM, Topic.ORGANISATION) and said.strip():
        return "I did not understand that."
    return ""

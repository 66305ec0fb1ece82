"""What a person describing a task means: purpose, organisation, people, limits. By rules, and pure.

Given free words, returns the parts of a task in them. Never asks for what is missing: the briefing does.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field

from opendeep_kit.errors import BadInput
from opendeep_kit.numbers import e164
from opendeep_kit.tasks.briefing_questions import NUMBERS, number
from opendeep_kit.tasks.spec import AnswerType, Question

MOST_NAME_CHARS = 120
_DAY = r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|today|next week"
_PEOPLE = re.compile(
    r"\b(?:call|calls|calling|phone|ring|contact|remind|ask|invite|survey|interview|tell|reach)\s+(?:up\s+)?(?:all\s+)?"
    r"(?:of\s+)?(?:my|our|the|all|these|those|some)?\s*"
    r"((?:[a-z]+\s)?(?:patients|customers|clients|members|guests|parents|tenants|students|donors|subscribers|residents"
    r"|employees|volunteers|applicants|drivers|people|owners|leads|users))\b",
    re.IGNORECASE,
)
_ORGANISATION = re.compile(
    r"\b(?:on behalf of|(?:we|i) (?:are|am|work)(?: at| for| with)?|we're|i'm (?:from|with)|from|for|at|here is|this is"
    r"|(?:company|practice|clinic|shop|organisation|organization|firm|name) is(?: called)?)\s+(?:the\s+)?"
    r"((?-i:[A-Z0-9])[\w&'.-]*(?:\s+(?:(?-i:[A-Z0-9])[\w&'.-]*|of|and|&|the(?= (?-i:[A-Z]))))*)",
    re.IGNORECASE,
)
_NO_NAME = re.compile(
    rf"(?:{_DAY}|january|february|march|april|may|june|july|august|september|october|november|december|ai|i)$", re.I
)
_LEAD = re.compile(
    r"^(?:(?:hello|hi|hey|please|so|well|ok(?:ay)?)[,.!]?\s+)*"
    r"(?:(?:i|we)(?:'d| would)? (?:want|need|like|wish|have)(?: you)? to"
    r"|(?:can|could|would) you|let's|the (?:goal|task) is to|you should|goal:)?\s*(?:please\s+)?",
    re.IGNORECASE,
)
_CALL = re.compile(
    r"^(?:call|phone|ring|contact|reach)(?:\s+up)?\s+(?:all\s+)?(?:of\s+)?(?:my|our|the|these|those|some)?\s*[\w\s-]*?"
    r"(?:\s*,\s*(?:and\s+|to\s+)?|\s+(?:and|to|in order to)\s+|\s+(?=about\b|because\b)|\s*[.:;]\s*|$)",
    re.IGNORECASE,
)
_DURATION = re.compile(rf"\b(\d+|{'|'.join(NUMBERS)}|a)\s*(?:-\s*)?(minutes?|mins?|seconds?|secs?)\b", re.IGNORECASE)
_PHONE = re.compile(r"\+?\d[\d\s().-]{6,}\d")
YES = re.compile(
    r"^\W*(?:yes|yeah|yep|ok(?:ay)?|sure|fine|good|great|perfect|right|correct|agreed|go(?: ahead)?|default"
    r"|that'?s? (?:it|all|fine|right|good)|looks? (?:good|fine|right)"
    r"|as (?:it is|you (?:say|propose))|keep(?: it| that)?|done)\b",
    re.IGNORECASE,
)
NO = re.compile(
    r"^\W*(?:no(?:pe|body|thing|ne|t)?|nah|that'?s (?:it|all)|nothing|enough|done|skip|leave it|that is all)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What the first sentence asks for."""

    goal: str
    facts: tuple[str, ...] = ("name",)
    examples: dict[str, str] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    """Questions that this purpose always asks."""


def people(text: str) -> str:
    """Who is called, in the plural; empty when the words do not say."""
    match = _PEOPLE.search(text)
    return match[1].lower() if match else ""


def organisation(text: str, *, is_asked: bool = False) -> str:
    """On whose behalf the calls are; empty when the words do not say."""
    for match in _ORGANISATION.finditer(text):
        name = re.sub(r"\s+(?:and|of|the|&)$", "", match[1]).rstrip(".,'s" if match[1].endswith("'s") else ".,")
        if not _NO_NAME.match(name):
            return name[:MOST_NAME_CHARS]
    if not is_asked or YES.match(text) or NO.match(text):
        return ""
    plain = re.sub(
        r"^(?:it'?s|it is|its|we'?re|we are|i am|i'm|my (?:company|practice|shop) is)\s+", "", text.strip(), flags=re.I
    )
    return plain.strip(" .!\"'")[:MOST_NAME_CHARS]


def minutes(text: str) -> float | None:
    """A duration, in seconds."""
    match = _DURATION.search(text)
    if not match:
        return None
    count = 1 if match[1].lower() == "a" else number(match[1])
    seconds = float(count if match[2].lower().startswith("sec") else count * 60)
    return seconds if 0 < seconds <= 3600 else None


def phone_number(text: str, region: str = "US") -> str | None:
    """A number to transfer callees to, E.164."""
    for written in _PHONE.findall(text):
        with contextlib.suppress(BadInput):
            return e164(written, region)
    return None


def columns(text: str) -> tuple[str, ...]:
    """Names of facts about a contact: "name, appointment and the doctor" → name, appointment, doctor."""
    parts = re.split(
        r",|;|\n|\band\b|&",
        re.sub(r"^\W*(?:yes|also|there is|we (?:have|know)|their|the)\b[,:]?", "", text, flags=re.I),
    )
    names = []
    for part in parts:
        words = [
            word
            for word in re.findall(r"[a-z]+", part.lower())
            if word not in ("the", "their", "a", "an", "also", "of", "each")
        ]
        if 0 < len(words) <= 3:
            names.append("_".join(words)[:40])
    return tuple(dict.fromkeys(names))


def purpose(text: str) -> Purpose | None:
    """What the call is for; None when the words only say who is called, or nothing."""
    plain = " ".join(text.replace("’", "'").split())
    rest = _CALL.sub("", _LEAD.sub("", plain, count=1), count=1).strip(" .")
    # Later sentences say who they are, or what to ask.
    rest = re.split(r"\.\s+(?=[A-Z])", _LEAD.sub("", rest, count=1).strip())[0]
    about = plain.lower()
    if re.search(r"\b(confirm|check|verify)\w*\b.*\b(appointment|visit|booking|reservation|meeting)s?\b", about):
        return _confirmation(about)
    if (
        re.search(r"\b(satisf\w+|survey|feedback|happy with|how (?:they|people) liked)\b", about)
        and " ask " not in f" {about} "
    ):
        return _survey(plain)
    invited = re.search(r"\binvit\w+\b.*?\bto\s+(.+?)(?:[.;]| and (?:ask|find)|, ask|$)", plain, re.IGNORECASE)
    if invited:
        return _invitation(_braces_gone(invited[1]))
    reminded = re.search(
        r"\bremind\w*\b.*?\b(?:of|about|that|to)\s+(.+?)(?:[.;]| and (?:ask|find)|, ask|$)", plain, re.IGNORECASE
    )
    if reminded:
        return _reminder(_braces_gone(reminded[1]), re.search(r"\b(of|about|that|to)\b", reminded[0]))
    if re.search(r"\b(invoice|payment|overdue|debt|bill)s?\b", about):
        return _payment()
    if len(rest.split()) < 2:
        return None
    return Purpose(goal=_generic(_braces_gone(rest)))


def _confirmation(about: str) -> Purpose:
    what = "appointment"
    for word in ("reservation", "booking", "visit", "meeting"):
        what = word if word in about else what
    day = re.search(rf"\b({_DAY})\b", about)
    when = (
        f"{day[1].capitalize() if day[1].endswith('day') and day[1] != 'today' else day[1]} at ten"
        if day
        else "Tuesday at ten"
    )
    ask = Question(id="attending", ask=f"Can you come to your {what} on {{{what}}}?", type=AnswerType.YES_NO)
    if day and day[1] in ("tomorrow", "today", "next week"):
        ask = ask.model_copy(update={"ask": f"Can you come to your {what}, {{{what}}}?"})
    goal = f"Confirm the {what} of {{name}}: {{{what}}}."
    return Purpose(goal=goal, facts=("name", what), examples={what: when}, questions=(ask,))


def _survey(plain: str) -> Purpose:
    subject = re.search(
        r"\b(?:about|with|on)\s+(?:their|the|our)\s+([\w\s-]{2,60}?)(?:[.,;]| and |$)", plain, re.IGNORECASE
    )
    of = f"with our {subject[1].strip()}" if subject else "with our service"
    satisfied = Question(
        id="satisfied",
        ask=f"On a scale from one to five, how satisfied are you {of}?",
        type=AnswerType.NUMBER,
        lowest=1,
        highest=5,
    )
    comment = Question(id="comment", ask="Is there anything that we should do better?", required=False)
    return Purpose(goal=f"Learn how satisfied {{name}} is {of}.", questions=(satisfied, comment))


def _invitation(event: str) -> Purpose:
    ask = Question(id="coming", ask=f"Will you come to {event}?", type=AnswerType.YES_NO)
    return Purpose(goal=f"Invite {{name}} to {event}.", questions=(ask,))


def _reminder(what: str, link: re.Match[str] | None) -> Purpose:
    word = link[1].lower() if link else "of"
    word = "of" if word == "about" else word
    ask = Question(id="understood", ask="May I note that you know about it?", type=AnswerType.YES_NO)
    return Purpose(goal=f"Remind {{name}} {word} {what}.", questions=(ask,))


def _payment() -> Purpose:
    ask = Question(id="payment_date", ask="When may we expect the payment?", type=AnswerType.DATE)
    return Purpose(
        goal="Remind {name} of the open invoice {invoice} and agree on a date.",
        facts=("name", "invoice"),
        examples={"invoice": "number 1042"},
        questions=(ask,),
    )


def _generic(rest: str) -> str:
    text = re.sub(
        r"^ask(?:ing)?\s+(?:them|him|her|people|everybody|(?:my|our|the|all)?\s*\w+s)\b",
        "ask {name}",
        rest,
        flags=re.IGNORECASE,
    )
    text = text[0].upper() + text[1:]
    return f"{text.rstrip('.')}."[:1000]


def _braces_gone(text: str) -> str:
    return re.sub(r"[{}]", "", text).strip(" .,")


def single(plural: str) -> str:
    """One of them: "patients" → "patient"."""
    return {"people": "person", "": "contact"}.get(plural, plural.removesuffix("s"))

"""What a callee's words mean, by rules: wishes that come before any question, and answers of each type. Pure.

Given recognised English words, returns a wish or an answer in a fixed form. Never guesses: words that fit nothing
are None, and the dialogue asks again.
"""

from __future__ import annotations

import re
from enum import StrEnum

from opendeep_kit.rehearsal.brief import Asked


class Wish(StrEnum):
    """What a callee may want instead of answering."""

    MACHINE = "machine"
    """It is no callee: a voicemail greeting."""
    NEVER_AGAIN = "never_again"
    WRONG_PERSON = "wrong_person"
    HUMAN = "human"
    WHO = "who"
    """Who is calling, or whether it is a machine."""
    LATER = "later"
    REFUSES = "refuses"
    REPEAT = "repeat"
    GOODBYE = "goodbye"


_WISHES: tuple[tuple[Wish, str], ...] = (
    (
        Wish.MACHINE,
        r"(leave|record)( me| us)? (a|your|the) (message|name)|after the (tone|beep|signal)|at the (tone|beep)"
        r"|(can't|cannot|can not|unable to) (take|come to|get to|answer) (your|the) (call|phone)"
        r"|you('ve| have) reached|voice ?mail",
    ),
    (
        Wish.NEVER_AGAIN,
        r"(never|don't|do not|stop)( ever)?( you)?( to)? (call|calling|phone|ring|contact)(ing)?( me| us| here)?"
        r"( again| any ?more| ever)?\b(?! (me|us)? ?(back|later|now|tomorrow))|take me off|remove (me|my number|us)"
        r"|off your (list|call)|do not call list",
    ),
    (
        Wish.WRONG_PERSON,
        r"wrong (number|person)|no ?(one|body)( here)? (by|with|called)( that)?|nobody (here|by)"
        r"|(doesn't|does not|don't|not) (live|work) here|there('s| is) no .{1,30} (here|at this)"
        r"|you have the wrong|(i am|i'm) not (mr|mrs|ms|him|her|that)",
    ),
    (
        Wish.HUMAN,
        r"(speak|talk)( to| with)? (a|an|your|some|the) ?(real |actual |live )?"
        r"(human|person|somebody|someone|operator|colleague|manager|agent|people)"
        r"|(real|actual|live) (human|person)|connect me",
    ),
    (
        Wish.WHO,
        r"who('s| is| are| am i)?( this| that| you| calling| i)?( speaking| talking| calling)|who is (this|that|it)"
        r"|who('s| are) (this|you|calling)|what company|where are you calling from|(are you|is this) (a|an) "
        r"(robot|machine|computer|recording|ai|a i|real person|human|bot)|what('s| is) this about",
    ),
    (
        Wish.LATER,
        r"(call|phone|ring|try)( me| us)?( again)?( back)? "
        r"(later|tomorrow|tonight|another|next|in the|in an|on|at|back)"
        r"|call (me )?back|(i am|i'm|am|very|really|bit|kind of) busy|bad time|not a good (time|moment)"
        r"|(driving|in a meeting|at work) (right )?now|no time|another time|in a meeting",
    ),
    (
        Wish.REFUSES,
        r"not interested|no interest|leave me alone|don't (want|wish|care)|do not (want|wish)|no,? thank(s| you)"
        r"|rather not|go away|won't (answer|tell)|none of your business",
    ),
    (
        Wish.REPEAT,
        r"(say|repeat)( that| it| the question)?( again| once more)|come again|(didn't|did not|couldn't|can't) (hear|"
        r"catch|understand|get) (you|that|it)|(pardon|sorry|excuse me|what)( me)?\??$|what did you say",
    ),
    (Wish.GOODBYE, r"\b(good ?bye|bye|bye bye|see you)\b"),
)
_COMPILED = tuple((wish, re.compile(pattern)) for wish, pattern in _WISHES)

_YES = re.compile(
    r"\b(yes|yeah|yep|yup|sure|certainly|of course|absolutely|definitely|correct|right|speaking|that's me|that is me"
    r"|this is (she|he|him|her|me)|i (can|will|do|would|am|did)(?!'t| not)|i'll|okay|ok|fine|works( for me)?"
    r"|exactly|indeed|aye)\b"
)
_NO = re.compile(
    r"\b(no|nope|nah|not|can't|cannot|won't|will not|don't|do not|wouldn't|unfortunately|afraid|never|negative)\b"
)
_UNSURE = re.compile(r"(don't|do not) (know|remember)|not (quite |really )?sure|\b(maybe|perhaps|depends)\b")
_NUMBERS = {
    word: value
    for value, words in enumerate(
        (
            "zero none nothing",
            "one once",
            "two twice to too",
            "three free tree",
            "four for fore",
            "five fife",
            "six sex",
            "seven",
            "eight ate",
            "nine",
            "ten",
            "eleven",
            "twelve",
        )
    )
    for word in words.split()
}
_SURE_NUMBERS = {word: value for word, value in _NUMBERS.items() if word not in ("to", "too", "for", "free", "ate")}
_TIME = re.compile(
    r"\b(monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow|tonight|morning|noon|afternoon"
    r"|evening|night|week(end)?|month|hour|minutes?|o'clock|january|february|march|april|may|june|july|august"
    r"|september|october|november|december|at (one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)|\d{1,2}(:\d\d)?( ?[ap]\.?m\.?)?|later|after|before|next)\b"
)


def plain(words: str) -> str:
    """Lower case, straight apostrophes, single blanks, no other marks."""
    text = words.lower().replace("’", "'")
    return " ".join(re.sub(r"[^\w\s':?-]", " ", text).replace("-", " ").split())


def wish(words: str) -> Wish | None:
    """What the callee wants instead of answering, if anything. The first that fits, in order of gravity."""
    text = plain(words)
    return next((kind for kind, pattern in _COMPILED if pattern.search(text)), None)


def yes_or_no(words: str) -> bool | None:
    """True, False, or None when neither or both are meant."""
    text = plain(words)
    if _UNSURE.search(text):
        return None
    says_yes, says_no = bool(_YES.search(text)), bool(_NO.search(text))
    if says_yes and says_no:
        first = re.search(rf"{_YES.pattern}|{_NO.pattern}", text)
        return bool(first and _YES.fullmatch(first[0]))
    return says_yes if says_yes or says_no else None


def answer(question: Asked, words: str) -> str | None:
    """The answer in the form the question asks for; None when the words give none."""
    text = plain(words)
    match question.type:
        case "yes_no":
            said = yes_or_no(words)
            return None if said is None else "yes" if said else "no"
        case "number":
            return _number(question, text)
        case "choice":
            fitting = [option for option in question.options if re.search(rf"\b{re.escape(plain(option))}", text)]
            return fitting[0] if len(fitting) == 1 else None
        case "date":
            return words.strip(" .") if _TIME.search(text) else None
    return words.strip() if len(text) > 1 else None


def time_in(words: str) -> str | None:
    """The part of the words that names a time, from the first time word on."""
    text = words.strip(" .!?")
    found = list(_TIME.finditer(text.lower()))
    if not found or all(match[0] in ("later", "may", "after", "before") for match in found):
        return None
    named = text[found[0].start() : found[-1].end()]
    starts_low = named.lower().startswith(("tomorrow", "next", "today", "tonight", "at ", "in "))
    return named[0].lower() + named[1:] if starts_low else named


def _number(question: Asked, text: str) -> str | None:
    said = [float(word) if word.replace(".", "", 1).isdigit() else None for word in text.split()]
    values = [value for value in said if value is not None]
    values += [float(_SURE_NUMBERS[word]) for word in text.split() if word in _SURE_NUMBERS]
    if not values and len(text.split()) <= 2:
        values = [float(_NUMBERS[word]) for word in text.split() if word in _NUMBERS]
    low = -float("inf") if question.lowest is None else question.lowest
    high = float("inf") if question.highest is None else question.highest
    fitting = [value for value in values if low <= value <= high]
    return f"{fitting[-1]:g}" if fitting else None

"""What a callee's words mean, by rules: intents that override any question, and answers of each type. Pure.

Given recognised English words, returns an intent or an answer in canonical form. Never guesses: words that fit nothing
are None, and the dialogue asks again.
"""

from __future__ import annotations

import re
from enum import StrEnum

from opendeep_kit.tasks.spec import AnswerType, Question


class Intent(StrEnum):
    """What a callee may want instead of answering."""

    MACHINE = "machine"
    """Not a person: a voicemail greeting."""
    NEVER_AGAIN = "never_again"
    WRONG_PERSON = "wrong_person"
    HUMAN = "human"
    WHO = "who"
    """Who is calling, or whether it is a machine."""
    LATER = "later"
    REFUSES = "refuses"
    REPEAT = "repeat"
    GOODBYE = "goodbye"


_ME = r"( me| us| here| my \w+| (on |at )?this number)*"
_ANOTHER_TIME = (
    rf"(?!{_ME} (back|later|now|today|tonight|tomorrow|before|after|until|till|during|while|when|right|it|that|him|her"
    r"|this (?!number)|(at|on) (?!this|my|home|all)|in (?!any)))"
)
"""After "do not call me": these words ask for another time, not for no call at all."""
_HUMAN = r"( (a|an|the|my|your|some))?( real| actual| live| human)* (human|person|being|somebody|someone|operator)"
_STAFF = r"( (a|an|the|your|some))? (colleague|manager|agent|people|representative|supervisor|receptionist)"

_WISHES: dict[Intent, tuple[str, ...]] = {
    Intent.MACHINE: (
        r"(?<!\bto )(leave|record)( me| us)?( a| your| the)?( brief| short)? (message|name)\b",
        r"after the (tone|beep|signal)|at the (tone|beep)|automatic voice|mailbox|(?<!your )(?<!\ba )voice ?mail",
        r"(can't|cannot|can not|unable to) (take|come to|get to|answer) (your|the) (call|phone)|missed your call",
        r"you('ve| have) reached|(person|party|customer|number|subscriber) you (are calling|have dial|dial|called)",
    ),
    Intent.NEVER_AGAIN: (
        r"(?<!\bi )(?<!i'd )(?<!you )(?<!they )(?<!would )\b(never|don't|do not|stop|quit)( you| ever| please)*"
        rf" (call|phone|phoning|ring|contact|bother|disturb|harass)(ing)?\b{_ME}{_ANOTHER_TIME}",
        r"(don't|do not|not|no) (want|intent|like|need(?! to call)|to be|any|more|further)"
        r"( (to|be|get|getting|receive|any|more|further|these|your|you|ever))*"
        rf" (call|contact|phone|ring|bother)(s|ed|ing)?\b(?! you){_ME}{_ANOTHER_TIME}|\bno calls\b",
        r"(take|get) (me|us|my (name|number)|this number) off|off (your|the|that|this)( \w+)? list|do not call list",
        r"(remove|delete|erase) (me|us|(my|our|this)( \w+)? ?(number|name|data|details))\b",
        r"unsubscribe|opt(ing)?( me)? out\b|lose (my|this) number|stop (these|those|your|the) calls",
    ),
    Intent.WRONG_PERSON: (
        r"wrong (number|person|house|address|man|woman)|you have the wrong|that('s| is) not me\b",
        r"no ?(one|body)( here)? (by|with|of) (that|this)|no ?(one|body)( here)? called (?!me|us|back)|nobody here",
        r"(doesn't|does not|don't|not) (live|work) here|there('s| is) no .{1,30} (here|at this)",
        r"(i am|i'm) not (mr|mrs|ms|him|her|that|the (right )?person)\b",
        r"passed away|deceased|(she|he)( has)? moved (out|away)",
    ),
    Intent.HUMAN: (
        r"(want to|wanna|can i|could i|may i|let me|like to|rather|prefer to|need to|please|^)( please)? ?"
        rf"(speak|talk) (to|with)({_HUMAN}|{_STAFF})",
        rf"(want|need|give me|get me|prefer|i'd like|connect me|me through|transfer me)( to| with)?({_HUMAN}|{_STAFF})",
        r"connect me\b|put me through|transfer me\b|^(operator|representative|agent|human)( please)?$",
    ),
    Intent.WHO: (
        r"(?<!person )(?<!man )(?<!people )(?<!one )(?<!lady )"
        r"who('s| is| are| am i)?( this| that| you| i)?( speaking| talking| calling)",
        r"\bwho( is|'s| are) (this|that|it|you)\b|who do you (work|call)",
        r"what company|where are you (calling|phoning) from",
        r"(are you|is this|is that|am i (speaking|talking) (to|with)) ((a|an|some) )?(real |actual |live )?"
        r"(robot|machine|computer|recording|ai|a i|person|human|bot|real)\b",
        r"what('s| is) (this|it|that) (all )?(about|regarding)|why (are|do) you call|what do you want(?! me)",
    ),
    Intent.LATER: (
        r"(call|phone|ring|try)( me| us)?( again)?( back)? "
        r"(later|tomorrow|tonight|another|next|in the|in an|on|at|back)",
        r"call (me )?back|another time|(talk|speak|do) (this |it )?(later|tomorrow)|\bnot (now|today|right now)\b",
        r"(i am|i'm|am|very|really|bit|kind of|too) busy|bad time|not a good (time|moment)|can't (talk|speak)\b",
        r"(don't|do not|haven't|have not) (have|got)( any| the| much)? time|(have|got) no time",
        r"\bno time (now|right|for)|^(sorry )?no time",
        r"(driving|at work) (right )?now|(am|i'm) at work|in a meeting",
        r"(having|cooking|eating|making)( my)? (dinner|lunch)",
        r"(she|he)('s| is) not (here|in|home|at home|available)",
        r"this is (her|his) (husband|wife|son|daughter|mother|father)",
    ),
    Intent.REFUSES: (
        r"not interested|no interest|leave me alone|go away|get lost|forget it|hanging up|none of your business",
        r"(don't|do not) care\b|\bno,? thank(s| you)|won't (answer|tell|say)|rather not($| (say|answer|talk|tell|do))",
        r"(don't|do not|won't) (want|intent)($| (to )?(talk|speak|answer|take part|participate|be|do|say|go on|tell"
        r"|give|hear|discuss|this|any|it|that|your))\b",
    ),
    Intent.REPEAT: (
        r"\brepeat\b|say( that| it| this)? (again|once more)|come again",
        r"once more( please)?$|what (was that|did you say)",
        r"(didn't|did not|couldn't|could not|can't|cannot|don't|do not)( quite)? "
        r"(hear|catch|understand|get) (you|that|it|the)\b",
        r"(didn't|did not|couldn't|can't|don't) (hear|understand)$|speak up\b|louder",
        r"^((pardon|sorry|excuse me|what|huh|eh|me|please) ?)+\??$",
    ),
    Intent.GOODBYE: (r"\b(good ?bye|bye|see you)\b(?! the)|have a (nice|good) (day|evening|one)",),
}
"""By severity: the first that matches counts."""
_COMPILED = tuple((intent, re.compile("|".join(patterns))) for intent, patterns in _WISHES.items())

_MEANS_YES = re.compile(
    r"\b(no|not a) (problem|doubt)\b|\bno worries\b|\bwhy not\b|\b(can't wait|don't (worry|mind))\b"
)
_MEANS_NO = re.compile(r"\b(of course|absolutely|definitely|certainly|surely|sure|obviously) not\b")
_YES = re.compile(
    r"\b(yes|yeah|yep|yup|sure|certainly|of course|absolutely|definitely|totally|correct|speaking|that's me|that is me"
    r"|it's me|this is (she|he|him|her|me)|i (can|will|do|would|am|did)(?!'t| not| unable)|i'll"
    r"|i('d| would) (love|like) to|okay|ok|fine|works( for me)?|exactly|indeed|aye|uh huh|mhm|i think so|you bet"
    r"|please do|likely|(?<!the )right(?! (now|one|hand|leg|side)))\b"
)
_NO = re.compile(
    r"\b(no|nope|nah|not|cannot|\w+n't|unfortunately|afraid|never|negative|unable|impossible|cancel"
    r"|(that|it)('s| is) (wrong|incorrect))\b"
)
_UNSURE = re.compile(r"(don't|do not) (know|remember)|not (quite |really )?sure|yes and no|\b(maybe|perhaps|depends)\b")
_ASKS = re.compile(r"^(is|are|do|does|did|can|could|what|how|when|where|who|which|why)\b.*\?$")
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
_ONE_NUMBER = rf"(\d+(\.\d+)?|{'|'.join(_SURE_NUMBERS)})"
_RANGE = re.compile(rf"\b(out of|of) {_ONE_NUMBER}\b|\b{_ONE_NUMBER} (to|or|and) {_ONE_NUMBER}\b")
"""The end of a scale, or two numbers without a choice."""
_TIME = re.compile(
    r"\b(monday|tuesday|wednesday|thursday|friday|saturday|sunday|today|tomorrow|tonight|morning|noon|afternoon"
    r"|evening|night|week(end)?|month|hour|minutes?|o'clock|january|february|march|april|may|june|july|august"
    r"|september|october|november|december|at (one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
    r"|\d{1,2}(:\d\d)?( ?[ap]\.?m\.?)?|later|after|before|next)\b"
)


_BEFORE_TIME = re.compile(
    r"(\b(at|on|in|next|this|around|about|half|an|a|the|few|couple|of|one|two|three|four|five|ten|\d+) )+$",
    re.IGNORECASE,
)


def plain(words: str) -> str:
    """Plain form: lower case, straight apostrophes, single spaces, no punctuation except inside numbers and times."""
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", words.lower().replace("’", "'"))
    return " ".join(re.sub(r"(?<!\d)\.|\.(?!\d)|[^\w\s':?.]", " ", text).split())


def intent(words: str) -> Intent | None:
    """What the callee wants instead of answering, if anything: the most severe match."""
    text = plain(words)
    return next((kind for kind, pattern in _COMPILED if pattern.search(text)), None)


def asks_something(words: str) -> bool:
    """Whether one of the sentences is a question."""
    return any(_ASKS.search(plain(piece)) for piece in re.split(r"(?<=[.!?,])\s+", words.strip()))


def yes_or_no(words: str) -> bool | None:
    """True, False, or None when it is neither or both."""
    text = plain(words)
    text = _MEANS_NO.sub("no", _MEANS_YES.sub("yes", text))
    if _UNSURE.search(text) or _ASKS.search(text):
        return None
    first = re.search(rf"{_YES.pattern}|{_NO.pattern}", text)
    return None if first is None else bool(_YES.fullmatch(text, *first.span()))


def answer(question: Question, words: str) -> str | None:
    """The answer in the form that the question asks for; None when the words contain none."""
    text = plain(words)
    match question.type:
        case AnswerType.YES_NO:
            said = yes_or_no(words)
            return None if said is None else "yes" if said else "no"
        case AnswerType.NUMBER:
            return _number(question, text)
        case AnswerType.CHOICE:
            return _choice(question.options, text)
        case AnswerType.DATE:
            return words.strip(" .") if _TIME.search(text) else None
    return words.strip() if len(text) > 1 else None


def time_in(words: str) -> str | None:
    """The words that name a time, ready to follow "we will call you"."""
    text = words.strip(" .!?")
    times = list(_TIME.finditer(text.lower()))
    if not times or all(match[0] in ("later", "may", "after", "before") for match in times):
        return None
    lead = _BEFORE_TIME.search(text[: times[0].start()])
    named = text[lead.start() if lead else times[0].start() : times[-1].end()]
    starts_low = lead or times[0][0].startswith(("tomorrow", "next", "today", "tonight", "at "))
    return named[0].lower() + named[1:] if starts_low else named


def _choice(options: tuple[str, ...], text: str) -> str | None:
    named = [option for option in options if re.search(rf"\b{re.escape(plain(option))}(s|es)?\b", text)]
    # "very satisfied" names "satisfied" as well: the longer one is meant.
    meant = [
        option for option in named if not any(option != other and plain(option) in plain(other) for other in named)
    ]
    return meant[0] if len(meant) == 1 else None


def _number(question: Question, text: str) -> str | None:
    text = _RANGE.sub(" ", text)
    words = re.findall(r"\d+(?:\.\d+)?|[a-z']+", text)
    values = [float(_SURE_NUMBERS.get(word, word)) for word in words if word in _SURE_NUMBERS or word[0].isdigit()]
    if not values and len(words) <= 2:
        values = [float(_NUMBERS[word]) for word in words if word in _NUMBERS]
    low = -float("inf") if question.lowest is None else question.lowest
    high = float("inf") if question.highest is None else question.highest
    fitting = [value for value in values if low <= value <= high]
    return f"{fitting[-1]:.15g}" if fitting else None

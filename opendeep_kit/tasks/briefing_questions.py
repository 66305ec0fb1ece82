"""Questions in free words: "ask whether they can come and how strong the pain is, from 1 to 5" makes two. Pure.

Given what a person wrote, returns questions as an agent would ask them, each with its answer type. Never invents a
question; what it cannot rephrase it asks as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from opendeep_kit.tasks.spec import AnswerType, Question

NUMBERS = {
    word: value
    for value, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
    )
}
_WORD_OF = {value: word for word, value in NUMBERS.items()}
_AUX = (
    r"can|could|will|would|should|may|must|are|were|have been|have had|had|did|do|have to|need to|want to|would like to"
)
_INVERTED = r"can|could|will|would|should|may|must|are|were|had|did|do"
_STARTS = (
    r"whether|if|how|when|what|which|why|where|who|can you|could you|will you|would you|do you|did you|are you"
    r"|were you|have you|is it|is the|is there|was it|was the|should"
)
_ASKS = re.compile(
    r"\b(?:asks?(?:ing)?|find(?:ing)? out|learn(?:ing)?|(?:want|need|like|wish)(?:s)? to know|check(?:ing)?)\b"
    r"(?:\s+(?:them|him|her|people|everybody|everyone|each(?: of them)?|all of them"
    r"|(?:my|our|the|all|these|those)?\s*[a-z]+s))?:?\s+(?=(?:also\s+)?(?:" + _STARTS + r")\b)",
    re.IGNORECASE,
)
_SPLIT = re.compile(
    r"(?:\s*[;\n?]\s*|\.\s+|\s*,\s*(?:and\s+|or\s+)?|\s+and\s+)(?:(?:and|also|then|finally)\s+)*"
    r"(?:ask(?:\s+(?:them|him|her))?\s+(?:also\s+)?)?(?=(?:" + _STARTS + r")\b)",
    re.IGNORECASE,
)
_NUMBER = rf"(\d+|{'|'.join(NUMBERS)})"
_SCALE = re.compile(
    rf",?\s*(?:(?:on|using) a scale )?(?:from |of |between )?\b{_NUMBER}\s*(?:to|and|-|–)\s*{_NUMBER}\b"
    r"(?!\s*(?:o'clock|am|pm|:))",
    re.IGNORECASE,
)
_YOU = (
    (
        r"(?<!many )(?<!other )\b(?:the |our |my )?"
        r"(?:people|patients|customers|clients|members|guests|parents|tenants)\b"
        r"(?=.*\b(?:can|could|will|would|should|are|have|think|want|need|like|come)\b)",
        "you",
    ),
    (r"\bthemselves\b|\bhimself\b|\bherself\b", "yourself"),
    (r"\btheir\b|\bhis\b", "your"),
    (r"\bthey're\b", "you are"),
    (r"\bthey'd\b", "you would"),
    (r"\bthey'll\b", "you will"),
    (r"\bthey've\b", "you have"),
    (r"\bthey\b|\bthem\b|\bhe\b|\bshe\b|\bhim\b", "you"),
    (r"\bher(?= \w)", "your"),
    (r"\bher\b", "you"),
    (r"\byou is\b", "you are"),
    (r"\byou has\b", "you have"),
    (r"\byou was\b", "you were"),
)
_PAST = re.compile(
    r"(?!need|feed|speed)(?:\w+ed|left|went|came|chose|bought|got|saw|heard|told|took|made|gave|felt|found|thought|said"
    r"|met|paid|spoke|wrote|knew|kept|lost|sent)\b",
    re.IGNORECASE,
)
"""Rephrasing these would need another form of the verb; they are asked indirectly."""
_STOP = frozenset(
    re.findall(
        r"\w+",
        """a about again agent all also am an and any are as ask at be been but by can could did do does for
        from had has have her him his how i if in is it its know like many may me much must my need
        of on one or our please scale she should so tell than that the their them there they this to
        up us was we were what when where whether which who why will with would you your""",
    )
)


def questions_in(text: str, *, all_of_it: bool = False, taken: Iterable[str] = ()) -> tuple[Question, ...]:
    """The questions in these words.

    Args:
        all_of_it: the words answer "what should be asked?"; otherwise only what follows "ask", "find out" etc. counts.
        taken: ids already in use.
    """
    said = " ".join(text.replace("’", "'").split(" ")).strip()
    lead = _ASKS.search(said)
    if lead:
        said = said[lead.end() :]
    elif not all_of_it and "?" not in said:
        return ()
    if not lead and not all_of_it:
        said = " ".join(re.findall(r"[^.?!]*\?", said))
    questions: list[Question] = []
    ids = [*taken]
    for clause in _SPLIT.split(said):
        question = _question(re.sub(r"^(?:also|and|then)\s+", "", clause.strip(" ,.;?!\n"), flags=re.IGNORECASE), ids)
        if question is not None:
            questions.append(question)
            ids.append(question.id)
    return tuple(questions)


def number(word: str) -> int:
    """A number in digits or letters."""
    return int(word) if word.isdigit() else NUMBERS[word.lower()]


def slug(words: str, taken: Iterable[str] = ()) -> str:
    """A short id made of the words that carry meaning.

    >>> slug("Can you come to your appointment?")
    'come_appointment'
    """
    carrying = [word for word in re.findall(r"[a-z]+", words.lower()) if word not in _STOP and len(word) > 1]
    name = "_".join(carrying[:2])[:40] or "question"
    used, turn = {*taken}, 2
    unique = name
    while unique in used:
        unique, turn = f"{name}_{turn}", turn + 1
    return unique


def _question(clause: str, taken: Iterable[str]) -> Question | None:
    clause = re.split(r"\.\s+(?=[A-Z])", clause)[0].strip(" .")
    if len(clause.split()) < 2:
        return None
    scale = _SCALE.search(clause)
    plain = " ".join((clause[: scale.start()] + clause[scale.end() :]).split()) if scale else clause
    for pattern, word in _YOU:
        plain = re.sub(pattern, word, plain, flags=re.IGNORECASE)
    ask = _turned(plain)
    name = slug(plain, taken)
    if scale:
        low, high = sorted((number(scale[1]), number(scale[2])))
        if low < high:
            form = f"On a scale from {_word(low)} to {_word(high)}, {ask[0].lower()}{ask[1:]}"
            return Question(id=name, ask=form, type=AnswerType.NUMBER, lowest=low, highest=high)
    options = _options(plain)
    if options:
        return Question(id=name, ask=ask, type=AnswerType.CHOICE, options=options)
    return Question(id=name, ask=ask, type=_type(plain))


def _turned(clause: str) -> str:
    """An indirect question as a direct question: "whether you can come" → "Can you come?"."""
    whether = re.match(rf"(?:whether|if)\s+(?:or not\s+)?you\s+(?:({_INVERTED})\s+)?(.+)", clause, re.IGNORECASE)
    if whether:
        aux, rest = whether[1], whether[2]
        if aux:
            return _asked(f"{aux} you {rest}")
        if re.match(r"have (?:\w+ed|been|had|got|seen|done|made|taken|ever|already)\b", rest):
            return _asked(f"have you {rest.removeprefix('have ')}")
        if _PAST.match(rest):
            return _asked(f"may I ask whether you {rest}")
        return _asked(f"do you {rest}")
    other = re.match(r"(?:whether|if)\s+(.+)", clause, re.IGNORECASE)
    if other:
        return _asked(f"may I ask whether {other[1]}")
    wh = re.match(rf"((?:how|when|what|which|why|where|who)\b.*?)\s*\byou\s+(?:({_INVERTED})\b\s*)?(.*)", clause, re.I)
    if wh and not re.search(rf"\b(?:{_INVERTED}|is|was)$", wh[1], re.IGNORECASE):
        if not wh[2] and _PAST.match(wh[3]):
            return _asked(f"may I ask {clause}")
        aux = wh[2] or "do"
        return _asked(f"{wh[1]} {aux} you {wh[3]}")
    moved = re.match(r"(how \w+)\s+(.+?)\s+(is|are|was|were)\b(.*)$", clause, re.IGNORECASE)
    if moved and not re.match(r"(?:is|are|was|were|do|did|can|will)\b", moved[2], re.IGNORECASE):
        return _asked(f"{moved[1]} {moved[3]} {moved[2]}{moved[4]}")
    if re.match(rf"(?:how|when|what|which|why|where|who)\s+(?:\w+\s+)?(?:{_INVERTED}|is|was)\b", clause, re.IGNORECASE):
        return _asked(clause)
    if re.match(r"(?:how|when|what|which|why|where|who)\b", clause, re.IGNORECASE):
        return _asked(f"may I ask {clause}")
    return _asked(clause)


def _asked(words: str) -> str:
    text = " ".join(words.split()).rstrip(" .?!,")
    return f"{text[0].upper()}{text[1:]}?"


def _type(clause: str) -> AnswerType:
    if re.match(r"when\b|(?:what|which) (?:day|date|time)\b", clause, re.IGNORECASE):
        return AnswerType.DATE
    if re.match(r"how (?:many|old|much)\b", clause, re.IGNORECASE):
        return AnswerType.NUMBER
    if re.match(rf"(?:whether|if|{_INVERTED}|have|has|is|was|does)\b", clause, re.IGNORECASE):
        return AnswerType.YES_NO
    return AnswerType.TEXT


def _options(clause: str) -> tuple[str, ...]:
    """The choices: "by car, bus or on foot" → car, bus, foot; "or not" is not a choice."""
    if re.match(r"(?:how|when|why)\b", clause, re.IGNORECASE) or re.search(r"\bor not\b", clause, re.IGNORECASE):
        return ()
    parts = [part.strip() for part in re.split(r",\s*(?:or\s+)?|\s+or\s+", clause) if part.strip()]
    if len(parts) < 2 or not re.search(r"\sor\s", clause):
        return ()
    # The first part still holds the sentence: keep as many of its last words as the second part has.
    first = " ".join(parts[0].split()[-len(parts[1].split()) :])
    tidy = [re.sub(r"^(?:by|on|a|an|the|in|at|with)\s+", "", part, flags=re.IGNORECASE) for part in (first, *parts[1:])]
    options = tuple(dict.fromkeys(option.strip(" .?!;|") for option in tidy))
    fits = all(0 < len(option.split()) <= 4 and not set(option) & set("|;") for option in options)
    return options if len(options) >= 2 and fits else ()


def _word(value: int) -> str:
    return _WORD_OF.get(value, str(value))

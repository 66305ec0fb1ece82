"""Who is reached at which number of the rehearsal's telephone network, and in which languages they talk.

Given a number +1 NXX 555 01NN (reserved for fiction in places), names the subscriber by its last two digits: a
persona that talks, or what the network does instead. The line simulator and the callee-side Asterisk both follow this
table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from opendeep_kit.audio.prepared import is_english
from opendeep_kit.config import Settings
from opendeep_kit.errors import BadInput

_FICTION = re.compile(r"\+?1[2-9][0-9]{2}55501([0-9]{2})")

MADE_UP_LIKE = "+1___55501__"
GIVEN_OUT_LIKE = (
    *("+1800%", "+1822%", "+1833%", "+1844%", "+1855%", "+1866%", "+1877%", "+188%"),
    *(f"+152{last}%" for last in range(1, 10)),
    *("+1500%", "+1533%", "+1544%", "+1555%", "+1566%", "+1577%", "+1588%"),
    *("+1600%", "+1700%", "+1710%", "+1900%"),
)
"""For the record: what made-up numbers look like, and which of those are given out nevertheless: the range is kept for
fiction in places only, not at freephone numbers and their like. `_` is a digit, `%` any rest."""


class Behaviour(StrEnum):
    """What happens when the number is dialled."""

    TALKS = "talks"
    """Rings and is answered by a persona."""
    BUSY = "busy"
    """486, cause 17."""
    NO_ANSWER = "no_answer"
    """Rings forever."""
    REJECTED = "rejected"
    """403, cause 21."""
    UNKNOWN_NUMBER = "unknown_number"
    """404, cause 1."""
    CONGESTION = "congestion"
    """503, cause 34."""
    UNAVAILABLE = "unavailable"
    """480, cause 19, after ringing."""
    EARLY_HANGUP = "early_hangup"
    """Answers and hangs up after one second without a word."""
    ANNOUNCEMENT = "announcement"
    """Early media ("the number you have dialled…"), then 404."""
    SENDS_DIGITS = "sends_digits"
    """Answers and presses 1, 2, #."""
    MUTE = "mute"
    """Answers and sends no sound at all, not even silence."""
    TRYING_ONLY = "trying_only"
    """The network says 100 Trying and nothing more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """One number."""

    behaviour: Behaviour
    persona: str = ""
    """Name in `rehearsal.personas`, for `TALKS`."""
    ring_s: float = 1.0
    """Ringing time before the behaviour."""


def _talks(persona: str, ring_s: float = 1.0) -> Subscriber:
    return Subscriber(behaviour=Behaviour.TALKS, persona=persona, ring_s=ring_s)


SUBSCRIBERS: dict[str, Subscriber] = {
    "01": _talks("agrees"),
    "02": _talks("refuses"),
    "03": _talks("asks_who"),
    "04": _talks("interrupts"),
    "05": _talks("long_pauses"),
    "06": _talks("noisy", 2.0),
    "07": _talks("wrong_person"),
    "08": _talks("voicemail", 3.0),
    "09": _talks("silent"),
    "10": _talks("hangs_up_early"),
    "11": _talks("never_again"),
    "12": _talks("callback"),
    "13": _talks("wants_human"),
    "20": Subscriber(behaviour=Behaviour.BUSY),
    "21": Subscriber(behaviour=Behaviour.NO_ANSWER),
    "22": Subscriber(behaviour=Behaviour.REJECTED),
    "23": Subscriber(behaviour=Behaviour.UNKNOWN_NUMBER),
    "24": Subscriber(behaviour=Behaviour.CONGESTION),
    "25": Subscriber(behaviour=Behaviour.UNAVAILABLE, ring_s=2.0),
    "26": Subscriber(behaviour=Behaviour.EARLY_HANGUP),
    "27": Subscriber(behaviour=Behaviour.ANNOUNCEMENT),
    "28": Subscriber(behaviour=Behaviour.SENDS_DIGITS),
    "29": Subscriber(behaviour=Behaviour.MUTE),
    "30": Subscriber(behaviour=Behaviour.TRYING_ONLY),
}
"""By the last two digits."""


def subscriber(number: str) -> Subscriber:
    """Who is reached at this number; an unassigned number is `UNKNOWN_NUMBER`."""
    match = _FICTION.fullmatch(number)
    return SUBSCRIBERS.get(match[1] if match else "", SUBSCRIBERS["23"])


def is_made_up(number: str) -> bool:
    """Whether it is a number of the range kept for fiction: nobody's telephone rings, on whatever line."""
    given_out = tuple(pattern.removesuffix("%") for pattern in GIVEN_OUT_LIKE)
    return _FICTION.fullmatch(number) is not None and not f"+{number.removeprefix('+')}".startswith(given_out)


def number_of(persona: str) -> str:
    """A number at which this persona answers.

    Raises:
        BadInput: no such persona.
    """
    for last, who in SUBSCRIBERS.items():
        if who.persona == persona:
            return f"+121255501{last}"
    names = ", ".join(who.persona for who in SUBSCRIBERS.values() if who.persona)
    raise BadInput(f"there is no persona {persona!r}", do=f"choose one of: {names}")


def callee_uuid(number: str) -> UUID:
    """The AudioSocket UUID that tells the personas' server who is called: the digits, read as hex digits."""
    return UUID(hex=re.sub(r"\D", "", number).zfill(32))


def number_called(uuid: UUID) -> str:
    """The number in a `callee_uuid`; empty when there is none."""
    digits = uuid.hex.lstrip("0")
    return f"+{digits}" if digits.isdecimal() else ""


def check_language(settings: Settings, language: str, number: str) -> None:
    """Check that agent and callee can speak this language (BCP 47).

    Args:
        number: who is called, E.164: a persona always speaks with the local voice.

    Raises:
        BadInput: one of them would use a packaged model, and these speak English only.
    """
    rehearsal = settings.rehearsal
    is_local = settings.voice.provider == "local" or is_made_up(number)
    if is_english(language) or not is_local or rehearsal.engine == "tones":
        return
    own = {"rehearsal.tts_voice": rehearsal.tts_voice, "rehearsal.stt_model": rehearsal.stt_model}
    if missing := [name for name, path in own.items() if path is None]:
        raise BadInput(
            f"the packaged models speak and understand English only, and the script's language is {language}",
            do=f"set {' and '.join(missing)} to models of that language, or rehearse the script in English",
        )

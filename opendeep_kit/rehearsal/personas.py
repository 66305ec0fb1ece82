"""The people of the rehearsal: how each replies to the agent and behaves on the telephone. Pure.

Given the agent's words as heard, a persona's `Mind` returns the reply. Never listens or speaks itself: `callees_server`
does. To add a persona, copy a neighbour and give it a number in `public`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from opendeep_kit.errors import BadInput
from opendeep_kit.rehearsal.understand import plain


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply to agent words that match."""

    when: str
    """Regular expression on the agent's words in plain form."""
    say: str
    hang_up: bool = False
    """Hang up after saying it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """One callee."""

    name: str
    about: str
    """One line, for lists."""
    greeting: str = "Hello?"
    """Said when picking up; empty: wait for the caller."""
    answers: tuple[Answer, ...] = ()
    """Tried in order, before the general answers."""
    otherwise: str = "Yes, please."
    voice: str = "callee_mid"
    """A voice of `speech.PITCH`."""
    speed: float = 1.0
    pause_ms: float = 350.0
    """Thinking time before speaking."""
    patience_ms: float = 700.0
    """Silence after which this callee considers the agent's turn over."""
    interrupts_after_ms: float | None = None
    """Speaks over the agent this long after its turn began; once per entry of `interruptions`."""
    interruptions: tuple[str, ...] = ()
    noise_dbfs: float | None = None
    """Level of constant background noise."""
    hangs_up_after_ms: float | None = None
    """Hangs up this long after picking up, even in mid-sentence."""
    greets_with_beep: bool = False
    """An answering machine: speaks its greeting, beeps, then only records."""
    is_mute: bool = False
    """Sends silence and never says anything."""


_IS_IT_YOU = r"speaking (with|to)|is this|am i talking"
_BYE = r"\bgood ?bye\b|\bbye\W*$"
GENERAL = (
    Answer(_BYE, "Thank you, bye.", hang_up=False),
    Answer(r"still there|hear me|are you there", "Yes, I am still here."),
    Answer(r"good time to (call|reach)|when would", "Tomorrow morning would be fine."),
    Answer(_IS_IT_YOU, "Yes, speaking."),
    Answer(r"may i ask|do you have (a moment|time)", "Yes, go ahead."),
    Answer(r"by car|by bus|on foot|how will you come", "I will take the bus."),
    Answer(r"(one|1) to (five|5)|scale|how satisfied|how strong", "Number four, I would say."),
    Answer(r"recommend", "Yes, I would."),
    Answer(r"anything|comment|better", "No, everything was fine."),
    Answer(r"can you (come|make)|will you (come|be)|appointment", "Yes, I will be there."),
)
"""What most people say; worded to survive G.711, where "by bus" becomes "by but"."""

PERSONAS: dict[str, Persona] = {
    persona.name: persona
    for persona in (
        Persona(name="agrees", about="answers every question, briefly and friendly"),
        Persona(
            name="refuses",
            about="does not want to talk",
            voice="callee_low",
            answers=(Answer(_BYE, "Bye."), Answer(r"[a-z]", "No, I am not interested, leave me alone.")),
        ),
        Persona(
            name="asks_who",
            about="wants to know who is calling, and whether it is a machine",
            voice="callee_high",
            answers=(Answer(r"^(?!.*on behalf).*speaking with", "Who is calling, please?"),),
        ),
        Persona(
            name="interrupts",
            about="speaks over the agent, twice",
            voice="callee_low",
            speed=1.1,
            interrupts_after_ms=2200,
            interruptions=("Wait, wait, who is this?", "Yes, yes, I know. That is fine with me."),
            otherwise="Yes.",
        ),
        Persona(
            name="long_pauses",
            about="takes seconds to answer, with breaks inside a sentence",
            voice="callee_low",
            speed=0.85,
            pause_ms=1800,
            answers=(
                Answer(_IS_IT_YOU, "Well... yes. This is me."),
                Answer(r"scale|how strong", "Hm. I would say... three."),
            ),
        ),
        Persona(
            name="noisy",
            about="stands in a noisy place",
            voice="callee_high",
            noise_dbfs=-42.0,
        ),
        Persona(
            name="wrong_person",
            about="is not the one who is meant",
            answers=(Answer(_BYE, "No problem, bye."), Answer(r"[a-z]", "No, you have the wrong number.")),
            voice="callee_high",
        ),
        Persona(
            name="voicemail",
            about="a machine: greeting, beep, then it records",
            greeting="Hello, you have reached my voicemail. I can't take your call right now. "
            "Please leave a message after the beep.",
            greets_with_beep=True,
        ),
        Persona(name="silent", about="picks up and never says a word", is_mute=True, greeting=""),
        Persona(name="hangs_up_early", about="hangs up in the middle of the opening", hangs_up_after_ms=5000),
        Persona(
            name="never_again",
            about="asks never to be called again",
            voice="callee_low",
            answers=(Answer(_BYE, "Good."), Answer(r"[a-z]", "Please never call me again. Take me off your list.")),
        ),
        Persona(
            name="callback",
            about="has no time now, wants to be called another day",
            voice="callee_high",
            answers=(
                Answer(_BYE, "Thanks, bye."),
                Answer(r"good time|when would", "Tomorrow afternoon at three, please."),
                Answer(r"[a-z]", "Sorry, I am very busy right now. Can you call me back?"),
            ),
        ),
        Persona(
            name="wants_human",
            about="wants to talk to a human",
            answers=(
                Answer(r"one moment|connect you", "Thank you."),
                Answer(_BYE, "Bye."),
                Answer(r"[a-z]", "I want to speak to a real person."),
            ),
        ),
    )
}
"""By name."""


def persona(name: str) -> Persona:
    """The persona of this name.

    Raises:
        BadInput: there is none.
    """
    if name not in PERSONAS:
        raise BadInput(f"there is no persona {name!r}", do=f"choose one of: {', '.join(PERSONAS)}")
    return PERSONAS[name]


@dataclass(slots=True)
class Mind:
    """One persona during one call."""

    persona: Persona
    replies: int = 0
    interruptions_left: list[str] = field(init=False)
    said_bye: bool = False

    def __post_init__(self) -> None:
        self.interruptions_left = list(self.persona.interruptions)

    @property
    def listens(self) -> bool:
        """Whether the agent's words still make a difference."""
        return not (self.persona.is_mute or self.persona.greets_with_beep or self.said_bye)

    def answer(self, agent_words: str) -> Answer | None:
        """The reply to these words; None says nothing."""
        text = plain(agent_words)
        if not self.listens or not text:
            return None
        self.replies += 1
        for candidate in (*self.persona.answers, *GENERAL):
            if re.search(candidate.when, text):
                self.said_bye = bool(re.search(_BYE, text))
                return candidate
        return Answer("", self.persona.otherwise)

    def interruption(self) -> str:
        """What to say over the agent now; empty when there are no interruptions left."""
        return self.interruptions_left.pop(0) if self.interruptions_left else ""

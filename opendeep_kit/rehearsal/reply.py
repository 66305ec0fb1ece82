"""The agent's mind when no text model is configured: follows the call script by rules. Pure.

Given the call's task and the conversation so far, plans one response: sentences to say and tools to call. Stateless:
all state is read from the history, so a session rebuilt after a lost connection continues where it was. What it does
not understand it asks again, then leaves open.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from opendeep_kit.events import NOT_UNDERSTOOD
from opendeep_kit.rehearsal.engines import ReplyRequest, Say, Turn, TurnRole, UseTool
from opendeep_kit.rehearsal.understand import Intent, answer, asks_something, intent, plain, time_in, yes_or_no
from opendeep_kit.tasks.prompt import SpokenTask
from opendeep_kit.tasks.spec import Question
from opendeep_kit.voice.dtmf_input import keys_in

Part = Say | UseTool

SORRY = "I am sorry, I did not catch that."
WHEN = "When would be a good time to call you?"
ASK_WHEN = f"Of course. {WHEN}"
NO_HUMAN = f"I cannot connect you now, but a colleague will call you. {WHEN}"
OPTED_OUT = "I understand. You will not be called again. I am sorry for the trouble. Goodbye."
NOT_HIM = "I am sorry, then I have the wrong number. Please excuse the call. Goodbye."
REFUSED = "I understand. Thank you for your time. Goodbye."
CONNECTING = "Of course. I connect you to a colleague now. One moment, please."
NOT_KNOWN = "I am sorry, I do not know that."
BAD_LINE = "I am sorry, the line is too bad. We will try again another time. Goodbye."
WELL = ("Thank you.", "Good, thank you.", "All right.")
SEARCH = "search_documents"
"""The tool that finds passages in the tenant's documents."""
MAX_TOLD_CHARS = 240
MAX_ONE_OFF_CHARS = 300
MAX_SORRY = 4
"""After this many misunderstandings in a call the agent gives up."""


class ScriptDialogue:
    """A `Dialogue` of rules."""

    async def reply(self, request: ReplyRequest) -> AsyncIterator[Say | UseTool]:
        """One response."""
        if request.is_one_off:
            yield Say(quoted_words(request.instructions))
            return
        tools = {str(tool.get("name")) for tool in request.tools}
        task, can_transfer, can_search = (
            request.task or task_from_words(request.instructions),
            "transfer_to_human" in tools,
            SEARCH in tools,
        )
        for part in plan(task, request.history, can_transfer=can_transfer, can_search=can_search):
            if isinstance(part, Say):
                for sentence in sentences(part.text):
                    yield Say(sentence)
            elif part.name in tools:
                yield part


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the conversation has got, read from its history."""

    task: SpokenTask
    history: Sequence[Turn]
    can_transfer: bool = True
    """A human can take over."""
    can_search: bool = False
    """Documents can be searched."""

    @property
    def last_words(self) -> str:
        """What the callee said last, or the keys they pressed."""
        return next((words for turn in reversed(self.history) if (words := _callees_words(turn)) is not None), "")

    @property
    def called(self) -> list[Turn]:
        """Tool calls so far."""
        return [turn for turn in self.history if turn.role is TurnRole.TOOL_CALL]

    def has_called(self, name: str) -> bool:
        """Whether a tool was called."""
        return any(turn.tool == name for turn in self.called)

    @property
    def said(self) -> list[str]:
        """What the agent said without being cut, in plain form."""
        return [plain(turn.text) for turn in self._spoken if not _is_cut(turn)]

    @property
    def _spoken(self) -> list[Turn]:
        return [turn for turn in self.history if turn.role is TurnRole.ASSISTANT]

    @property
    def was_cut(self) -> bool:
        """The agent's last turn was interrupted."""
        return bool(self._spoken) and _is_cut(self._spoken[-1])

    @property
    def has_asked_when(self) -> bool:
        """The agent is waiting for the time of a callback."""
        return bool(self._spoken) and plain(WHEN) in plain(self._spoken[-1].text)

    @property
    def has_opened(self) -> bool:
        """The opening was said to its end: the callee knows that an AI is speaking."""
        opening, identity = plain(self.task.opening), plain(self.task.identity)
        return any(opening in text or identity in text for text in self.said)

    def tries(self, question: Question) -> int:
        """How often a question was asked without being cut."""
        return sum(plain(question.ask) in text for text in self.said)

    @property
    def open_question(self) -> Question | None:
        """The next question to ask; those asked too often are left open."""
        for question in self.task.questions:
            if question.id not in self.answered and not self._is_left(question):
                return question
        return None

    @property
    def answered(self) -> set[str]:
        """Ids of the questions with a recorded answer."""
        return {_arguments(turn).get("question", "") for turn in self.called if turn.tool == "record_answer"}

    def _is_left(self, question: Question) -> bool:
        """It was asked as often as allowed, and the callee has replied since."""
        if self.tries(question) < self.task.max_tries_per_question:
            return False
        asks = [n for n, turn in enumerate(self.history) if plain(question.ask) in plain(turn.text)]
        replies = [words for turn in self.history[asks[-1] + 1 :] if (words := _callees_words(turn))]
        return bool(replies) and answer(question, replies[0]) is None


def plan(
    task: SpokenTask, history: Sequence[Turn], *, can_transfer: bool = True, can_search: bool = False
) -> list[Part]:
    """The next response: what to say and which tools to call."""
    now = Standing(task, history, can_transfer, can_search)
    spoken = [turn for turn in history if turn.role is not TurnRole.SYSTEM]
    coached = (
        bool(history)
        and history[-1].role is TurnRole.SYSTEM
        and any(turn.role is TurnRole.ASSISTANT for turn in history)
    )
    if now.has_called("end_call") and not now.was_cut:
        return []
    if spoken and spoken[-1].role is TurnRole.TOOL_OUTPUT:
        return _after_tool(now)
    is_unheard = bool(history) and _callees_words(history[-1]) == ""
    if not spoken or (coached and not now.last_words and not is_unheard):
        return [Say(task.opening)]
    if not now.last_words:
        return _ask_again(now, _prompt(now)) if is_unheard or spoken[-1].role is TurnRole.USER else [Say(_prompt(now))]
    return _after_words(now)


def _after_words(now: Standing) -> list[Part]:
    words = now.last_words
    wanted = intent(words)
    if now.has_asked_when and wanted in (None, Intent.LATER, Intent.GOODBYE):
        return [_use("schedule_callback", when=time_in(words) or words.strip(" .") or "later")]
    question = now.open_question if now.has_opened else None
    is_answer = question is not None and now.tries(question) > 0 and answer(question, words) is not None
    if wanted in (Intent.LATER, Intent.REFUSES, Intent.REPEAT, Intent.GOODBYE) and is_answer and question is not None:
        # "No, thank you" to a yes/no question is an answer; to any other it is a refusal.
        wanted = None if question.type in ("yes_no", "choice", "text") else wanted
    if wanted is not None:
        return _grant(now, wanted)
    for objection in now.task.objections:
        if any(plain(phrase) in plain(words) for phrase in objection.when):
            return [Say(f"{objection.say} {_prompt(now)}")]
    if not now.has_opened:
        return [Say(now.task.opening if not now.was_cut else f"Excuse me. {now.task.identity} {_prompt(now)}")]
    if now.can_search and not is_answer and asks_something(words):
        return [_use(SEARCH, query=words)]
    return _answered(now, question, words)


def _answered(now: Standing, question: Question | None, words: str) -> list[Part]:
    if question is not None and now.tries(question) > 0:
        value = answer(question, words)
        if value is not None:
            return [_use("record_answer", question=question.id, value=value)]
        return _ask_again(now, question.ask)
    if question is not None and now.tries(question) == 0:
        if _asks_for_person(now) and yes_or_no(words) is False:
            return [Say(NOT_HIM), _use("end_call", reason="wrong_person")]
        left = [other for other in now.task.questions if now.tries(other) and other.id not in now.answered]
        lead = "Never mind." if left else WELL[0]
        return [Say(f"{lead} {question.ask}")]
    return _close(now)


def _ask_again(now: Standing, ask: str) -> list[Part]:
    if sum(plain(SORRY) in text for text in now.said) >= MAX_SORRY:
        return [Say(BAD_LINE), _use("end_call", reason="other")]
    return [Say(f"{SORRY} {ask}")]


def _asks_for_person(now: Standing) -> bool:
    """The opening ended by asking for the person, and nothing has been asked since."""
    last_sentence = now.task.opening.rsplit(". ", 1)[-1].lower()
    return "?" in last_sentence and ("speaking with" in last_sentence or "is this" in last_sentence)


def _grant(now: Standing, wanted: Intent) -> list[Part]:
    match wanted:
        case Intent.MACHINE:
            if not now.task.voicemail:
                return [_use("end_call", reason="voicemail")]
            if now.has_called("leave_voicemail"):
                return []
            return [_use("leave_voicemail", message=now.task.voicemail)]
        case Intent.NEVER_AGAIN:
            return [_use("do_not_call_again", utterance=now.last_words)]
        case Intent.WRONG_PERSON:
            return [Say(NOT_HIM), _use("end_call", reason="wrong_person")]
        case Intent.HUMAN:
            if not now.can_transfer:
                return [Say(NO_HUMAN)]
            return [Say(CONNECTING), _use("transfer_to_human", reason=now.last_words[:200])]
        case Intent.WHO:
            return [Say(f"{now.task.identity} {_prompt(now)}")]
        case Intent.LATER:
            when = time_in(now.last_words)
            return [_use("schedule_callback", when=when)] if when else [Say(ASK_WHEN)]
        case Intent.REFUSES:
            return [Say(REFUSED), _use("end_call", reason="refused")]
        case Intent.GOODBYE:
            return [Say("Goodbye."), _use("end_call", reason="other")]
        case Intent.REPEAT:
            return [Say(_prompt(now))]


def _after_tool(now: Standing) -> list[Part]:
    done = now.called[-1] if now.called else None
    name = done.tool if done else ""
    match name:
        case "do_not_call_again":
            return [Say(OPTED_OUT), _use("end_call", reason="do_not_call")]
        case "schedule_callback":
            when = _arguments(done).get("when", "then") if done else "then"
            return [Say(f"Thank you. We will call you {when}. Goodbye."), _use("end_call", reason="callback")]
        case "leave_voicemail":
            return [Say(now.task.voicemail), _use("end_call", reason="voicemail")]
        case "end_call" | "transfer_to_human" | "press_digits":
            return []
        case "search_documents":
            return [Say(f"{_found(now.history[-1].text)} {_prompt(now)}")]
    question = now.open_question
    if question is None:
        return _close(now)
    count = sum(turn.tool == "record_answer" for turn in now.called)
    return [Say(f"{WELL[count % len(WELL)]} {question.ask}")]


def _found(output: str) -> str:
    """The first passage of a search result, without its heading and short enough to listen to."""
    match = re.match(r"From [^\n]*:\n(?:#[^\n]*\n)?(.+?)(?:\n\nFrom |\Z)", output, re.DOTALL)
    passage = ""
    for sentence in sentences(" ".join(match[1].split())) if match else []:
        if passage and len(passage) + len(sentence) > MAX_TOLD_CHARS:
            break
        passage = f"{passage} {sentence}".strip()
    return passage or NOT_KNOWN


def _close(now: Standing) -> list[Part]:
    return [Say(now.task.closing), _use("end_call", reason="completed")]


def _prompt(now: Standing) -> str:
    """The question that the agent was waiting on, again."""
    if now.has_asked_when:
        return ASK_WHEN
    question = now.open_question
    if question is not None and now.tries(question) > 0:
        return question.ask
    asking = [sentence for sentence in sentences(now.task.opening) if sentence.endswith("?")]
    if asking:
        return asking[-1]
    return question.ask if question is not None else now.task.opening


def sentences(text: str) -> list[str]:
    """The text in pieces to be spoken one by one."""
    return [piece for piece in re.split(r"(?<=[.!?])\s+", text.strip()) if piece]


def task_from_words(instructions: str) -> SpokenTask:
    """Something to say for a client that is not ours, whose instructions are only words: an opening, no questions."""
    quoted = re.search(r'[Ss]ay(?: exactly)?:? "([^"]+)"', instructions)
    opening = "Hello, I am an AI assistant. How can I help you?" if instructions.strip() else "Hello."
    return SpokenTask(
        opening=quoted[1] if quoted else opening, closing="Thank you. Goodbye!", identity="I am an AI assistant."
    )


def quoted_words(instructions: str) -> str:
    """The words of an instruction of the form `Say exactly: "…"`, or the instruction itself, shortened."""
    quoted = re.search(r'"(.+)"', instructions, re.DOTALL)
    return quoted[1].strip() if quoted else instructions.strip()[:MAX_ONE_OFF_CHARS]


def _callees_words(turn: Turn) -> str | None:
    """The callee's words or keys; empty when they were not understood. None for anybody else's turn."""
    if turn.role is TurnRole.SYSTEM:
        if NOT_UNDERSTOOD in turn.text:
            return ""
        return keys_in(turn.text) or None
    return turn.text if turn.role is TurnRole.USER else None


def _is_cut(turn: Turn) -> bool:
    """Interrupted, in this session or (marked by a dash at the end) in an earlier one."""
    return turn.is_cut or not turn.text or turn.text.rstrip().endswith("—")


def _arguments(turn: Turn) -> dict[str, str]:
    try:
        given = json.loads(turn.text)
    except json.JSONDecodeError:
        return {}
    return {str(key): str(value) for key, value in given.items()} if isinstance(given, dict) else {}


def _use(name: str, **arguments: str) -> UseTool:
    return UseTool(name, json.dumps(arguments))

"""Whole conversations of the rule engine with the shipped appointment script."""

import json
from pathlib import Path

import pytest

from opendeep_kit.events import NOT_UNDERSTOOD
from opendeep_kit.rehearsal.engines import ReplyRequest, Say, Turn, TurnRole, UseTool
from opendeep_kit.rehearsal.reply import ScriptDialogue, quoted_words, sentences, task_from_words
from opendeep_kit.tasks.prompt import SpokenTask, spoken_task
from opendeep_kit.tasks.script import load_script, parse_script
from opendeep_kit.voice.call_tools import CALL_TOOLS
from opendeep_kit.voice.dtmf_input import describe_keys
from opendeep_kit.voice.history import History

SCRIPTS = Path(__file__).parents[2] / "notebooks/scripts"
FACTS = {"name": "Maria Alvarez", "appointment": "Tuesday at ten"}
TASK = spoken_task(load_script(SCRIPTS / "confirm_appointment.md"), FACTS)
TOOLS = [tool.schema() for tool in CALL_TOOLS]

OPENING = (
    "Hello, this is the assistant of Riverside Dental. I am an AI assistant, and this call is recorded. "
    "Am I speaking with Maria Alvarez?"
)
IDENTITY = "I am calling on behalf of Riverside Dental. I am an AI assistant, and this call is recorded."
IS_IT_YOU = "Am I speaking with Maria Alvarez?"
ATTENDING = "Can you come to your appointment on Tuesday at ten?"
PAIN = "On a scale from one to five, how strong is your toothache at the moment, with one for none?"
ARRIVAL = "Will you come by car, by bus or on foot?"
CLOSING = "Thank you, Maria Alvarez. We look forward to seeing you. Goodbye!"
SORRY = "I am sorry, I did not catch that."


class Call:
    """One conversation: what the agent says and does to each utterance of the callee."""

    def __init__(
        self, task: SpokenTask | None = TASK, history: tuple[Turn, ...] = (), *, found: str | None = None
    ) -> None:
        self.task = task
        self.found = found
        """What a search of the documents gives; None: there are none."""
        self.history = [*history]
        self.tools: list[tuple[str, dict[str, str]]] = []

    async def agent(self, *, cut_to: str | None = None) -> str:
        """The agent's turn, tool rounds included; `cut_to` is what was heard of it when the callee cut it."""
        said = []
        for _ in range(4):
            parts = [part async for part in ScriptDialogue().reply(self._request())]
            text = " ".join(part.text for part in parts if isinstance(part, Say))
            if text:
                said.append(text)
                heard = text if cut_to is None else cut_to
                self.history.append(Turn(role=TurnRole.ASSISTANT, text=heard, is_cut=cut_to is not None))
            calls = [part for part in parts if isinstance(part, UseTool)]
            for call in calls:
                self._run(call)
            if not calls or calls[-1].name in ("end_call", "transfer_to_human"):
                return " ".join(said)
        raise AssertionError("the agent calls tools without end")

    async def callee(self, words: str, *, cut_to: str | None = None) -> str:
        """The callee speaks; returns the agent's reply."""
        self.history.append(Turn(role=TurnRole.USER, text=words))
        return await self.agent(cut_to=cut_to)

    def _request(self) -> ReplyRequest:
        tools = TOOLS if self.found is None else [*TOOLS, {"type": "function", "name": "search_documents"}]
        return ReplyRequest(instructions="…", task=self.task, history=tuple(self.history), tools=tools)

    def _run(self, call: UseTool) -> None:
        number = f"t{len(self.tools)}"
        self.tools.append((call.name, json.loads(call.arguments)))
        self.history.append(Turn(role=TurnRole.TOOL_CALL, text=call.arguments, tool=call.name, tool_call_id=number))
        output = self.found or "" if call.name == "search_documents" else "ok"
        self.history.append(Turn(role=TurnRole.TOOL_OUTPUT, text=output, tool_call_id=number))


async def opened() -> Call:
    """A call in which the opening was heard."""
    call = Call()
    assert await call.agent() == OPENING
    return call


async def at_first_question() -> Call:
    """A call in which the callee is the one who is meant."""
    call = await opened()
    assert await call.callee("Yes, speaking.") == f"Thank you. {ATTENDING}"
    return call


async def test_whole_talk() -> None:
    """Every question is asked once, every answer noted, and the goodbye comes with the end."""
    call = await at_first_question()

    assert await call.callee("Yes, I will be there.") == f"Good, thank you. {PAIN}"
    assert await call.callee("I would say four.") == f"All right. {ARRIVAL}"
    assert await call.callee("By car.") == CLOSING
    assert call.tools == [
        ("record_answer", {"question": "attending", "value": "yes"}),
        ("record_answer", {"question": "pain", "value": "4"}),
        ("record_answer", {"question": "arrival", "value": "car"}),
        ("end_call", {"reason": "completed"}),
    ]


PARKING = "From parking.md:\n# Parking\nYou can park behind the house.\nIt is free.\n\nFrom bus.md:\nTake line 4."


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (PARKING, "You can park behind the house. It is free."),
        (f"From a.md:\n{'It is a long story. ' * 30}", " ".join(["It is a long story."] * 12)),
        ("Nothing in the documents fits. Say that you do not know.", "I am sorry, I do not know that."),
        ("The tool took too long. Go on without it.", "I am sorry, I do not know that."),
    ],
)
async def test_question_of_the_callee_is_looked_up(found: str, told: str) -> None:
    """Where there are documents, the best passage is told, shortly, and the talk goes on where it was."""
    call = Call(found=found)
    await call.agent()
    await call.callee("Yes, speaking.")

    assert await call.callee("Hm. Where can I park?") == f"{told} {ATTENDING}"
    assert call.tools == [("search_documents", {"query": "Hm. Where can I park?"})]
    assert await call.callee("Yes, I will be there.") == f"Good, thank you. {PAIN}"


async def test_question_without_documents_is_not_understood() -> None:
    """Nothing is invented."""
    call = await at_first_question()

    assert await call.callee("Where can I park?") == f"{SORRY} {ATTENDING}"


async def test_nothing_after_the_end() -> None:
    """Words after the goodbye are not answered: the line closes."""
    call = await opened()
    await call.callee("Wrong number.")

    assert await call.callee("Hello?") == ""


async def test_callee_who_greets_first() -> None:
    """A "hello" before the agent's first word gets the opening, not a question."""
    call = Call()

    assert await call.callee("Hello?") == OPENING


@pytest.mark.parametrize(
    "words", ["Please never call me again.", "Take me off your list!", "Yes, but stop calling me."]
)
async def test_opt_out(words: str) -> None:
    """At any point the wish is noted in the callee's own words, confirmed, and the call ended."""
    call = await at_first_question()

    assert await call.callee(words) == (
        "I understand. You will not be called again. I am sorry for the trouble. Goodbye."
    )
    assert call.tools == [("do_not_call_again", {"utterance": words}), ("end_call", {"reason": "do_not_call"})]


@pytest.mark.parametrize(
    "words", ["No.", "No, you have the wrong number.", "I'm not Maria.", "There is no Maria here."]
)
async def test_wrong_person(words: str) -> None:
    """Who is not meant is let go with an apology."""
    call = await opened()

    assert await call.callee(words) == "I am sorry, then I have the wrong number. Please excuse the call. Goodbye."
    assert call.tools == [("end_call", {"reason": "wrong_person"})]


async def test_another_time_named_at_once() -> None:
    """The time said is noted and confirmed."""
    call = await opened()

    assert await call.callee("Can you call me back tomorrow afternoon?") == (
        "Thank you. We will call you tomorrow afternoon. Goodbye."
    )
    assert call.tools == [
        ("schedule_callback", {"when": "tomorrow afternoon"}),
        ("end_call", {"reason": "callback"}),
    ]


async def test_another_time_asked_for() -> None:
    """Who has no time is asked when; an answer without a time is noted as said."""
    call = await opened()

    assert await call.callee("I am busy right now.") == "Of course. When would be a good time to call you?"
    assert await call.callee("Some other day.") == "Thank you. We will call you Some other day. Goodbye."
    assert call.tools[0] == ("schedule_callback", {"when": "Some other day"})


async def test_human() -> None:
    """Handed over, with the wish in the callee's words."""
    call = await opened()

    assert await call.callee("I want to speak to a human.") == (
        "Of course. I connect you to a colleague now. One moment, please."
    )
    assert call.tools == [("transfer_to_human", {"reason": "I want to speak to a human."})]


async def test_who_is_calling() -> None:
    """The truth about the machine, then the same question again."""
    call = await at_first_question()

    assert await call.callee("Are you a robot?") == f"{IDENTITY} {ATTENDING}"
    assert await call.callee("Yes.") == f"Good, thank you. {PAIN}"


async def test_objection() -> None:
    """Answered from the script, then back to the question, which counts as asked."""
    call = await at_first_question()

    assert await call.callee("What does it cost?") == (
        f"The check-up is covered by your plan, so there is nothing to pay. {ATTENDING}"
    )
    assert await call.callee("Fine, I'll come.") == f"Good, thank you. {PAIN}"


@pytest.mark.parametrize("words", ["No thanks, not interested.", "Leave me alone."])
async def test_refusal(words: str) -> None:
    """Once is enough: no persuasion."""
    call = await opened()

    assert await call.callee(words) == "I understand. Thank you for your time. Goodbye."
    assert call.tools == [("end_call", {"reason": "refused"})]


async def test_no_thank_you_as_an_answer() -> None:
    """To a yes/no question it is a no; to a number it is a refusal."""
    call = await at_first_question()

    assert await call.callee("No, thank you.") == f"Good, thank you. {PAIN}"
    assert await call.callee("No, thank you.") == "I understand. Thank you for your time. Goodbye."
    assert call.tools[0] == ("record_answer", {"question": "attending", "value": "no"})


async def test_voicemail() -> None:
    """A machine gets the script's message, and nothing else."""
    message = (
        "Hello Maria Alvarez, this is the AI assistant of Riverside Dental. "
        "Please call us back about your appointment on Tuesday at ten. Thank you, goodbye."
    )
    call = Call()

    assert await call.callee("Hi, you have reached Linda. Please leave a message after the beep.") == message
    assert call.tools == [("leave_voicemail", {"message": message}), ("end_call", {"reason": "voicemail"})]


async def test_voicemail_without_a_message() -> None:
    """A script without a message hangs up on machines without a word."""
    script = parse_script("---\ngoal: Greet.\norganisation: Us\n---\n# Opening\n{disclosure}\n# Closing\nBye.\n")
    call = Call(spoken_task(script, {"name": "Tom"}))

    assert await call.callee("Please leave a message after the beep.") == ""
    assert call.tools == [("end_call", {"reason": "voicemail"})]


async def test_interrupted_opening() -> None:
    """Cut before the disclosure, the agent tells who it is before it asks anything."""
    call = Call()
    await call.agent(cut_to="Hello, this is the")

    assert await call.callee("Yes?") == f"Excuse me. {IDENTITY} {IS_IT_YOU}"
    assert await call.callee("That's me.") == f"Thank you. {ATTENDING}"


async def test_interrupted_question_is_asked_again() -> None:
    """A question of which the end was not heard does not count as asked."""
    call = await opened()
    await call.callee("Yes.", cut_to="Thank you. Can you come")

    assert await call.callee("Go on.") == f"Thank you. {ATTENDING}"


async def test_not_understood_twice() -> None:
    """Asked twice without an answer that can be used, the question is left open and the next one comes."""
    call = await at_first_question()

    assert await call.callee("Hm, let me see.") == f"{SORRY} {ATTENDING}"
    assert await call.callee("I'm not sure.") == f"Never mind. {PAIN}"
    assert call.tools == []


async def test_nothing_but_noise() -> None:
    """Sounds without words are asked about four times; then the agent gives up politely."""
    call = await opened()
    replies = [await call.callee("") for _ in range(5)]

    assert replies[:4] == [f"{SORRY} {IS_IT_YOU}"] * 4
    assert replies[4] == "I am sorry, the line is too bad. We will try again another time. Goodbye."
    assert call.tools == [("end_call", {"reason": "other"})]


async def test_say_that_again() -> None:
    """What was asked last is said again."""
    call = await at_first_question()

    assert await call.callee("Pardon?") == ATTENDING


async def test_session_rebuilt_after_a_lost_connection() -> None:
    """A history replayed as text, its last sentence ending in a dash, goes on where it was."""
    history = (
        Turn(role=TurnRole.ASSISTANT, text=OPENING),
        Turn(role=TurnRole.USER, text="Yes, speaking."),
        Turn(role=TurnRole.ASSISTANT, text=f"Thank you. {ATTENDING}"),
        Turn(role=TurnRole.USER, text="Yes."),
        Turn(
            role=TurnRole.TOOL_CALL,
            text='{"question":"attending","value":"yes"}',
            tool="record_answer",
            tool_call_id="t",
        ),
        Turn(role=TurnRole.TOOL_OUTPUT, text="Noted.", tool_call_id="t"),
        Turn(role=TurnRole.ASSISTANT, text="Good, thank you. On a scale —"),
    )
    call = Call(history=history)

    assert await call.agent() == f"Thank you. {PAIN}"
    assert await call.callee("Two.") == f"All right. {ARRIVAL}"


async def test_one_off_instruction() -> None:
    """An instruction for one response is carried out, whatever the script says."""
    request = ReplyRequest(
        instructions='Say exactly: "Please hold the line. One moment."',
        history=(),
        tools=TOOLS,
        is_one_off=True,
        session_instructions="…",
        task=TASK,
    )

    assert [part async for part in ScriptDialogue().reply(request)] == [Say("Please hold the line. One moment.")]


async def test_tools_that_are_not_offered_are_not_called() -> None:
    """A client without tools gets the words only."""
    request = ReplyRequest(
        instructions="…",
        task=TASK,
        history=(Turn(role=TurnRole.ASSISTANT, text=OPENING), Turn(role=TurnRole.USER, text="Wrong number.")),
    )
    parts = [part async for part in ScriptDialogue().reply(request)]

    assert all(isinstance(part, Say) for part in parts)
    assert parts[-1] == Say("Goodbye.")


async def test_keys_answer_a_question() -> None:
    """A key is the callee's word: it answers the question asked last, and not with the words before it."""
    call = await opened()
    await call.callee("Yes.")
    assert ATTENDING in str(call.history[-1].text)
    await call.callee("Yes.")
    call.history.append(Turn(role=TurnRole.SYSTEM, text=describe_keys("4#")))

    assert ARRIVAL in await call.agent()
    assert call.tools[-1] == ("record_answer", {"question": "pain", "value": "4"})


async def test_lost_words_are_asked_for_again() -> None:
    """A fresh session is told that the callee spoke: neither that note nor the words before it answer the question."""
    history = History()
    history.said("u1", "callee", NOT_UNDERSTOOD)
    (note,) = [json.loads(event)["item"] for event in history.replay()]
    call = await opened()
    await call.callee("Yes.")
    tools = [*call.tools]
    call.history.append(Turn(role=TurnRole(note["role"]), text=note["content"][0]["text"]))

    assert await call.agent() == f"{SORRY} {ATTENDING}"
    assert call.tools == tools
    assert await call.callee("Yes.") == f"Good, thank you. {PAIN}"


async def test_coaching_is_not_the_callee() -> None:
    """A supervisor's word to the agent changes neither whose turn it is nor the question."""
    call = await at_first_question()
    call.history.append(Turn(role=TurnRole.SYSTEM, text="Be more friendly."))

    assert await call.callee("Yes.") == f"Good, thank you. {PAIN}"


def test_sentences() -> None:
    """Spoken one by one; a number's point does not end one."""
    assert sentences(" One.  Two? It costs 4.50! Bye") == ["One.", "Two?", "It costs 4.50!", "Bye"]
    assert sentences("") == []


@pytest.mark.parametrize(
    ("instructions", "opening"),
    [
        ("", "Hello."),
        ("  \n", "Hello."),
        ("You are a pirate.", "Hello, I am an AI assistant. How can I help you?"),
        ('Be kind. Say exactly: "Good day, this is a test." Then listen.', "Good day, this is a test."),
        ('say "Good day."', "Good day."),
    ],
)
def test_instructions_of_another_client(instructions: str, opening: str) -> None:
    """A client that is not ours sends words only: there is something to say, and no questions."""
    task = task_from_words(instructions)

    assert (task.opening, task.questions) == (opening, ())


async def test_words_only() -> None:
    """Without a task the agent still opens, listens and says goodbye."""
    call = Call(None)

    assert await call.agent() == "Hello, I am an AI assistant. How can I help you?"
    assert await call.callee("I am fine.") == "Thank you. Goodbye!"
    assert call.tools == [("end_call", {"reason": "completed"})]


@pytest.mark.parametrize(
    ("instructions", "words"),
    [
        ('Say exactly: "Please hold the line."', "Please hold the line."),
        ('Say exactly: "He said "no" to me."', 'He said "no" to me.'),
        ("Ask whether they are still there.", "Ask whether they are still there."),
        ("x" * 500, "x" * 300),
        ("", ""),
    ],
)
def test_words_of_a_one_off_instruction(instructions: str, words: str) -> None:
    """What stands between the outer quotes is said; without quotes the instruction itself, shortened."""
    assert quoted_words(instructions) == words

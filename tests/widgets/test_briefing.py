"""The briefing's chat."""

from opendeep_kit.config import load_settings
from opendeep_kit.errors import Unavailable
from opendeep_kit.tasks.briefing_draft import Draft
from opendeep_kit.widgets.briefing import BriefingChat, briefing_chat
from tests.tasks.test_briefing import DIALOGUES


def enter(chat: BriefingChat, said: str) -> None:
    """Type and press Enter."""
    chat._words.value = said


def test_a_whole_talk() -> None:
    """What is typed is answered, the field is free again, and at the end there is a script."""
    chat = BriefingChat()
    for said in DIALOGUES["patients"]:
        enter(chat, said)
        assert chat._words.value == ""

    assert chat.is_done
    assert chat.script.name == "confirm-appointment"
    assert chat._words.disabled


def test_the_script_grows() -> None:
    """The script is shown as soon as it is known, and what was said is escaped."""
    chat = BriefingChat()
    assert "The call script appears here." in chat._script.value

    enter(chat, "remind members about <b>rain</b>")
    enter(chat, "<i>Club</i>")

    assert "organisation: &lt;i&gt;Club&lt;/i&gt;" in chat._script.value
    assert "<b>rain" not in chat._talk.value
    assert "&lt;b&gt;rain" in chat._talk.value


def test_a_model_that_fails() -> None:
    """When the text model does not answer, the rules go on and it is told."""

    def understand(draft: Draft, said: str) -> Draft:
        raise Unavailable("the text model does not answer", do="check it")

    chat = BriefingChat(understand)
    enter(chat, DIALOGUES["patients"][0])

    assert chat.briefing.draft.goal == "Confirm the appointment of {name}: {appointment}."
    assert "The rules went on instead." in chat._talk.value


def test_on_a_page_without_a_kernel() -> None:
    """A report shows the talk and the script."""
    chat = BriefingChat()
    enter(chat, DIALOGUES["patients"][0])

    shown = chat._repr_mimebundle_()["text/html"]
    assert "confirm Tuesday" in shown
    assert "On whose behalf" in shown


def test_the_model_of_the_settings() -> None:
    """With a text model in the settings the chat asks it; without, the rules."""
    settings = load_settings(llm={"base_url": "http://127.0.0.1:9/v1", "timeout_s": 1})
    chat = briefing_chat(settings=settings)
    enter(chat, "call somebody")

    assert "the text model does not answer (APIConnectionError)" in chat._talk.value
    assert briefing_chat(settings=load_settings()).say("hello").startswith("I did not understand")

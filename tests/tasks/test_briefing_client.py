"""The briefing with a text model: a real HTTP server on loopback answers the real client."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from pydantic import SecretStr

from opendeep_kit.errors import Unavailable
from opendeep_kit.settings import LlmSettings
from opendeep_kit.tasks.briefing import Briefing
from opendeep_kit.tasks.briefing_client import BriefingClient
from opendeep_kit.tasks.briefing_draft import Draft, Topic
from opendeep_kit.tasks.spec import DEFAULT_DISCLOSURE


class Model:
    """A served chat model that says what it is told to."""

    def __init__(self) -> None:
        self.says: str = "{}"
        self.asked: list[Any] = []
        model = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                model.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                message = {"role": "assistant", "content": model.says}
                choice = {"index": 0, "message": message, "finish_reason": "stop"}
                body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
                told = json.dumps(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"
        self.client = BriefingClient(LlmSettings(base_url=url, api_key=SecretStr("k"), model="m", timeout_s=10))


@pytest.fixture
def model() -> Iterator[Model]:
    """The model, listening."""
    made = Model()
    thread = Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


def test_what_the_model_understood(model: Model) -> None:
    """The model's answer becomes the draft, and the briefing asks for what is still missing."""
    model.says = 'Here you are: {"goal": "Ask {name} about the roof.", "people": "Tenants", "questions": [{"ask": "Does it leak?", "type": "yes_no"}]}'
    briefing = Briefing()

    answer = briefing.take(model.client.understood(briefing.draft, "the roof thing"), "the roof thing")

    assert answer == "On whose behalf is the call? The callee hears this name."
    assert (briefing.draft.goal, briefing.draft.people) == ("Ask {name} about the roof.", "tenants")
    assert [(question.id, question.ask) for question in briefing.draft.questions] == [("leak", "Does it leak?")]


def test_the_model_is_told_what_was_asked(model: Model) -> None:
    """The model gets the draft so far, the topic and the words, and no key in the text."""
    model.client.understood(Draft(), "call them")

    told = json.loads(model.asked[0]["messages"][1]["content"])
    assert (told["asked_about"], told["words"]) == ("goal", "call them")
    assert told["description"]["disclosure"] == DEFAULT_DISCLOSURE


def test_what_is_not_possible_is_left_out(model: Model) -> None:
    """Questions that cannot be are dropped, and the disclosure is not given up."""
    model.says = json.dumps(
        {
            "goal": "Ask.",
            "disclosure": "This is Ana speaking.",
            "questions": [
                {"ask": "Tea?", "type": "choice", "options": ["tea"]},
                {"ask": "How many?", "type": "number", "lowest": 0, "highest": 9, "options": ["x"], "id": "!"},
            ],
        }
    )

    draft = model.client.understood(Draft(), "ask")

    assert draft.disclosure == DEFAULT_DISCLOSURE
    assert [(question.ask, question.lowest, question.highest) for question in draft.questions] == [("How many?", 0, 9)]


def test_topics_are_settled(model: Model) -> None:
    """When the owner is content with a topic, the next is asked."""
    model.says = '{"nothing_more": true}'
    before = Draft(goal="Ask.", organisation="Us", settled=frozenset([Topic.GOAL, Topic.ORGANISATION]))

    assert model.client.understood(before, "that's it").next_topic is Topic.FACTS


@pytest.mark.parametrize("says", ["I would rather chat.", '{"questions": 3}', ""])
def test_an_answer_of_another_form(model: Model, says: str) -> None:
    """An answer that is no description is told, not guessed at."""
    model.says = says

    with pytest.raises(Unavailable, match="the text model did not answer in the requested form"):
        model.client.understood(Draft(), "ask")


def test_nobody_there() -> None:
    """An endpoint that is down is told with what to check."""
    client = BriefingClient(LlmSettings(base_url="http://127.0.0.1:9/v1", timeout_s=1))

    with pytest.raises(Unavailable, match=r"the text model does not answer \(APIConnectionError\)"):
        client.understood(Draft(), "ask")

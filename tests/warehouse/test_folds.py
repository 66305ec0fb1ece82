"""The folds of a call's events, once in Python and once in SQL: they must never differ."""

import dataclasses
import re
from importlib.resources import files
from typing import Any, get_type_hints

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from opendeep_kit import events
from opendeep_kit.events import NOT_UNDERSTOOD, Event
from opendeep_kit.outcomes import Disposition, EndedBy, PhoneResult
from opendeep_kit.warehouse.catalogue import SHARED, read_sql
from tests.record.recorded import recorded
from tests.warehouse.agreement import assert_folds_agree

FOLDS = files("opendeep_kit.warehouse") / "views" / "folds"
TYPES = {str: "VARCHAR", bool: "BOOLEAN", float: "DOUBLE", int: ("INTEGER", "BIGINT")}

# A coarse grid: what matters is what comes before what, and what falls together.
at = st.one_of(st.integers(0, 12).map(lambda slot: slot * 20.0), st.sampled_from([1000.0, 1020.0, 1040.0, 2040.0]))
item = st.sampled_from(["a", "b", "c"])
words = st.sampled_from(["", "Yes.", "Good day.", NOT_UNDERSTOOD, "it's 'quoted'"])


def made(kind: type[Event], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    """Events of a kind at any time."""
    return st.builds(kind, call_id=st.just("0"), at_ms=at, **fields)


SOUND = (made(events.CalleeSoundStarted), made(events.CalleeSoundStopped))
REPLIES: tuple[st.SearchStrategy[Event], ...] = (
    *SOUND,
    made(events.SpeechStopped, item_id=item),
    made(events.ReplyBegan, response_id=item),
    made(events.ReplyAudioArrived, response_id=item, item_id=item),
    made(events.AgentSoundStarted, item_id=item, first_sound_ms=at),
    made(events.ToolCalled, tool_call_id=item, name=item, arguments=st.just("{}")),
)
CUTS: tuple[st.SearchStrategy[Event], ...] = (
    *SOUND,
    made(events.SpeechStarted, item_id=item),
    made(events.AgentInterrupted, item_id=item, heard_ms=at, dropped_ms=at, last_frame_ms=at),
)
WORDS: tuple[st.SearchStrategy[Event], ...] = (
    made(events.SpeechStarted, item_id=item),
    made(events.AgentSoundStarted, item_id=item, first_sound_ms=at),
    made(events.CalleeSaid, item_id=item, text=words),
    made(events.AgentSaid, item_id=item, meant=words, heard=words, heard_ms=at, received_ms=at, is_cut=st.booleans()),
)
OUTCOME: tuple[st.SearchStrategy[Event], ...] = (
    made(events.Answered),
    made(events.DisclosureHeard, text=words),
    made(events.ToolReturned, tool_call_id=item, name=item, output=st.just(""), took_ms=at, is_failure=st.booleans()),
    made(events.AnswerRecorded, question=item, value=words),
    made(events.CallEnded, phone_result=st.sampled_from(PhoneResult), ended_by=st.sampled_from(EndedBy)),
    made(events.CallJudged, disposition=st.sampled_from(Disposition), by=st.just("rules")),
)
CALL = st.one_of(
    *(
        st.lists(st.one_of(kinds), min_size=12, max_size=30)
        for kinds in (REPLIES, CUTS, WORDS, OUTCOME, (*REPLIES, *CUTS, *WORDS, *OUTCOME))
    )
)


def test_recorded_calls() -> None:
    """Real calls, as their events were recorded."""
    assert_folds_agree(recorded())


@given(st.lists(CALL, min_size=30, max_size=40))
@settings(max_examples=15, deadline=None, phases=[Phase.reuse, Phase.generate])  # one call that differs is small enough
def test_any_order_of_any_events(calls: list[list[Event]]) -> None:
    """Whatever comes in whatever order, with times that go back and ids that come twice."""
    assert_folds_agree(
        [[dataclasses.replace(event, call_id=str(place)) for event in call] for place, call in enumerate(calls)]
    )


def test_a_reply_that_began_with_the_clock() -> None:
    """Zero is a time like others."""
    kinds = [
        events.CalleeSoundStopped(call_id="1", at_ms=0),
        events.SpeechStopped(call_id="1", at_ms=0, item_id="a"),
        events.ReplyBegan(call_id="1", at_ms=0, response_id="r"),
        events.ReplyBegan(call_id="1", at_ms=40, response_id="s"),
        events.ReplyAudioArrived(call_id="1", at_ms=60, response_id="r", item_id="a"),
        events.AgentSoundStarted(call_id="1", at_ms=80, item_id="a", first_sound_ms=90),
    ]
    assert_folds_agree([kinds])


@pytest.mark.parametrize("fold", sorted(path.name for path in FOLDS.iterdir()))
def test_sql_names_events_that_there_are(fold: str) -> None:
    """A type that is misspelt, or renamed in Python alone, would count nothing and say nothing."""
    text = (FOLDS / fold).read_text(encoding="utf-8")
    named = re.findall(r"type = '(\w+)'", text) + re.findall(r"WHEN '([A-Z]\w+)'", text)
    for group in re.findall(r"type IN \(([^)]*)\)", text):
        named += re.findall(r"'(\w+)'", group)

    assert set(named) <= set(Event.registry)


def test_sql_reads_fields_that_there_are() -> None:
    """Every field that is taken out of an event's JSON is one of an event, of the same type."""
    parts = dict(re.findall(r'"(\w+)": "(\w+)"', read_sql("folds/events.sql")))
    kinds: dict[str, set[type]] = {}
    for event in Event.registry.values():
        for name, hint in get_type_hints(event).items():
            kinds.setdefault(name, set()).add(hint if hint in TYPES else str)

    assert parts.keys() <= kinds.keys()
    for name, kind in parts.items():
        (hint,) = kinds[name]
        assert kind in TYPES[hint], name


def test_what_both_must_agree_on_stands_once() -> None:
    """Every shared figure is used by a fold, and no placeholder is left."""
    texts = [(FOLDS / path.name).read_text(encoding="utf-8") for path in FOLDS.iterdir()]

    assert {name for text in texts for name in re.findall(r"\{\{(\w+)\}\}", text)} == set(SHARED)
    assert not any("{{" in read_sql(f"folds/{path.name}") for path in FOLDS.iterdir())

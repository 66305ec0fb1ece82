"""Every event class there is survives the way to the store and back."""

import dataclasses
import json
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opendeep_kit import events
from opendeep_kit.outcomes import EndedBy, PhoneResult

CLASSES = [cls for cls in events.Event.registry.values() if cls.__module__.startswith(f"{events.__name__}.")]
PLAIN = {
    float: st.floats(allow_nan=False, allow_infinity=False),
    int: st.integers(-(2**31), 2**31),
    str: st.text(),
    bool: st.booleans(),
}


def any_event(cls: type[events.Event]) -> st.SearchStrategy[events.Event]:
    """Events of this class with any values its fields may have."""
    hints = get_type_hints(cls)
    fields: dict[str, Any] = {}
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        fields[field.name] = PLAIN[kind] if kind in PLAIN else st.sampled_from(list(kind))
    return st.builds(cls, **fields)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_event_survives_the_store(cls: type[events.Event], data: st.DataObject) -> None:
    """Written and read again an event is equal and of the same class, whatever its values."""
    event = data.draw(any_event(cls))
    back = events.from_json(cls.__name__, events.to_json(event))

    assert back == event
    assert type(back) is cls


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_event_is_one_line(cls: type[events.Event], data: st.DataObject) -> None:
    """As a line of a file it is one JSON object that names its type and holds every field."""
    event = data.draw(any_event(cls))
    line = events.to_line(event)
    told = json.loads(line)

    assert "\n" not in line
    if cls is not events.Unknown:
        assert told["event"] == cls.__name__
    assert {field.name for field in dataclasses.fields(cls)} <= set(told)


def test_line_of_an_unknown_event() -> None:
    """An event of the model's side that we do not know is still told apart from ours by its type."""
    unknown = events.Unknown(call_id="c", at_ms=1.0, type="response.sung", raw="{}")

    assert "Unknown" in json.loads(events.to_line(unknown)).values()


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_event_is_a_documented_fact(cls: type[events.Event]) -> None:
    """Frozen, without a dict, and with a docstring of its own."""
    assert cls.__doc__
    assert not cls.__doc__.startswith(f"{cls.__name__}(")
    assert cls.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert "__slots__" in vars(cls)


def test_there_are_events() -> None:
    """The registry holds every class of the module, under its own name."""
    assert len(CLASSES) > 30
    assert all(events.Event.registry[cls.__name__] is cls for cls in CLASSES)
    assert "Event" not in events.Event.registry


def test_what_stands_in_the_store() -> None:
    """The JSON of an event, word by word: old records must stay readable."""
    ended = events.CallEnded(call_id="c", at_ms=1.5, phone_result=PhoneResult.BUSY, ended_by=EndedBy.NETWORK)

    assert json.loads(events.to_json(ended)) == {
        "call_id": "c",
        "at_ms": 1.5,
        "phone_result": "busy",
        "ended_by": "network",
        "detail": "",
    }


def test_older_record_lacks_a_field() -> None:
    """A field added later with a default does not make old records unreadable; one from the future is ignored."""
    old = '{"call_id":"c","at_ms":1,"response_id":"r","status":"completed","mood":"good"}'

    assert events.from_json("ReplyEnded", old) == events.ReplyEnded(
        call_id="c", at_ms=1.0, response_id="r", status="completed", input_tokens=0, output_tokens=0
    )


def test_older_record_has_a_field_more() -> None:
    """A field that events no longer have is passed over."""
    kept = '{"call_id":"c","at_ms":4.0,"attempts":0}'

    assert events.from_json("ModelGivenUp", kept) == events.ModelGivenUp(call_id="c", at_ms=4.0)


def test_an_event_of_a_newer_version() -> None:
    """Its type and its beginning are kept as `Unknown`: one such event does not hide the call from an older process."""
    data = '{"call_id":"c","at_ms":2.5,"song":"la"}'

    assert events.from_json("Sang", data) == events.Unknown(call_id="c", at_ms=2.5, type="Sang", raw=data)

    long = events.from_json("Sang", data.replace("la", "l" + "a" * 999))
    assert isinstance(long, events.Unknown)
    assert len(long.raw) == 500


def test_every_event_is_public() -> None:
    """What the package gives under `events` is what the record can read back."""
    assert [cls.__name__ for cls in CLASSES if getattr(events, cls.__name__, None) is not cls] == []

"""The session that the model is asked for, checked by the SDK's own models."""

import json
from dataclasses import replace
from typing import Any

import pytest

from opendeep_kit.settings import TurnDetection, VoiceSettings
from opendeep_kit.tasks.prompt import LOCAL_TASK, SpokenTask
from opendeep_kit.voice.session_setup import SessionSetup, detection_update, session_update
from tests.voice.test_wire import by_the_sdk

TOOL = {"type": "function", "name": "look_up", "description": "Look up.", "parameters": {"type": "object"}}
SETUP = SessionSetup(instructions="", tools=[])


def session_of(**settings: Any) -> dict[str, Any]:
    """The session of a `session.update` with these voice settings, after the SDK has approved of it."""
    text = session_update(SETUP, VoiceSettings(**settings))
    by_the_sdk(text)
    session: dict[str, Any] = json.loads(text)["session"]
    return session


def test_instructions_and_tools_are_sent() -> None:
    """As they are given."""
    text = session_update(SessionSetup(instructions="Be kind.", tools=[TOOL]), VoiceSettings())
    by_the_sdk(text)

    assert json.loads(text)["session"]["instructions"] == "Be kind."
    assert json.loads(text)["session"]["tools"] == [TOOL]


@pytest.mark.parametrize(("provider", "is_sent"), [("local", True), ("realtime", False)])
def test_the_task_is_for_the_local_model(provider: str, is_sent: bool) -> None:
    """In structure it goes to our own server alone: others refuse what they do not know."""
    task = SpokenTask(opening="Hello.", closing="Bye.", identity="We.")
    text = session_update(replace(SETUP, task=task), VoiceSettings(provider=provider))
    sent = json.loads(text)["session"].get(LOCAL_TASK)

    assert sent == (task.model_dump(mode="json", exclude_defaults=True) if is_sent else None)


def test_detection_alone() -> None:
    """A change of the turn detection leaves everything else as it stands."""
    turn = TurnDetection(create_response=False)
    text = detection_update(VoiceSettings(turn_detection=turn))
    by_the_sdk(text)

    assert set(json.loads(text)["session"]) == {"type", "audio"}
    assert json.loads(text)["session"]["audio"]["input"]["turn_detection"]["create_response"] is False


@pytest.mark.parametrize(("said", "told"), [("en", "en"), ("pt-BR", "pt")])
def test_language_of_the_callee(said: str, told: str) -> None:
    """The transcription is told which language it hears, as ISO 639-1; where nothing is transcribed, nothing is told."""
    setup = replace(SETUP, language=said)
    text = session_update(setup, VoiceSettings())
    by_the_sdk(text)
    silent = session_update(setup, VoiceSettings(transcription_model=None))

    assert json.loads(text)["session"]["audio"]["input"]["transcription"]["language"] == told
    assert json.loads(silent)["session"]["audio"]["input"]["transcription"] is None


def test_default_session() -> None:
    """Nothing is left to a server's own defaults."""
    assert session_of() == {
        "type": "realtime",
        "output_modalities": ["audio"],
        "instructions": "",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "turn_detection": {
                    "type": "server_vad",
                    "threshold": 0.5,
                    "prefix_padding_ms": 300,
                    "silence_duration_ms": 500,
                    "create_response": True,
                    "interrupt_response": True,
                },
                "noise_reduction": None,
                "transcription": {"model": "gpt-live-transcribe"},
            },
            "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin", "speed": 1.0},
        },
        "tools": [],
        "tool_choice": "auto",
        "max_output_tokens": "inf",
    }


@pytest.mark.parametrize(("name", "form"), [("pcmu", "audio/pcmu"), ("pcma", "audio/pcma")])
def test_g711_both_ways(name: str, form: str) -> None:
    """G.711 is asked for in both directions; it has no rate of its own."""
    audio = session_of(audio_format=name)["audio"]

    assert (audio["input"]["format"], audio["output"]["format"]) == ({"type": form}, {"type": form})


def test_semantic_vad() -> None:
    """The semantic detector gets its eagerness and none of the other's settings."""
    turn = TurnDetection(type="semantic_vad", eagerness="low", interrupt_response=False)

    assert session_of(turn_detection=turn)["audio"]["input"]["turn_detection"] == {
        "type": "semantic_vad",
        "eagerness": "low",
        "create_response": True,
        "interrupt_response": False,
    }


def test_what_is_switched_off_is_sent() -> None:
    """It is sent as null: leaving it out would keep the server's default."""
    source = session_of(transcription_model=None, noise_reduction=None)["audio"]["input"]

    assert (source["transcription"], source["noise_reduction"]) == (None, None)


def test_every_setting_of_the_detector_is_sent() -> None:
    """What is set under [voice.turn_detection] reaches the model; the idle timeout only when it is set."""
    given = {
        "type": "server_vad",
        "threshold": 0.7,
        "prefix_padding_ms": 200,
        "silence_duration_ms": 350,
        "idle_timeout_ms": 6000,
        "create_response": False,
        "interrupt_response": False,
    }

    assert session_of(turn_detection=given)["audio"]["input"]["turn_detection"] == given


def test_every_setting_of_the_voice_is_sent() -> None:
    """So does what is set under [voice]."""
    session = session_of(
        voice="cedar",
        speed=1.2,
        noise_reduction="near_field",
        transcription_model="gpt-transcribe",
        max_output_tokens=500,
    )
    source, sound = session["audio"]["input"], session["audio"]["output"]

    assert (source["noise_reduction"], source["transcription"]) == ({"type": "near_field"}, {"model": "gpt-transcribe"})
    assert (sound["voice"], sound["speed"], session["max_output_tokens"]) == ("cedar", 1.2, 500)

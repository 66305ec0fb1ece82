"""In which languages a call can be rehearsed."""

from typing import Any

import pytest

from opendeep_kit.config import Settings
from opendeep_kit.errors import BadInput
from opendeep_kit.rehearsal.public import check_language

PERSONA, PERSON = "+12125550101", "+4930123456"
OWN: dict[str, Any] = {"tts_voice": "de.onnx", "stt_model": "many"}


def settings(*, provider: str = "local", **rehearsal: Any) -> Settings:
    """Settings of this voice model."""
    return Settings(voice={"provider": provider}, rehearsal=rehearsal)


@pytest.mark.parametrize(
    ("language", "number", "given"),
    [
        ("en", PERSONA, {}),
        ("en-GB", PERSONA, {}),
        ("de", PERSON, {"provider": "realtime"}),
        ("de", PERSONA, OWN),
        ("de", PERSONA, {"engine": "tones"}),
    ],
)
def test_both_sides_can_talk(language: str, number: str, given: dict[str, Any]) -> None:
    """English always; another language where no packaged model has to speak or to understand it."""
    check_language(settings(**given), language, number)


@pytest.mark.parametrize(
    ("number", "given", "do"),
    [
        (PERSONA, {}, "set rehearsal.tts_voice and rehearsal.stt_model to models"),
        (PERSON, {}, "set rehearsal.tts_voice and rehearsal.stt_model to models"),
        (PERSONA, {"provider": "realtime"}, "set rehearsal.tts_voice and rehearsal.stt_model to models"),
        (PERSONA, {"tts_voice": "de.onnx"}, "set rehearsal.stt_model to models"),
    ],
)
def test_one_side_could_only_talk_english(number: str, given: dict[str, Any], do: str) -> None:
    """Refused before anybody is called, with the settings that would help."""
    with pytest.raises(BadInput, match=f"English only, and the script's language is de: {do}"):
        check_language(settings(**given), "de", number)

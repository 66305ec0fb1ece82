"""Which languages a rehearsal can be held in: those that the local models speak and understand.

Given the settings, a call's language and whom it goes to, refuses a call in which one side could only talk English.
Never looks into a model: whoever brings their own knows what it speaks.
"""

from __future__ import annotations

from opendeep_kit.audio.prepared import is_english
from opendeep_kit.config import Settings
from opendeep_kit.errors import BadInput
from opendeep_kit.rehearsal.public import is_made_up


def check_language(settings: Settings, language: str, number: str) -> None:
    """Whether agent and callee can talk in this language (BCP 47).

    Args:
        number: who is called, E.164: a persona speaks with the local voice, whoever the agent is.

    Raises:
        BadInput: one of them would use a packaged model, and those are English.
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

"""SEAM that opens a briefing: with the text model of the settings when there is one, else with rules.

Given settings, returns the chat. Never talks to a model by itself.
"""

from __future__ import annotations

from opendeep_kit.config import Settings, load_settings
from opendeep_kit.tasks.briefing import understood
from opendeep_kit.widgets.briefing import BriefingChat


def briefing_chat(*, settings: Settings | None = None) -> BriefingChat:
    """A chat that ends in a call script."""
    llm = (settings or load_settings()).llm
    if llm.base_url is None:
        return BriefingChat(understood)
    from opendeep_kit.tasks.briefing_client import BriefingClient

    return BriefingChat(BriefingClient(llm).understood)

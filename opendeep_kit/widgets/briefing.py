"""The briefing as a chat: say what you want, answer what it asks, watch the call script grow.

Given how to understand words (rules, or a text model), shows the talk beside the script, in JupyterLab and Voila. Never
calls anybody, and shows whatever was said as text.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets

from opendeep_kit.config import Settings, load_settings
from opendeep_kit.errors import Unavailable
from opendeep_kit.tasks.briefing import Briefing, understood
from opendeep_kit.tasks.briefing_draft import Draft
from opendeep_kit.tasks.script import CallScript
from opendeep_kit.widgets.static_outputs import PagedBox

Understand = Callable[[Draft, str], Draft]
_BUBBLE = {
    "kit": "background:var(--jp-layout-color2,#eef1f4);margin-right:48px",
    "you": "background:#dbeafe;color:#10243b;margin-left:48px",
}
_ROUND = "border-radius:8px;padding:6px 10px;margin-top:6px;line-height:1.4"
_TALK = "display:flex;flex-direction:column-reverse;height:340px;overflow-y:auto"
_SCRIPT = (
    "white-space:pre-wrap;overflow-wrap:anywhere;font-size:12px;line-height:1.45;overflow:auto;margin:0;"
    "padding:8px 10px;border:1px solid var(--jp-border-color2,#d0d4da);border-radius:4px"
)
_BESIDE = "display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start"


class BriefingChat(PagedBox):
    """A briefing to talk to.

    Args:
        understand: what makes a draft of words; the rules are behind it when it fails.
    """

    def __init__(self, understand: Understand = understood) -> None:
        self.briefing = Briefing()
        self._understand = understand
        self._note = ""
        self._talk = ipywidgets.HTML()
        self._words = ipywidgets.Text(
            placeholder="Say it in your words, then Enter",
            continuous_update=False,
            layout={"flex": "1 1 auto", "width": "auto"},
        )
        self._send = ipywidgets.Button(description="Say", button_style="primary", layout={"width": "70px"})
        self._script = ipywidgets.HTML()
        # Leaving the field sends as Enter does, so that a click on the button finds it sent.
        self._words.observe(self._entered, "value")
        talk = ipywidgets.VBox(
            [self._talk, ipywidgets.HBox([self._words, self._send])], layout={"flex": "1 1 340px", "min_width": "0"}
        )
        script = ipywidgets.VBox([self._script], layout={"flex": "1 1 340px", "min_width": "0"})
        both = ipywidgets.HBox([talk, script], layout={"flex_flow": "row wrap", "grid_gap": "12px"})
        super().__init__([both], page=self._page_of_talk)
        self._show()

    @property
    def is_done(self) -> bool:
        """The script was agreed to."""
        return self.briefing.is_done

    @property
    def script(self) -> CallScript:
        """The call script, ready to rehearse.

        Raises:
            BadInput: goal or organisation is not known yet.
        """
        return self.briefing.script

    def say(self, said: str) -> str:
        """Say something, as the text field does. Returns the answer."""
        self._note = ""
        try:
            draft = self._understand(self.briefing.draft, said)
        except Unavailable as error:
            self._note = f"{error} The rules went on instead."
            draft = understood(self.briefing.draft, said)
        answer = self.briefing.take(draft, said)
        self._show()
        return answer

    def _entered(self, change: dict[str, Any]) -> None:
        said = change["new"].strip()
        if said:
            self._words.value = ""
            self.say(said)

    def _show(self) -> None:
        bubbles = self._bubbles()
        note = f'<div style="color:#c4531a;margin-top:6px">{escape(self._note)}</div>' if self._note else ""
        # Reversed twice: the browser keeps the newest in sight.
        self._talk.value = f'<div style="{_TALK}"><div>{bubbles}{note}</div></div>'
        self._script.value = f'<pre style="{_SCRIPT};height:380px">{escape(self._text)}</pre>'
        self._words.disabled = self._send.disabled = self.is_done

    @property
    def _text(self) -> str:
        return self.briefing.script_text or "The call script appears here."

    def _bubbles(self) -> str:
        return "".join(f'<div style="{_BUBBLE[who]};{_ROUND}">{escape(text)}</div>' for who, text in self.briefing.talk)

    def _page_of_talk(self) -> str:
        """For a page without a kernel: as tall as what was said, and no field to type in."""
        beside = (
            f'<pre style="{_SCRIPT};flex:1 1 300px">{escape(self._text)}</pre>' if self.briefing.script_text else ""
        )
        return f'<div style="{_BESIDE}"><div style="flex:1 1 300px">{self._bubbles()}</div>{beside}</div>'


def briefing_chat(*, settings: Settings | None = None) -> BriefingChat:
    """A chat that ends in a call script; it understands by the settings' text model, or by rules without one."""
    llm = (settings or load_settings()).llm
    if llm.base_url is None:
        return BriefingChat(understood)
    from opendeep_kit.tasks.briefing_client import BriefingClient

    return BriefingChat(BriefingClient(llm).understood)

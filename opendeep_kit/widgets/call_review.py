"""A call to listen to, with a person's verdict beneath: chosen with a click, written down at once.

Given a player and where a verdict goes, shows both in JupyterLab and Voila. Never keeps a verdict itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

from opendeep_kit.errors import OpenDeepError
from opendeep_kit.widgets.call_player import CallPlayer
from opendeep_kit.widgets.paged_box import PagedBox

Save = Callable[[str, str], None]
"""Takes the verdict and the note."""


class CallReview(PagedBox):
    """The player and the verdict.

    Args:
        choices: the verdicts there are.
        save: writes one down.
        verdict: the one that was given before; empty: none.
    """

    def __init__(
        self, player: CallPlayer, *, choices: Sequence[str], save: Save, verdict: str = "", note: str = ""
    ) -> None:
        self._save = save
        self._saved = (verdict, note)
        self._choices = ipywidgets.ToggleButtons(
            options=[(choice.replace("_", " "), choice) for choice in choices],
            value=verdict or None,
            style={"button_width": "auto"},
        )
        self._note = ipywidgets.Text(
            value=note, placeholder="Why, in a few words", continuous_update=False, layout={"flex": "1 1 220px"}
        )
        self._told = ipywidgets.HTML()
        self._choices.observe(self._changed, "value")
        self._note.observe(self._changed, "value")
        row = ipywidgets.HBox([self._choices, self._note, self._told], layout={"flex_flow": "row wrap"})
        super().__init__([player, row], page=player._repr_html_)

    def judge(self, verdict: str, note: str = "") -> None:
        """Say what the buttons and the field say."""
        with self.hold_trait_notifications():
            self._note.value = note
            self._choices.value = verdict

    def _changed(self, change: dict[str, Any]) -> None:
        del change
        if self._choices.value is None:
            return  # a note alone is no verdict yet
        judged = (self._choices.value, self._note.value)
        if judged == self._saved:
            return  # both changed at once, and the other told it
        try:
            self._save(*judged)
        except OpenDeepError as error:
            self._told.value = f'<span style="color:#c4531a">{error}</span>'
        else:
            self._saved = judged
            self._told.value = "written down"

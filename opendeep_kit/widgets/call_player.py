"""The call player: two lanes, turns, reply gaps, barge-ins, tools, and the transcript, for JupyterLab and Voila.

Given a call's events and the path of its recording, shows them and answers the browser's requests for pieces of sound,
which are read as they are heard. `CallReview` adds a person's verdict beneath. Never puts sound into the notebook,
never reads more of the file than was asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar

import anywidget
import ipywidgets
import msgspec
import numpy as np
import traitlets.traitlets as t

from opendeep_kit.errors import BadInput, OpenDeepError
from opendeep_kit.events import Event
from opendeep_kit.widgets.call_picture import Picture, picture
from opendeep_kit.widgets.call_report import call_report
from opendeep_kit.widgets.call_sound import BIN_MS, CallSound, Levels, coarser, open_sound
from opendeep_kit.widgets.static_outputs import PagedBox

HERE = Path(__file__).parent
MOST_BARS = 6000
"""Bars of the picture kept with the notebook: a minute at 10 ms; of a longer call finer ones are asked for."""
MOST_BARS_ASKED = 4096
MOST_SAMPLES = 480_000
"""Of one piece: ten seconds at 48 kHz."""
MOST_BYTES = 1 << 20
"""Of one part of the file."""
LONGEST_ASK = 40

Save = Callable[[str, str], None]
"""Takes the verdict and the note."""

_AskId = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ASK)]
_Start = Annotated[int, msgspec.Meta(ge=0)]


class _Ask(msgspec.Struct, tag_field="kind", frozen=True):
    """What a browser may ask. `ask` is its own name of the request; the answer repeats it."""

    ask: _AskId


class AskSound(_Ask, tag="sound", frozen=True):
    """Samples of both lanes."""

    first: _Start
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_SAMPLES)]


class AskLevels(_Ask, tag="levels", frozen=True):
    """A finer picture of a part, in bars of 10 ms each `factor` of which are drawn as one."""

    first: _Start
    count: Annotated[int, msgspec.Meta(ge=1)]
    factor: Annotated[int, msgspec.Meta(ge=1)]


class AskFile(_Ask, tag="file", frozen=True):
    """Bytes of the recording's file, for downloading it."""

    first: _Start
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_BYTES)]


class CallPlayer(anywidget.AnyWidget):
    """One call to look at and listen to.

    Args:
        happened: the call's events; may be empty.
        recording: the stereo file (left callee, right agent); None when there is none.
        title: what stands above.
    """

    # One ES module in four files, joined as they are: no build step, no CDN.
    _esm: ClassVar[str] = "\n".join(
        (HERE / name).read_text(encoding="utf-8")
        for name in ("call_player_sound.js", "call_player_lanes.js", "call_player_page.js", "call_player.js")
    )
    _css: ClassVar[str] = (HERE / "call_player.css").read_text(encoding="utf-8")

    title = t.Unicode().tag(sync=True)
    picture = t.Dict().tag(sync=True)
    """`call_picture.Picture` as plain data."""
    levels = t.Bytes().tag(sync=True)
    """The callee's bars, then the agent's, each a lowest and a highest as int8."""
    level_ms = t.Int(BIN_MS).tag(sync=True)
    """How long one bar is."""
    sound = t.Dict().tag(sync=True)
    """`rate_hz`, `frames`, `file_name`, `file_bytes`; empty when there is nothing to hear."""
    note = t.Unicode().tag(sync=True)
    """Why there is nothing to hear."""

    def __init__(self, happened: Sequence[Event], recording: Path | None = None, *, title: str = "") -> None:
        super().__init__()
        self.show(happened, recording, title=title)

    def show(self, happened: Sequence[Event], recording: Path | None = None, *, title: str = "") -> None:
        """Show another call in the same place."""
        self._sound, note = _open(recording)
        self._levels: Levels = np.zeros((2, 0, 2), np.int8) if self._sound is None else self._sound.levels()
        self._seen: Picture = picture(happened, recorded_ms=self._sound.duration_ms if self._sound else 0.0)
        factor = max(1, -(-self._levels.shape[1] // MOST_BARS))
        with self.hold_sync():
            self.title = title or f"Call {self._seen.call_id[:8]}".strip()
            self.levels = coarser(self._levels, factor).tobytes()
            self.level_ms = BIN_MS * factor
            self.sound = _described(self._sound)
            self.note = note
            self.picture = _plain(self._seen)

    def _handle_custom_msg(self, content: Any, buffers: Sequence[memoryview]) -> None:
        """Answer a browser; whatever it sent, nothing is raised."""
        super()._handle_custom_msg(content, buffers)
        ask = str(content.get("ask", ""))[:LONGEST_ASK] if isinstance(content, dict) else ""
        try:
            parts = self._answer(msgspec.convert(content, AskSound | AskLevels | AskFile))
        except msgspec.ValidationError:
            self.send(
                {"kind": "refused", "ask": ask, "why": "The player's request is not understood: reload the page."}
            )
        except OpenDeepError as error:
            self._refuse(ask, str(error))
        else:
            self.send({"kind": "answer", "ask": ask}, buffers=parts)

    def _refuse(self, ask: str, why: str) -> None:
        self.send({"kind": "refused", "ask": ask, "why": why})

    def _answer(self, asked: AskSound | AskLevels | AskFile) -> list[bytes]:
        if self._sound is None:
            raise BadInput("this call has no recording", do="choose another call")
        match asked:
            case AskSound(first=first, count=count):
                return list(self._sound.piece(first, count))
            case AskFile(first=first, count=count):
                return [self._sound.file_part(first, count)]
            case AskLevels(first=first, count=count, factor=factor):
                if first + count > self._levels.shape[1] or count > MOST_BARS_ASKED * factor:
                    raise BadInput("the picture asked for is not inside the call", do="reload the page")
                return [coarser(self._levels[:, first : first + count], factor).tobytes()]

    def _repr_html_(self) -> str:
        """The same call as static HTML without sound: for reports, and wherever widgets do not run."""
        return call_report(self._seen, self._levels, title=self.title)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is not None:
            bundle[0]["text/plain"] = f"<CallPlayer: {self.title}>"
            bundle[0]["text/html"] = self._repr_html_()
        return bundle


def call_player(events: Sequence[Event], recording: str | Path | None = None, *, title: str = "") -> CallPlayer:
    """Look at a call and listen to it.

    Args:
        events: the call's events, as the store gives them.
        recording: path of its stereo WAV; None when there is none.
    """
    return CallPlayer(events, None if recording is None else Path(recording), title=title)


def _open(recording: Path | None) -> tuple[CallSound | None, str]:
    """The sound, or why there is none: a list of calls is reviewed to its end even if one recording is gone."""
    if recording is None:
        return None, "There is no recording of this call."
    try:
        sound = open_sound(recording)
    except OpenDeepError as error:
        why = str(error)
        return None, why[0].upper() + why[1:]
    return (sound, "") if sound.frames else (None, "The recording of this call is empty.")


def _described(sound: CallSound | None) -> dict[str, Any]:
    if sound is None:
        return {}
    return {
        "rate_hz": sound.rate_hz,
        "frames": sound.frames,
        "file_name": sound.path.name,
        "file_bytes": sound.file_bytes,
    }


def _plain(seen: Picture) -> dict[str, Any]:
    """Plain data with whole milliseconds: half as long in the notebook."""

    def rounded(value: Any) -> Any:
        if isinstance(value, float):
            return round(value)
        if isinstance(value, dict):
            return {key: rounded(inner) for key, inner in value.items()}
        return [rounded(inner) for inner in value] if isinstance(value, (list, tuple)) else value

    plain: dict[str, Any] = rounded(msgspec.to_builtins(seen))
    return plain


# ---- with a verdict ---------------------------------------------------------------------------------


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
        """Give the verdict and the note, as the buttons and the field do."""
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

"""A call that is over, as a notebook holds it: what came of it, what was said, how it sounds.

Given events and a recording, answers questions about one call and shows itself; many of them are a `Calls`. Never
places a call, never reads the store.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from IPython.display import HTML

from opendeep_kit.errors import OpenDeepError
from opendeep_kit.events import Event
from opendeep_kit.insight.analysis import Summary
from opendeep_kit.insight.latency import TurnLatency, turns
from opendeep_kit.insight.transcript import Utterance, transcript
from opendeep_kit.lab import call_tables
from opendeep_kit.widgets.call_picture import Picture, picture
from opendeep_kit.widgets.call_player import CallPlayer, call_player
from opendeep_kit.widgets.call_report import WIDTH, call_report, lanes_svg
from opendeep_kit.widgets.call_sound import Levels, open_sound

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedCall:
    """One call with everything known of it."""

    call_id: str
    callee: str
    """Persona, contact's name, or the number's last digits."""
    script_name: str
    script_version: int | None
    summary: Summary
    events: tuple[Event, ...] = field(repr=False)
    recording: Path | None = field(repr=False)
    """Stereo, callee left; None when no sound was exchanged."""

    @property
    def title(self) -> str:
        """What to write above it."""
        version = f" v{self.script_version}" if self.script_version is not None else ""
        return f"{self.callee}, {self.script_name}{version}"

    @property
    def lines(self) -> list[Utterance]:
        """The talk, as heard."""
        return transcript(self.events)

    @property
    def replies(self) -> list[TurnLatency]:
        """Every reply of the agent with its wait."""
        return turns(self.events)

    @property
    def waits(self) -> pd.DataFrame:
        """A row per reply: where the milliseconds went."""
        import pandas as pd

        rows = [
            {"at_s": reply.callee_stopped_ms / 1000, **reply.stages, "voice_to_voice": reply.voice_to_voice_ms}
            for reply in self.replies
        ]
        return pd.DataFrame(rows).round(1)

    def player(self) -> CallPlayer:
        """Look at it and listen to it, in JupyterLab and Voila."""
        return call_player(self.events, self.recording, title=self.title)

    def lanes(self, *, width: int = WIDTH) -> str:
        """Both sides' sound as a picture (SVG), for this width in pixels."""
        return lanes_svg(*self._seen(), width=width)

    def _seen(self) -> tuple[Picture, Levels]:
        levels: Levels = np.zeros((2, 0, 2), np.int8)
        recorded_ms = 0.0
        if self.recording is not None:
            try:
                sound = open_sound(self.recording)
            except OpenDeepError:
                pass  # archived or deleted since: the events still tell the call
            else:
                levels, recorded_ms = sound.levels(), sound.duration_ms
        return picture(self.events, recorded_ms=recorded_ms), levels

    @property
    def outcome(self) -> HTML:
        """What came of it, in one line."""
        return HTML(self._outcome())  # type: ignore[no-untyped-call]

    def _outcome(self) -> str:
        summary = self.summary
        detail = "" if summary.detail in (summary.disposition, summary.phone_result) else summary.detail
        return (
            f'<div style="{call_tables.FONT};margin-bottom:6px">{call_tables.outcome(summary)}&ensp;'
            f"{call_tables.answers(summary.answers)}"
            f'<span style="color:{call_tables.FAINT}">{escape(detail)}</span></div>'
        )

    def _repr_html_(self) -> str:
        return self._outcome() + call_report(*self._seen(), title=self.title)


class Calls(Sequence[PlacedCall]):
    """Several calls, in the order in which they were asked for."""

    def __init__(self, calls: Sequence[PlacedCall], not_placed: Sequence[tuple[str, str]] = ()) -> None:
        self._calls = tuple(calls)
        self.not_placed = tuple(not_placed)
        """Callee and reason, of those who were not called."""

    def __getitem__(self, which: Any) -> Any:
        return Calls(self._calls[which]) if isinstance(which, slice) else self._calls[which]

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[PlacedCall]:
        return iter(self._calls)

    @property
    def frame(self) -> pd.DataFrame:
        """A row per call."""
        import pandas as pd

        return pd.DataFrame([row_of(call) for call in self._calls])

    def __repr__(self) -> str:
        return f"<Calls: {len(self)}{f', {len(self.not_placed)} not placed' if self.not_placed else ''}>"

    def _repr_html_(self) -> str:
        rows = [
            (
                escape(call.callee),
                call_tables.outcome(call.summary),
                call_tables.answers(call.summary.answers) or "–",
                f"{call.summary.duration_ms / 1000:.0f}",
                str(call.summary.turns),
                call_tables.ms(call.summary.voice_to_voice_p50_ms),
                str(call.summary.barge_ins),
            )
            for call in self._calls
        ]
        rows += [(escape(who), escape(why), "–", "–", "–", "–", "–") for who, why in self.not_placed]
        headings = ("callee", "outcome", "answers", ">seconds", ">turns", ">reply p50", ">barge-ins")
        return call_tables.table(headings, rows) if rows else "<i>No calls.</i>"


def row_of(call: PlacedCall) -> dict[str, Any]:
    """One call as a row of a table."""
    summary = call.summary
    return {
        "callee": call.callee,
        "script": call.script_name,
        "version": call.script_version,
        "phone": str(summary.phone_result),
        "disposition": str(summary.disposition),
        "answers": summary.answers,
        "seconds": round(summary.duration_ms / 1000, 1),
        "turns": summary.turns,
        "reply_p50_ms": summary.voice_to_voice_p50_ms,
        "barge_ins": summary.barge_ins,
        "call_id": call.call_id,
    }

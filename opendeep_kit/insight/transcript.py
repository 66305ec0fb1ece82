"""What was said in a call, by whom and when. A fold over its events.

Given one call's events, returns lines in the order in which they were spoken. The agent's lines tell what was
*heard*, next to what was meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opendeep_kit import events


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One utterance."""

    at_ms: float
    """When it began, on the call's clock."""
    speaker: str
    """`agent` or `callee`."""
    text: str
    """As heard."""
    meant: str = ""
    """The agent's whole sentence, when it was cut."""
    item_id: str = ""

    def __str__(self) -> str:
        seconds = self.at_ms / 1000
        cut = f"  [cut; meant: {self.meant}]" if self.meant else ""
        return f"{seconds:6.1f}s  {self.speaker:6}  {self.text}{cut}"


def transcript(happened: Iterable[events.Event]) -> list[Utterance]:
    """The talk, oldest line first; utterances without words are left out."""
    began: dict[str, float] = {}
    lines: list[Utterance] = []
    for event in happened:
        match event:
            case events.SpeechStarted(item_id=item_id, at_ms=at):
                began.setdefault(item_id, at)
            case events.AgentSoundStarted(item_id=item_id, first_sound_ms=at):
                began.setdefault(item_id, at)
            case events.CalleeSaid(item_id=item_id, text=text, at_ms=at) if text:
                lines.append(Utterance(at_ms=began.get(item_id, at), speaker="callee", text=text, item_id=item_id))
            case events.AgentSaid(item_id=item_id, heard=heard, meant=meant, is_cut=is_cut, at_ms=at) if heard:
                lines.append(
                    Utterance(
                        at_ms=began.get(item_id, at),
                        speaker="agent",
                        text=heard,
                        meant=meant if is_cut else "",
                        item_id=item_id,
                    )
                )
    return sorted(lines, key=lambda line: line.at_ms)

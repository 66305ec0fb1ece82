"""What was said and done so far, in order, ready to be replayed to a fresh session.

Given item ids and texts as they become known, keeps the conversation's order and returns the client events that rebuild
it. Never talks to the model itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from opendeep_kit.events import NOT_UNDERSTOOD
from opendeep_kit.voice import wire


@dataclass(slots=True)
class HistoryEntry:
    """One turn or tool call."""

    item_id: str
    role: str
    """`callee`, `agent`, `call`, `output`, `note`."""
    text: str = ""
    """Words; for `call` its JSON arguments, for `output` the tool's result, for `note` a word to the agent only."""
    name: str = ""
    """The tool of a `call`."""
    is_cut: bool = False
    is_told: bool = False
    """The words came, even if they were none."""


class History:
    """The conversation of one call."""

    def __init__(self) -> None:
        self._entries: list[HistoryEntry] = []
        self._by_id: dict[tuple[str, str], HistoryEntry] = {}

    def place(self, item_id: str, role: str) -> HistoryEntry:
        """The place of an item, whose words may not be known yet; an item that has one keeps it."""
        # Tool calls have ids of their own, which may be those of items.
        key = (role if role in ("call", "output") else "", item_id)
        entry = self._by_id.get(key)
        if entry is None:
            entry = HistoryEntry(item_id, role)
            self._entries.append(entry)
            if item_id:
                self._by_id[key] = entry
        return entry

    def said(self, item_id: str, role: str, text: str, *, is_cut: bool = False) -> None:
        """The words of an item, as heard."""
        entry = self.place(item_id, role)
        entry.text, entry.is_cut, entry.is_told = text, is_cut, True

    def noted(self, text: str) -> None:
        """Something the agent was told and the callee did not hear."""
        self._entries.append(HistoryEntry("", "note", text))

    def called(self, tool_call_id: str, name: str, arguments: str) -> None:
        """A tool call."""
        entry = self.place(tool_call_id, "call")
        entry.text, entry.name = arguments or "{}", name

    def returned(self, tool_call_id: str, output: str) -> None:
        """A tool's result."""
        self.place(tool_call_id, "output").text = output

    @property
    def waits_for_agent(self) -> bool:
        """Whether a fresh session should speak first: the last turn was not a whole sentence of the agent's."""
        turns = [entry for entry in self._entries if entry.text and entry.role != "note"]
        return bool(turns) and (turns[-1].role != "agent" or turns[-1].is_cut)

    @property
    def untold(self) -> list[str]:
        """Items of the callee's whose words have not come."""
        return [entry.item_id for entry in self._entries if entry.role == "callee" and not entry.is_told]

    def replay(self) -> list[str]:
        """Client events (`conversation.item.create`) that rebuild the conversation."""
        return [self._event(entry) for entry in self._entries if entry.text or entry.role == "output"]

    def _event(self, entry: HistoryEntry) -> str:
        if entry.role == "callee" and entry.text == NOT_UNDERSTOOD:
            return wire.system_text(f"The callee spoke {NOT_UNDERSTOOD}.")
        if entry.role == "callee":
            return wire.user_text(entry.text)
        if entry.role == "agent":
            return wire.agent_text(entry.text + (" —" if entry.is_cut else ""))
        if entry.role == "note":
            return wire.system_text(entry.text)
        if entry.role == "call":
            return wire.tool_call(entry.item_id, entry.name, entry.text)
        return wire.tool_output(entry.item_id, entry.text)

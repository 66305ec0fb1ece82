"""What the callees' Asterisk saw of our calls: its own record of every SIP message, read back.

The record is switched on at its command line; nothing of ours writes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from opendeep_kit.asterisk.instance import AsteriskInstance

_HEAD = re.compile(r"^\[(?P<at>[^\]]+)\].*<--- (?P<way>Received|Transmitting) SIP (?P<what>request|response)")
_START = re.compile(r"^(?:(?P<method>[A-Z]+) sip:(?P<number>[+0-9]*)|SIP/2\.0 (?P<code>\d{3}))")


@dataclass(slots=True)
class Seen:
    """One call at the callees' side."""

    sip_id: str
    """SIP's Call-ID: one for each dial."""
    call_id: str
    """Ours, from the header that we send in rehearsals."""
    number: str
    began: datetime
    ended: datetime | None = None


async def switch_on(callees: AsteriskInstance) -> Path:
    """Let it write every message down; returns the file."""
    await callees.cli("logger", "add", "channel", "sip.log", "verbose")
    await callees.cli("pjsip", "set", "logger", "on")
    return callees.folder / "log" / "sip.log"


def calls_in(record: Path) -> list[Seen]:
    """Every call in the record, by its first INVITE, to the message that ended it."""
    found: dict[str, Seen] = {}
    at, block = "", []
    for line in [*record.read_text(errors="replace").splitlines(), "[end] <--- Received SIP request"]:
        head = _HEAD.match(line) or line.startswith("[end]")
        if head and block:
            _take(found, at, block)
        if isinstance(head, re.Match):
            at, block = head["at"], [""]
        elif block:
            block.append(line)
    return list(found.values())


def _take(found: dict[str, Seen], at: str, block: list[str]) -> None:
    lines = [line for line in block if line.strip()]
    start = _START.match(lines[0]) if lines else None
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    sip_id = headers.get("call-id", "")
    if start is None or not sip_id:
        return
    moment = datetime.strptime(at, "%Y-%m-%d %H:%M:%S.%f").astimezone(UTC)
    if start["method"] == "INVITE" and sip_id not in found:
        call_id = headers.get("x-opendeep-call-id", "")
        found[sip_id] = Seen(sip_id, call_id, f"+{start['number'].lstrip('+')}", moment)
    is_refused = start["code"] is not None and int(start["code"]) >= 300 and "INVITE" in headers.get("cseq", "")
    seen = found.get(sip_id)
    if seen is not None and seen.ended is None and (is_refused or start["method"] in ("BYE", "CANCEL")):
        seen.ended = moment


def most_at_once(spans: list[tuple[datetime, datetime]]) -> int:
    """How many of the spans overlap at their thickest."""
    edges = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    live = most = 0
    for _, step in edges:
        live += step
        most = max(most, live)
    return most

"""A call made by hand: fourteen seconds, a barge-in, a tool, a slow reply, and a callee who speaks in markup."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import soundfile

from opendeep_kit import events
from opendeep_kit.outcomes import EndedBy, PhoneResult

RATE_HZ = 24000
LASTS_MS = 14_000
MARKUP = '<img src=x onerror="window.hurt=1"><b>Wait</b> </script>'
CALLEE_HZ, AGENT_HZ = 300, 500


def at(ms: float, kind: type[events.Event], **fields: Any) -> events.Event:
    """An event of the call at this time."""
    return kind(call_id="6ba7b810-9dad-41d1-80b4-00c04fd430c8", at_ms=ms, **fields)


def said(ms: float, item: str, heard: str, meant: str, *, heard_ms: float, is_cut: bool = False) -> events.Event:
    """An agent item that is over."""
    fields = {"item_id": item, "meant": meant, "heard": heard, "heard_ms": heard_ms, "received_ms": 3000}
    return at(ms, events.AgentSaid, is_cut=is_cut, **fields)


HAPPENED = [
    at(0, events.AudioConnected, rate_hz=RATE_HZ),
    at(400, events.Answered),
    at(500, events.CalleeSoundStarted),
    at(620, events.SpeechStarted, item_id="u1"),
    at(1000, events.CalleeSoundStopped),
    at(1500, events.SpeechStopped, item_id="u1"),
    at(1500, events.ReplyBegan, response_id="r1"),
    at(1700, events.CalleeSaid, item_id="u1", text="Hello?"),
    at(1900, events.ReplyAudioArrived, response_id="r1", item_id="a1"),
    at(1900, events.AgentSoundStarted, item_id="a1", first_sound_ms=2000),
    at(4000, events.CalleeSoundStarted),
    at(4120, events.SpeechStarted, item_id="u2"),
    said(4120, "a1", "Hello, I am an AI.", "Hello, I am an AI. Can you come?", heard_ms=2100, is_cut=True),
    at(4120, events.AgentInterrupted, item_id="a1", heard_ms=2100, dropped_ms=900, last_frame_ms=4160),
    at(5000, events.CalleeSoundStopped),
    at(5500, events.SpeechStopped, item_id="u2"),
    at(5500, events.ReplyBegan, response_id="r2"),
    at(5800, events.CalleeSaid, item_id="u2", text=MARKUP),
    at(5900, events.ToolCalled, tool_call_id="t1", name="record_answer", arguments='{"value": "yes"}'),
    at(
        5950,
        events.ToolReturned,
        tool_call_id="t1",
        name="record_answer",
        output="Noted.",
        took_ms=50,
        is_failure=False,
    ),
    at(6700, events.ReplyAudioArrived, response_id="r2", item_id="a2"),
    at(6700, events.AgentSoundStarted, item_id="a2", first_sound_ms=6800),
    said(9000, "a2", "I am an AI. Goodbye!", "I am an AI. Goodbye!", heard_ms=2200),
    at(9000, events.DisclosureHeard, text="I am an AI."),
    said(10_000, "a3", "", "Are you there?", heard_ms=0, is_cut=True),
    at(14_000, events.CallEnded, phone_result=PhoneResult.ANSWERED, ended_by=EndedBy.AGENT, detail="completed"),
]


def moved(event: events.Event, by_ms: float) -> events.Event:
    """The same event later in a call, of other items."""
    plain = msgspec.to_builtins(event)
    for name in ("at_ms", "first_sound_ms", "last_frame_ms"):
        if name in plain:
            plain[name] += by_ms
    for name in ("item_id", "response_id", "tool_call_id"):
        if name in plain:
            plain[name] += f"-{by_ms:.0f}"
    return msgspec.convert(plain, type(event))


def record(path: Path) -> Path:
    """The call's stereo recording: one steady note for each speaker, while they speak."""
    time_s = np.arange(LASTS_MS * RATE_HZ // 1000) / RATE_HZ
    sound = np.zeros((len(time_s), 2))
    for lane, note_hz, spans in (
        (0, CALLEE_HZ, [(500, 1000), (4000, 5000)]),
        (1, AGENT_HZ, [(2000, 4160), (6800, 9000)]),
    ):
        for begin_ms, end_ms in spans:
            speaks = (time_s >= begin_ms / 1000) & (time_s < end_ms / 1000)
            sound[speaks, lane] = 0.5 * np.sin(2 * np.pi * note_hz * time_s[speaks])
    soundfile.write(path, sound, RATE_HZ, subtype="PCM_16")
    return path

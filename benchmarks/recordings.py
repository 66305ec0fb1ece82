"""Listens to the recordings of a data folder and compares them with what the record says was said.

    python -m benchmarks.recordings DATA_FOLDER [--campaign demo] [--callees FOLDER]

Each channel is transcribed again from the WAV; the words are compared with the stored transcript of that side, and an
interrupted sentence must end in the sound where its heard milliseconds say. With the recordings of the callee-side
Asterisk (`data/asterisk/callees/recordings`), what the callee's telephone heard and said must agree too. Exit code 1
when a call does not agree.

How a cut is measured: the sentence's own time is counted along the agent's channel from its first sound on, in slots
of 20 ms. Slots without a single sample other than zero, as many as the call says that it gave up or had no sound for,
are holes that a stall left in the channel: they carry nothing of the sentence and are not counted. Printed is the end
of its sound in that time minus its `heard_ms`. The channel holds what was *sent*, and `heard_ms` leaves out what was
still on its way to the ear, so the difference is meant to be that time in flight; what differs from it follows in
brackets. The limit holds for the whole difference.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from opendeep_kit import events
from opendeep_kit.audio.pcm import FRAME_MS, level_dbfs, to_bytes
from opendeep_kit.audio.playout import SOUND_DBFS
from opendeep_kit.config import load_settings
from opendeep_kit.insight.transcript import transcript
from opendeep_kit.record.calls import calls_of
from opendeep_kit.record.database import open_database
from opendeep_kit.record.event_log import EventLog
from opendeep_kit.rehearsal.engines import SPEECH_RATE_HZ
from opendeep_kit.rehearsal.speech import WhisperEars
from opendeep_kit.tenants import DEFAULT_TENANT

CUT_TOLERANCE_MS = 150.0
SAME_AGENT, SAME_CALLEE = 0.85, 0.7
"""Share of words in common; the recogniser itself errs on short answers."""
AUDIBLE_DBFS = -45.0
_NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve"
NUMBERS = {str(value): word for value, word in enumerate(_NUMBER_WORDS.split())}
PAUSE_MS = 700
"""The recogniser is given one utterance at a time: pieces of sound between pauses of this length."""

Lane = npt.NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Cut:
    """Where an interrupted sentence ends in the sound."""

    off_ms: float
    """Behind the place that its heard milliseconds say."""
    in_flight_ms: float
    """So much of it the ledger means: sent, not yet heard."""

    def __str__(self) -> str:
        return f"{round(self.off_ms):+d} ({round(self.off_ms - self.in_flight_ms):+d})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One call's agreement."""

    agent_same: float | None
    callee_same: float | None
    agent_dbfs: float
    callee_dbfs: float
    cuts: tuple[Cut, ...]
    telephone_heard: float | None = None
    """Share of the *heard* transcript in what the callee's telephone recorded as heard."""
    telephone_said: float | None = None

    @property
    def is_right(self) -> bool:
        """Within all tolerances."""
        return (
            (self.agent_same is None or (self.agent_same >= SAME_AGENT and self.agent_dbfs > AUDIBLE_DBFS))
            and (self.callee_same is None or (self.callee_same >= SAME_CALLEE and self.callee_dbfs > AUDIBLE_DBFS))
            and (self.telephone_heard is None or self.telephone_heard >= SAME_AGENT)
            and (self.telephone_said is None or self.telephone_said >= SAME_CALLEE)
            and all(abs(cut.off_ms) <= CUT_TOLERANCE_MS for cut in self.cuts)
        )


def main() -> int:
    """Check every answered call and print one line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--campaign", default=None)
    parser.add_argument("--callees", type=Path, default=None, help="recordings of the callee-side Asterisk")
    given = parser.parse_args()
    settings = load_settings(data_dir=given.data)
    database = open_database(settings.store_url)
    log, ears = EventLog(database), WhisperEars(workers=2)
    wrong = checked = 0
    print(
        f"{'call':8}  {'agent':>6} {'callee':>6} {'agent dB':>8} {'callee dB':>9} "
        f"{'heard there':>11} {'said there':>10}  cuts off by (beyond what was in flight), ms"
    )
    for call in reversed(calls_of(database, DEFAULT_TENANT, campaign=given.campaign)):
        if call.result is None or not call.result.recording or not call.result.duration_ms:
            continue
        path = settings.recordings_dir / call.result.recording
        verdict = check(path, log.read(DEFAULT_TENANT, call.call_id), ears, _telephone(given.callees, call.call_id))
        checked += 1
        wrong += not verdict.is_right
        cuts = ", ".join(map(str, verdict.cuts)) or "-"
        print(
            f"{call.call_id[:8]}  {_share(verdict.agent_same)} {_share(verdict.callee_same)} "
            f"{verdict.agent_dbfs:8.1f} {verdict.callee_dbfs:9.1f}      {_share(verdict.telephone_heard)}     "
            f"{_share(verdict.telephone_said)}  {cuts}{'' if verdict.is_right else '   WRONG'}"
        )
    print(f"{checked} recordings, {wrong} that do not agree with the record")
    log.close()
    database.close()
    return 1 if wrong or not checked else 0


def check(
    path: Path, happened: list[events.Event], ears: WhisperEars, telephone: tuple[Path, Path] | None = None
) -> Verdict:
    """Compare one recording with its events, and what the callee's telephone recorded (heard, said) too."""
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    callee, agent = samples[:, 0], samples[:, 1]
    lines = transcript(happened)
    said = {side: " ".join(line.text for line in lines if line.speaker == side) for side in ("agent", "callee")}
    return Verdict(
        agent_same=_same(said["agent"], _words_in(agent, rate, ears)) if said["agent"] else None,
        callee_same=_same(said["callee"], _words_in(callee, rate, ears)) if said["callee"] else None,
        agent_dbfs=_loud_dbfs(agent, rate),
        callee_dbfs=_loud_dbfs(callee, rate),
        cuts=tuple(cuts_in(happened, agent, rate)),
        telephone_heard=_same(said["agent"], _file_words(telephone[0], ears)) if telephone else None,
        telephone_said=_same(said["callee"], _file_words(telephone[1], ears)) if telephone and said["callee"] else None,
    )


def _telephone(folder: Path | None, call_id: str) -> tuple[Path, Path] | None:
    if folder is None:
        return None
    heard = next(folder.glob(f"*-{call_id}.heard.wav"), None)
    said = next(folder.glob(f"*-{call_id}.said.wav"), None)
    return (heard, said) if heard and said else None


def _file_words(path: Path, ears: WhisperEars) -> str:
    samples, rate = soundfile.read(path, dtype="int16")
    return _words_in(samples, rate, ears)


def cuts_in(happened: list[events.Event], agent: Lane, rate: int) -> list[Cut]:
    """Each interruption that was heard in part, as the agent's channel has it."""
    began = {event.item_id: event for event in happened if isinstance(event, events.AgentSoundStarted)}
    found = []
    for cut in (event for event in happened if isinstance(event, events.AgentInterrupted)):
        start = began.get(cut.item_id)
        if start is None or cut.heard_ms < 1:
            continue
        end = min((other.at_ms for other in began.values() if other.at_ms > start.at_ms), default=float("inf"))
        own_ms = _own_ms(agent, rate, start, end, _holes_at_most(happened))
        if own_ms is not None:
            found.append(Cut(own_ms - cut.heard_ms, _sent_ms(happened, cut) - cut.heard_ms))
    return found


def _own_ms(agent: Lane, rate: int, start: events.AgentSoundStarted, end_ms: float, holes_at_most: int) -> float | None:
    """The sentence's own time at the end of its sound, holes left out; None when it does not sound at all."""
    size = rate * FRAME_MS // 1000
    # A frame is written up to its lead before its slot: the first sound is looked for, not computed.
    first = next(
        (at for at in range(int(start.at_ms) // FRAME_MS, len(agent) // size) if _level(agent, at, size) > SOUND_DBFS),
        None,
    )
    if first is None:
        return None
    window = agent[first * size : int(min(end_ms, len(agent) / rate * 1000) * rate / 1000)]
    sounding = np.flatnonzero(window)
    if not sounding.size:
        return None
    slots = window[: sounding[-1] // size * size].reshape(-1, size)
    holes = min(int((~slots.any(axis=1)).sum()), holes_at_most)
    lead_in_ms = start.first_sound_ms - start.at_ms
    return float(lead_in_ms + (sounding[-1] + 1) / rate * 1000 - holes * FRAME_MS)


def _level(lane: Lane, slot: int, size: int) -> float:
    return level_dbfs(to_bytes(lane[slot * size : (slot + 1) * size]))


def _holes_at_most(happened: list[events.Event]) -> int:
    """Slots that this call gave up after a stall, and those for which the model's sound came too late."""
    return sum(event.slots_skipped + event.underruns for event in happened if isinstance(event, events.MediaMeasured))


def _sent_ms(happened: list[events.Event], cut: events.AgentInterrupted) -> float:
    """What the ledger had sent of the sentence: all that was received of what this cut ended, less what it dropped."""
    ended = (event for event in happened if isinstance(event, events.AgentSaid) and event.is_cut)
    return sum(event.received_ms for event in ended if event.at_ms == cut.at_ms) - cut.dropped_ms


def _words_in(lane: Lane, rate: int, ears: WhisperEars) -> str:
    """All words on a channel, utterance by utterance."""
    said = []
    for begin, end in _utterances(lane, rate):
        piece = lane[max(0, begin - rate // 5) : end + rate // 5].astype(np.float32)
        said.append(ears.transcribe_now(to_bytes(soxr.resample(piece, rate, SPEECH_RATE_HZ))))
    return " ".join(said)


def _utterances(lane: Lane, rate: int) -> list[tuple[int, int]]:
    window = rate // 50
    whole = lane[: len(lane) // window * window].reshape(-1, window).astype(np.float64)
    levels = 20 * np.log10(np.sqrt((whole**2).mean(axis=1)) / 32768 + 1e-9)
    floor = np.percentile(levels, 20)
    loud = np.flatnonzero(levels > max(-50.0, floor + 10))
    found: list[tuple[int, int]] = []
    for at in loud:
        if found and (at - found[-1][1]) * 20 < PAUSE_MS:
            found[-1] = (found[-1][0], int(at) + 1)
        else:
            found.append((int(at), int(at) + 1))
    return [(begin * window, end * window) for begin, end in found]


def _same(stored: str, heard: str) -> float:
    first, second = _words(stored), _words(heard)
    matcher = difflib.SequenceMatcher(a=first, b=second, autojunk=False)
    return matcher.ratio()


def _words(text: str) -> list[str]:
    return [NUMBERS.get(word, word) for word in re.findall(r"[a-z0-9']+", text.lower())]


def _loud_dbfs(lane: Lane, rate: int) -> float:
    """Level of the lane where it sounds."""
    parts = [lane[begin:end].astype(np.float64) for begin, end in _utterances(lane, rate)]
    if not parts:
        return -120.0
    return float(20 * np.log10(np.sqrt((np.concatenate(parts) ** 2).mean()) / 32768 + 1e-9))


def _share(value: float | None) -> str:
    return "     -" if value is None else f"{value:6.0%}"


if __name__ == "__main__":
    sys.exit(main())

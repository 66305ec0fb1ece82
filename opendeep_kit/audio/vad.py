"""Says, frame by frame, whether the callee is making speech-like sound, for measuring only.

Given 20 ms frame levels and times, keeps a noise floor and back-dates starts and ends to the first and last loud
frame. Never decides turns, which the model's detector does: this one only timestamps them (t0 and b0 of the latencies).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FLOOR_RISE_DB = 0.03
"""Per frame, also in speech: steady noise becomes the floor within seconds, and the dips of speech undo it."""
FLOOR_MIN_DBFS = -75.0


class Edge(StrEnum):
    """A change of the callee's sound."""

    STARTED = "started"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Change:
    """An edge and when it truly was."""

    edge: Edge
    at_ms: float
    """Back-dated: begin of the first, or end of the last, loud frame."""


class LevelDetector:
    """Energy over an adaptive floor.

    Args:
        above_db: a frame is loud when so far above the noise floor.
        start_ms: how much sound makes a start.
        stop_ms: how much quiet makes an end.
    """

    def __init__(self, *, above_db: float = 12.0, start_ms: float = 60.0, stop_ms: float = 300.0) -> None:
        self._above_db = above_db
        self._start_ms = start_ms
        self._stop_ms = stop_ms
        self._floor = -60.0
        self._loud_since: float | None = None
        self._last_loud_end = 0.0
        self.is_sounding = False

    def hear(self, level_dbfs: float, at_ms: float, frame_ms: float = 20.0) -> Change | None:
        """Take one frame that began at `at_ms`; returns the edge it completes, if any."""
        level = max(level_dbfs, FLOOR_MIN_DBFS)
        if level < self._floor:
            self._floor += (level - self._floor) * 0.2
        else:
            self._floor = min(level, self._floor + FLOOR_RISE_DB)
        if level > self._floor + self._above_db:
            return self._loud(at_ms, frame_ms)
        return self._quiet(at_ms, frame_ms)

    def _loud(self, at_ms: float, frame_ms: float) -> Change | None:
        if self._loud_since is None:
            self._loud_since = at_ms
        self._last_loud_end = at_ms + frame_ms
        if not self.is_sounding and self._last_loud_end - self._loud_since >= self._start_ms:
            self.is_sounding = True
            return Change(Edge.STARTED, self._loud_since)
        return None

    def _quiet(self, at_ms: float, frame_ms: float) -> Change | None:
        quiet_ms = at_ms + frame_ms - self._last_loud_end
        if not self.is_sounding:
            if quiet_ms > self._start_ms:
                self._loud_since = None
            return None
        if quiet_ms < self._stop_ms:
            return None
        self.is_sounding = False
        self._loud_since = None
        return Change(Edge.STOPPED, self._last_loud_end)

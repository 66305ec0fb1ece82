"""Presents what the calls were like, with the call player for those worth hearing.

Given a tenant, opens its warehouse at the first look and asks it again when something is new. Never shows another
tenant's call or recording, whatever a browser asks for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from opendeep_kit.boards.board import Act, Bar, Ticker
from opendeep_kit.boards.presenter import TenantRecord, epoch_ms, unknown_action
from opendeep_kit.boards.quality import figures
from opendeep_kit.boards.quality.board import Figure, QualityBoard, QualityView, StageBar, VersionRow, WorstRow
from opendeep_kit.boards.quality.figures import CallScope, Totals, Version
from opendeep_kit.errors import BadInput
from opendeep_kit.warehouse.connection import Warehouse, open_warehouse
from opendeep_kit.widgets.call_player import CallPlayer

PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30), "all": None}
LOOK_S = 5.0
AGAIN = timedelta(minutes=1)
"""The period moves on even when nothing is new."""
SLOW_MS = 1200.0
STOP_SLOW_MS = 400.0
MEANING = {
    "detect": "to be sure that the callee has finished",
    "begin": "until the model began a response",
    "model": "until its first sound came",
    "ours": "until it was written to the line",
    "lead_in": "silence before its first word",
}


class QualityPresenter:
    """One person's view of what the calls were like."""

    def __init__(self, record: TenantRecord) -> None:
        self._settings = record.settings
        self._tenant_id = record.tenant_id
        self._clock = record.clock
        self._house: Warehouse | None = None
        self._period, self._campaign, self._chosen = "week", "", ""
        self._shown_at: datetime | None = None
        self.board = QualityBoard(self._act)
        self.player = CallPlayer([], title="No call is chosen")
        self.ticker = Ticker(self.refresh, every_s=LOOK_S)

    def refresh(self) -> bool:
        """Look again. False: that failed; the board says why and keeps what it showed."""
        return self.board.look(self._look)

    def _look(self) -> None:
        now = self._clock()
        changed = self._opened().refresh() if self._house is not None else len([self._opened()])
        if changed or self._shown_at is None or now - self._shown_at > AGAIN:
            self._show(now)

    def close(self) -> None:
        """Close the warehouse."""
        if self._house is not None:
            self._house.close()

    def _opened(self) -> Warehouse:
        if self._house is None:
            self._house = open_warehouse(
                self._settings.store_url,
                tenant_id=self._tenant_id,
                archive=self._settings.data_dir / "archive",
                prices=self._settings.prices,
                threads=1,
            )
        return self._house

    def _show(self, now: datetime) -> None:
        connection = self._opened().connection
        length = PERIODS[self._period]
        scope = CallScope(since=now - length if length else datetime(2000, 1, 1, tzinfo=UTC), campaign=self._campaign)
        self._shown_at = None  # unless it comes to be shown, the next look shows it
        totals = figures.totals(connection, scope)
        self.board.show(
            QualityView(
                period=self._period,
                campaign=self._campaign,
                campaigns=tuple(figures.campaigns_in(connection)),
                figures=_figures(totals),
                dispositions=tuple(
                    Bar(name=name, amount=count, note=f"{count / totals.calls:.0%}")
                    for name, count in figures.dispositions(connection, scope).items()
                ),
                stages=tuple(
                    StageBar(name=name, mean_ms=mean, meaning=MEANING[name]) for name, mean in totals.stages_ms.items()
                ),
                versions=tuple(_version(version) for version in figures.versions(connection)),
                worst=tuple(
                    WorstRow(
                        call_id=call.call_id,
                        at_ms=epoch_ms(call.created_at),
                        disposition=call.disposition,
                        campaign=call.campaign,
                        reasons=call.reasons,
                        seconds=call.duration_ms / 1000,
                        has_recording=call.has_recording,
                    )
                    for call in figures.worst(connection, scope)
                ),
                chosen=self._chosen,
            ),
            as_of_ms=epoch_ms(now),
        )
        self._shown_at = now

    # ---- actions ------------------------------------------------------------------------------------

    def _act(self, act: Act) -> str:
        if act.what == "period" and act.on in PERIODS:
            self._period = act.on
        elif act.what == "campaign":
            self._campaign = act.on
        elif act.what == "choose":
            self._play(act.on)
        else:
            raise unknown_action()
        self._show(self._clock())
        return ""

    def _play(self, call_id: str) -> None:
        call = figures.call_to_hear(self._opened().connection, call_id)
        if call is None:
            raise BadInput("there is no such call", do="choose one from the list")
        self._chosen = call_id
        title = f"{(call.disposition or 'call').replace('_', ' ')}, {call.created_at:%d %b %Y %H:%M} UTC"
        self.player.show(call.happened, self._recording(call.recording), title=title)

    def _recording(self, name: str) -> Path | None:
        """The file, if it lies in the tenant's own folder."""
        if not name:
            return None
        own = (self._settings.recordings_dir / self._tenant_id).resolve()
        path = (self._settings.recordings_dir / name).resolve()
        return path if path.is_relative_to(own) else None


def _figures(totals: Totals) -> tuple[Figure, ...]:
    def share(count: int, of: int) -> str:
        return f"{count / of:.0%}" if of else "–"

    def ms(value: float | None) -> str:
        return "–" if value is None else f"{value:,.0f} ms"

    waits = totals.waits_ms
    median, slowest = waits.get("p50"), waits.get("p95")
    return (
        Figure(name="calls", value=f"{totals.calls:,}", note="ended"),
        Figure(name="answered", value=share(totals.answered, totals.calls), note=f"{totals.answered:,} calls"),
        Figure(
            name="completed", value=share(totals.completed, totals.answered), note=f"{totals.completed:,} of answered"
        ),
        Figure(
            name="reply, half below",
            value=ms(median),
            note=f"{totals.replies:,} replies",
            is_bad=(median or 0) > SLOW_MS,
        ),
        Figure(name="reply, 19 of 20 below", value=ms(slowest), is_bad=(slowest or 0) > 2 * SLOW_MS),
        Figure(
            name="barge-ins",
            value=f"{totals.barge_ins:,}",
            note=f"{totals.barge_ins / totals.talked:.1f} a talk" if totals.talked else "",
        ),
        Figure(
            name="silent after barge-in",
            value=ms(totals.barge_in_stop_ms),
            note="half below" if totals.barge_in_stop_ms is not None else "",
            is_bad=(totals.barge_in_stop_ms or 0) > STOP_SLOW_MS,
        ),
    )


def _version(version: Version) -> VersionRow:
    share = version.completed / version.answered if version.answered else 0.0
    low, high = version.completed_low or 0.0, version.completed_high or 0.0
    return VersionRow(
        script=f"{version.script_name} v{version.script_version}",
        calls=version.calls,
        completed=f"{share:.0%} ({low:.0%}–{high:.0%})" if version.answered else "–",
        share=share,
        low=low,
        high=high,
        reply="–" if version.p50_ms is None else f"{version.p50_ms:,.0f} ms",
        barge_ins="–" if version.barge_ins_per_call is None else f"{version.barge_ins_per_call:.1f}",
    )

"""The calls of a data folder for reading: as tables, as players, and with people's verdicts.

Given a folder (or the record's URL), opens the warehouse beside any running service. Never dials, and writes nothing
but verdicts.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from html import escape
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import duckdb
from IPython.display import HTML

from opendeep_kit import events
from opendeep_kit.config import Settings, lab_settings
from opendeep_kit.errors import BadInput
from opendeep_kit.insight.analysis import summarise
from opendeep_kit.lab import call_tables
from opendeep_kit.lab.placed_call import PlacedCall
from opendeep_kit.numbers import masked
from opendeep_kit.outcomes import Disposition
from opendeep_kit.record import directory, verdicts
from opendeep_kit.record.database import open_database, utc_now
from opendeep_kit.record.verdicts import CallVerdict, Verdict, verdict_named
from opendeep_kit.rehearsal.public import subscriber
from opendeep_kit.tenants import DEFAULT_TENANT
from opendeep_kit.warehouse.connection import Warehouse, open_warehouse
from opendeep_kit.widgets.call_player import CallPlayer, CallReview

if TYPE_CHECKING:
    import pandas as pd

_OF_CAMPAIGN = "($campaign IS NULL OR campaign = $campaign)"


class PastCalls:
    """Calls that are in the record. Use `PastCalls.open`."""

    def __init__(self, settings: Settings, house: Warehouse) -> None:
        self._settings = settings
        self.warehouse = house
        """DuckDB with documented views; `.sql`, `.df`, `.views()`, `.describe(view)`."""

    @classmethod
    def open(cls, data_dir: Path | str | None = None, *, tenant_id: str = DEFAULT_TENANT) -> PastCalls:
        """The calls of this folder; None or empty: see `lab_settings`.

        Raises:
            BadInput: there is a file in the folder's place, or a newer package wrote the record.
            Unavailable: the record cannot be read now.
        """
        settings = lab_settings(data_dir)
        house = open_warehouse(
            settings.store_url,
            tenant_id=tenant_id,
            archive=settings.data_dir / "archive",
            prices=settings.prices,
        )
        return cls(settings, house)

    @property
    def region(self) -> str:
        """In which the tenant's numbers without a country code are read, for `read_contacts`; ISO 3166."""
        with closing(open_database(self._settings.store_url)) as database:
            return directory.region(database, self.warehouse.tenant_id)

    def df(self, query: str, **values: object) -> pd.DataFrame:
        """A query over the warehouse's views, as a table; `$name` in it stands for the value of that name.

        Raises:
            BadInput: the query is wrong.
        """
        try:
            frame: pd.DataFrame = self.warehouse.connection.execute(query, values or None).df()
        except duckdb.Error as error:
            reason = str(error).strip().split("\n\n")[0]
            raise BadInput(f"the query failed ({reason})", do="see warehouse.views()") from None
        return frame

    def refresh(self) -> int:
        """Look for what is new. Returns how many calls changed."""
        return self.warehouse.refresh()

    def outcomes(self, *, campaign: str | None = None) -> pd.DataFrame:
        """A row per ended call, the newest first."""
        return self.df(
            "SELECT created_at, campaign, script_name, script_version, phone_result, disposition, ended_by, "
            "duration_ms / 1000 AS seconds, turns, voice_to_voice_p50_ms, barge_ins, answers, call_id "
            f"FROM calls WHERE state = 'ended' AND {_OF_CAMPAIGN} ORDER BY created_at DESC",
            campaign=campaign,
        )

    def answers(self, *, campaign: str | None = None) -> pd.DataFrame:
        """How often each answer was given."""
        return self.df(
            f"SELECT question, value AS answer, count(*) AS callees FROM answers WHERE {_OF_CAMPAIGN} "
            "GROUP BY ALL ORDER BY question, callees DESC, answer",
            campaign=campaign,
        )

    def table(self, *, campaign: str | None = None, limit: int = 200) -> HTML:
        """The calls as a table to read, the newest first."""
        rows = self.df(
            "SELECT strftime(created_at, '%d %b %H:%M') AS at, disposition, phone_result, answers, duration_ms, turns, "
            "voice_to_voice_p50_ms AS wait_ms, barge_ins, number, contact_id FROM calls "
            f"WHERE state = 'ended' AND {_OF_CAMPAIGN} ORDER BY created_at DESC LIMIT $limit",
            campaign=campaign,
            limit=limit,
        )
        headings = ("called", "callee", "outcome", "answers", ">seconds", ">turns", ">reply p50", ">barge-ins")
        cells = [_cells(row) for row in rows.to_dict("records")]
        shown = call_tables.table(headings, cells) if cells else "<i>No calls yet.</i>"
        return HTML(shown)  # type: ignore[no-untyped-call]

    def worth_hearing(self, limit: int = 10, *, campaign: str | None = None) -> pd.DataFrame:
        """Calls that went wrong, or may have: the worst first, with the reasons in words."""
        return self.df(
            f"FROM calls_to_review WHERE {_OF_CAMPAIGN} ORDER BY score DESC, created_at DESC, call_id LIMIT $limit",
            campaign=campaign,
            limit=limit,
        )

    def interesting(self, limit: int = 3, *, campaign: str | None = None) -> list[str]:
        """Ids of the calls a reader of a report wants to see: those worth hearing first, then the longest talks."""
        ids = self.df(
            "SELECT call_id FROM calls LEFT JOIN calls_to_review AS review USING (call_id) "
            f"WHERE state = 'ended' AND is_talk AND {_OF_CAMPAIGN.replace('campaign = $', 'calls.campaign = $')} "
            "ORDER BY coalesce(score, 0) DESC, turns DESC, call_id LIMIT $limit",
            campaign=campaign,
            limit=limit,
        )
        return [str(call_id) for call_id in ids["call_id"]]

    def call(self, call_id: str) -> PlacedCall:
        """One call with all that was recorded of it.

        Args:
            call_id: or its first eight characters, as tables show them.

        Raises:
            BadInput: there is no ended call of this id.
        """
        run = self.warehouse.connection.execute
        row = run(
            "SELECT call_id, number, script_name, script_version, disposition, recording FROM calls "
            "WHERE state = 'ended' AND (call_id = $id OR (starts_with(call_id, $id) AND length($id) >= 8)) LIMIT 2",
            {"id": call_id},
        ).fetchall()
        if len(row) != 1:
            raise BadInput(f"there is no ended call {call_id!r}", do="take an id from outcomes(), or refresh()")
        call_id, number, script_name, version, disposition, recording = row[0]
        rows = run("SELECT type, data FROM staging.events WHERE call_id = ? ORDER BY seq", [call_id]).fetchall()
        happened = tuple(events.from_json(kind, data) for kind, data in rows)
        return PlacedCall(
            call_id=call_id,
            callee=_called(number),
            script_name=script_name or "a draft",
            script_version=version,
            summary=replace(summarise(happened, ()), disposition=Disposition(disposition)),
            events=happened,
            recording=self._settings.recordings_dir / recording if recording else None,
        )

    def player(self, call_id: str) -> CallPlayer:
        """One call to look at and listen to."""
        return self.call(call_id).player()

    def review(self, call_id: str, *, by: str = "") -> CallReview:
        """One call with its player, and a place to say what a person thinks of it."""
        past = self.verdicts().set_index("call_id")
        known = past.loc[call_id] if call_id in past.index else None
        return CallReview(
            self.player(call_id),
            choices=[str(verdict) for verdict in Verdict],
            save=lambda verdict, note: self.judge(call_id, verdict, note, by=by),
            verdict="" if known is None else str(known["verdict"]),
            note="" if known is None else str(known["note"]),
        )

    # ---- verdicts -----------------------------------------------------------------------------------

    def judge(self, call_id: str, verdict: Verdict | str, note: str = "", *, by: str = "") -> None:
        """Keep what a person thinks of a call; the last verdict counts.

        Raises:
            BadInput: there is no such verdict, or no such call.
            Unavailable: the record cannot be written now.
        """
        chosen = verdict_named(str(verdict))
        if not self.df("SELECT 1 FROM calls WHERE call_id = $call_id", call_id=call_id).shape[0]:
            raise BadInput(f"there is no call {call_id!r} to judge", do="take an id from outcomes(), or refresh()")
        now = utc_now()
        judged = CallVerdict(call_id=call_id, verdict=chosen, note=note, judged_by=by, judged_at=now)
        _keep(self._settings, self.warehouse.tenant_id, [judged])
        self.refresh()

    def verdicts(self) -> pd.DataFrame:
        """The last verdict on each call; the view `verdicts` has every one of them."""
        return self.df(
            "SELECT call_id, verdict, note, judged_by, judged_at FROM verdicts WHERE is_last ORDER BY judged_at"
        )

    # ---- its end ------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the warehouse."""
        self.warehouse.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _repr_html_(self) -> str:
        return self.warehouse._repr_html_()


def _keep(settings: Settings, tenant_id: str, judged: Sequence[CallVerdict]) -> int | None:
    """How many are new; None: there is no such tenant."""
    database = open_database(settings.store_url)
    try:
        if directory.tenant(database, tenant_id) is None:
            return None
        return verdicts.keep(database, tenant_id, judged)
    finally:
        database.close()


def _cells(row: Mapping[Hashable, Any]) -> tuple[str, ...]:
    """A call's row as ready HTML."""
    given = json.loads(row["answers"] or "{}")
    why = "" if row["duration_ms"] else f" {escape(call_tables.words(row['phone_result']))}"
    wait = row["wait_ms"]
    return (
        escape(row["at"]).replace(" ", "&nbsp;"),
        escape(_called(row["number"])),
        call_tables.badge(row["disposition"]) + why,
        call_tables.answers({name: str(value) for name, value in given.items()}) or "–",
        f"{row['duration_ms'] / 1000:.0f}",
        str(row["turns"]),
        call_tables.ms(None if wait is None or wait != wait else float(wait)),
        str(row["barge_ins"]),
    )


def _called(number: str) -> str:
    """How to call a callee without telling the number: the rehearsal's persona, else the last digits."""
    return call_tables.words(subscriber(number).persona) or masked(number)

"""What an analyst queries: a private DuckDB over one tenant's whole history, fed from the record and the archive.

Given the record's URL and a tenant, opens documented views (`staging.*` and the marts) and keeps them fresh on
`refresh`, each time in one short snapshot beside a running service. Never writes to the record, and never reads another
tenant's rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import duckdb
from sqlalchemy import make_url

from opendeep_kit.config import load_settings
from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.record.database import Database, open_database
from opendeep_kit.settings import Price
from opendeep_kit.tenants import DEFAULT_TENANT
from opendeep_kit.warehouse.archive import quoted
from opendeep_kit.warehouse.catalogue import View, documented_views, read_sql
from opendeep_kit.warehouse.folding import KINDS, clear, make_tables, take_in
from opendeep_kit.warehouse.manifest import Manifest, read_manifest
from opendeep_kit.warehouse.pull import Watermark, pull

if TYPE_CHECKING:
    import pandas as pd

CONTACT_KEY = "hash(coalesce(campaign, ''), number)"
"""A number of its own per person and list: grouping by it is several times as fast as by texts.

By the telephone number, as two lists may give one id to two people."""
_CODE = re.compile(r"`([^`]*)`")


class Warehouse:
    """One tenant's history as DuckDB views. For one thread; close it, or use it in a `with`."""

    def __init__(
        self, database: Database, *, tenant_id: str, archive: Path, prices: Mapping[str, Price], threads: int | None
    ) -> None:
        self.tenant_id = tenant_id
        self.refreshed_at: datetime | None = None
        """When the newest pull began, UTC."""
        self._database = database
        self._archive = archive
        self._manifest: Manifest | None = None
        self._mark = Watermark()
        self.connection = duckdb.connect()
        """The private DuckDB: tables of your own may live in it."""
        # A cursor of its own: a result of the reader's that is not read to its end would block the feeding.
        self._feed = self.connection.cursor()
        make_tables(self._feed)
        if threads is not None:
            self._feed.execute(f"SET threads = {int(threads)}")
        self._set_prices(prices)
        self.refresh()

    # ---- reading ------------------------------------------------------------------------------------

    def sql(self, query: str) -> duckdb.DuckDBPyRelation:
        """A query as a DuckDB relation, which shows itself in a notebook."""
        return self.connection.sql(query)

    def df(self, query: str) -> pd.DataFrame:
        """A query as a pandas table."""
        frame: pd.DataFrame = self.connection.sql(query).df()
        return frame

    def views(self) -> pd.DataFrame:
        """Every view: its name, what it means, what a row is."""
        rows = [(view.name, view.meaning, view.grain, ", ".join(view.key)) for view in documented_views()]
        return _frame(rows, ["view", "meaning", "grain", "key"])

    def describe(self, view: str) -> pd.DataFrame:
        """The columns of a view with their types and meanings.

        Raises:
            BadInput: there is no such view.
        """
        known = _view(view)
        types = self.connection.execute(f"DESCRIBE {known.name}").fetchall()
        return _frame(
            [(name, kind, known.columns.get(name, "")) for name, kind, *_ in types], ["column", "type", "meaning"]
        )

    def _repr_html_(self) -> str:
        (calls, first, last) = self._feed.execute(
            "SELECT count(*), min(created_at), max(created_at) FROM history.calls"
        ).fetchall()[0]
        days = [f"{first:%d %b %Y}", f"{last:%d %b %Y}"] if calls else []
        span = f", {' to '.join(dict.fromkeys(days))}" if calls else ""
        # What people ask stands first; where it comes from, last.
        views = sorted(documented_views(), key=lambda view: view.name.startswith("staging."))
        shown = [(view.name, _CODE.sub(r"<code>\1</code>", escape(view.meaning))) for view in views]
        rows = "".join(
            f"<tr><td style='text-align:left'><code>{escape(name)}</code></td>"
            f"<td style='text-align:left'>{meaning}</td></tr>"
            for name, meaning in shown
        )
        return (
            f"<div><b>Warehouse of {escape(self.tenant_id)}</b>: {calls:,} calls{span}; as of "
            f"{self.refreshed_at:%H:%M:%S} UTC</div><table>{rows}</table>"
            "<div><code>.sql(query)</code>, <code>.df(query)</code>, <code>.describe('calls')</code>, "
            "<code>.refresh()</code></div>"
        )

    # ---- feeding ------------------------------------------------------------------------------------

    def refresh(self, *, lists_too: bool = False) -> int:
        """Pull what is new in the record. Returns how many calls changed.

        Args:
            lists_too: scripts, tasks, campaigns and the lengths of lists as well, which are otherwise read again every
                30 seconds.

        Raises:
            Unavailable: the record is not there now, or a file of the archive is missing; the views stay as they were.
        """
        now = datetime.now(UTC)
        with self._database.read() as connection:
            manifest = read_manifest(connection, self.tenant_id)
            is_other = manifest != self._manifest
            mark = Watermark() if is_other else replace(self._mark, whole_at=None if lists_too else self._mark.whole_at)
            pulled = pull(connection, self.tenant_id, mark, manifest, now=now)
        self._feed.begin()
        try:
            if is_other:
                clear(self._feed)
                self._open_archive(manifest)
            changed = take_in(self._feed, pulled)
            self._feed.commit()
        except BaseException:
            self._feed.rollback()
            raise
        self._manifest, self._mark, self.refreshed_at = manifest, pulled.mark, now
        return changed

    def _open_archive(self, manifest: Manifest) -> None:
        """Views over both the archived and the live rows, and the documented ones above them."""
        run = self._feed.execute
        run("CREATE SCHEMA IF NOT EXISTS history")
        run("CREATE SCHEMA IF NOT EXISTS staging")
        for kind in KINDS:
            paths = [self._archive / name for name in manifest.files(kind)]
            if gone := next((path for path in paths if not path.is_file()), None):
                raise Unavailable(f"{gone} of the archive is missing", do="name the archive's folder: archive=…")
            archived = ", ".join(f"'{quoted(path)}'" for path in paths)
            # Files that an older package wrote lack columns: those of all files are shown, not those of the first.
            union = f" UNION ALL BY NAME FROM read_parquet([{archived}], union_by_name = true)" if paths else ""
            shown = f"* REPLACE ({CONTACT_KEY} AS contact_key)" if kind == "calls" else "*"
            run(f"CREATE OR REPLACE VIEW history.{kind} AS SELECT {shown} FROM (FROM live.{kind}{union})")
        run(read_sql("macros.sql"))
        for view in documented_views():
            run(f"CREATE OR REPLACE VIEW {view.name} AS {view.sql}")
            run(f"COMMENT ON VIEW {view.name} IS '{quoted(view.meaning)}'")

    def _set_prices(self, prices: Mapping[str, Price]) -> None:
        self._feed.execute(
            "CREATE TABLE pulled.prices (model VARCHAR PRIMARY KEY, currency VARCHAR, "
            "input_minor_per_million DOUBLE, output_minor_per_million DOUBLE)"
        )
        for model, price in prices.items():
            self._feed.execute(
                "INSERT INTO pulled.prices VALUES (?, ?, ?, ?)",
                [model, price.currency, price.input_minor_per_million, price.output_minor_per_million],
            )

    # ---- its end ------------------------------------------------------------------------------------

    def close(self) -> None:
        """Close DuckDB and the record's connections."""
        self._feed.close()
        self.connection.close()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_warehouse(
    url: str | None = None,
    *,
    tenant_id: str = DEFAULT_TENANT,
    archive: Path | str | None = None,
    prices: Mapping[str, Price] | None = None,
    threads: int | None = None,
) -> Warehouse:
    """One tenant's whole history, ready to be queried.

    Args:
        url: the record's; None: the one in the settings.
        archive: the archive's folder; None: `archive` beside a SQLite record, else in the data folder.
        prices: by model, for the view `costs`; None: those in the settings.
        threads: DuckDB's; None: one per core. Give 1 where many readers share a machine.

    Raises:
        BadInput: the URL is wrong, or a newer package wrote the record or the archive.
        Unavailable: the record or the archive cannot be read now.
    """
    settings = load_settings()
    database = open_database(url or settings.store_url)
    folder = Path(archive) if archive is not None else archive_folder(url, settings.data_dir)
    try:
        given = settings.prices if prices is None else prices
        return Warehouse(database, tenant_id=tenant_id, archive=folder, prices=given, threads=threads)
    except BaseException:
        database.close()
        raise


def archive_folder(url: str | None, data_dir: Path) -> Path:
    """Where the archive lies unless it is named: `archive` beside a SQLite record, else in the data folder."""
    if url is not None and make_url(url).get_backend_name() == "sqlite":
        return Path(str(make_url(url).database)).parent / "archive"
    return data_dir / "archive"


def _view(name: str) -> View:
    for view in documented_views():
        if view.name == name:
            return view
    raise BadInput(f"there is no view {name!r}", do="choose one of .views()")


def _frame(rows: Sequence[tuple[str, ...]], columns: list[str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=pd.Index(columns))

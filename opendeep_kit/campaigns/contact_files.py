"""Reads contacts from large files: CSV, Parquet or a DataFrame, one contact at a time.

Given a source, yields contacts while reading, and a report of every refused row: counts, the first refusals, and all of
them in a file when one is named. Memory holds one number and one id per contact (to find duplicates) and a batch of
rows, never the whole table.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow
import pyarrow.parquet

from opendeep_kit.campaigns.contacts import Contact, RefusedRow, Row, Seen, contact_from, csv_rows, headings_of
from opendeep_kit.errors import BadInput, OurMistake, Unavailable

if TYPE_CHECKING:
    import pandas as pd

BATCH_ROWS = 1_000
REFUSALS_KEPT = 1_000


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What a source held. Rows = accepted + refused + merged."""

    rows: int = 0
    accepted: int = 0
    refused: int = 0
    merged: int = 0
    """Rows whose number had been there before."""
    first_refused: list[RefusedRow] = field(default_factory=list)
    """At most `REFUSALS_KEPT`. In Parquet and DataFrames the first row is 1."""
    refused_path: Path | None = None
    """CSV with all refusals, when it was asked for."""


class ContactStream:
    """The contacts of one source, to be gone through once. `report` is complete at the end."""

    def __init__(
        self, rows: Iterator[Row], *, region: str, needed: tuple[str, ...], refused_path: Path | None, keep: int
    ) -> None:
        self.report = ImportReport()
        self._rows = rows
        self._region, self._needed = region, needed
        self._refused_path, self._keep = refused_path, keep
        self._is_begun = False

    def __iter__(self) -> Iterator[Contact]:
        """Every contact that can be called.

        Raises:
            BadInput: the source cannot be read, or lacks a column.
            Unavailable: the file of refusals cannot be written.
        """
        if self._is_begun:
            raise OurMistake("contacts were read twice from one stream", do="open the source again")
        self._is_begun = True
        seen = Seen()
        report = self.report
        with ExitStack() as stack:
            refusals = _Refusals(report, self._refused_path, self._keep, stack)
            for place, row, fault in self._rows:
                report.rows += 1
                contact = fault or seen.judge(contact_from(row, region=self._region, needed=self._needed))
                if isinstance(contact, str):
                    refusals.note(place, contact)
                elif contact is None:
                    report.merged += 1
                else:
                    report.accepted += 1
                    yield contact


class _Refusals:
    """Keeps the first refusals in the report, and all in a file when there is one."""

    def __init__(self, report: ImportReport, path: Path | None, keep: int, stack: ExitStack) -> None:
        self._report, self._path, self._keep = report, path, keep
        self._write: Any = None
        if path is not None:
            try:
                self._write = csv.writer(stack.enter_context(_OurFile(path)).file).writerow
            except OSError as error:
                raise _unwritten(path, error) from None
            report.refused_path = path
            self._put("line", "reason")

    def note(self, place: int, reason: str) -> None:
        self._report.refused += 1
        if len(self._report.first_refused) < self._keep:
            self._report.first_refused.append(RefusedRow(line=place, reason=reason))
        self._put(place, reason)

    def _put(self, *cells: int | str) -> None:
        if self._path is not None:
            try:
                self._write(cells)
            except OSError as error:
                raise _unwritten(self._path, error) from None


class _OurFile:
    """The file of refusals; a disk that is full when it is closed is told like one that is full before."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.file = path.open("w", encoding="utf-8", newline="")

    def __enter__(self) -> _OurFile:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.file.close()
        except OSError as error:
            raise _unwritten(self._path, error) from None


def stream_contacts(
    source: Path | pd.DataFrame,
    *,
    region: str = "US",
    needs: Iterable[str] = (),
    refused_path: Path | None = None,
    keep_refused: int = REFUSALS_KEPT,
) -> ContactStream:
    """The contacts in a CSV file, a Parquet file (`.parquet`, `.pq`) or a DataFrame.

    Args:
        region: of numbers without a country code, ISO 3166.
        needs: columns that must be there and filled.
        refused_path: where all refusals are written, as CSV.

    Raises:
        BadInput: the refusals would be written over the source.
    """
    needed = tuple(needs)
    if refused_path is not None and isinstance(source, Path) and refused_path.resolve() == source.resolve():
        raise BadInput(f"the refused rows would overwrite {source}", do="name another file for them")
    if not isinstance(source, Path):
        rows = _frame_rows(source, needed)
    elif source.suffix.lower() in (".parquet", ".pq"):
        rows = _parquet_rows(source, needed)
    else:
        rows = csv_rows(source, needed)
    return ContactStream(rows, region=region, needed=needed, refused_path=refused_path, keep=keep_refused)


def _parquet_rows(path: Path, needed: tuple[str, ...]) -> Iterator[Row]:
    try:
        with path.open("rb") as raw, pyarrow.parquet.ParquetFile(raw) as file:
            names = headings_of(file.schema_arrow.names, str(path), needed)
            place = 0
            for batch in file.iter_batches(batch_size=BATCH_ROWS):
                columns = [column.to_pylist() for column in batch.columns]
                for cells in zip(*columns, strict=True):
                    place += 1
                    yield place, _texts(names, cells), ""
    except pyarrow.ArrowException:
        raise BadInput(f"{path} is not a Parquet file", do="export it again as Parquet or CSV") from None
    except OSError as error:
        what = error.strerror or "it breaks off"
        raise BadInput(f"cannot read the contacts in {path} ({what})", do="check the path, or copy it again") from None


def _frame_rows(frame: pd.DataFrame, needed: tuple[str, ...]) -> Iterator[Row]:
    names = headings_of([str(name) for name in frame.columns], "the DataFrame", needed)
    for start in range(0, len(frame), BATCH_ROWS):
        part = frame.iloc[start : start + BATCH_ROWS]
        columns = [part.iloc[:, place].tolist() for place in range(len(names))]
        for place, cells in enumerate(zip(*columns, strict=True), start=start + 1):
            yield place, _texts(names, cells), ""


def _texts(names: list[str], cells: Iterable[Any]) -> dict[str, str]:
    return {name: text(cell) for name, cell in zip(names, cells, strict=True) if name}


def text(cell: Any) -> str:
    """A cell as text: what is missing is empty, and a number that was read as 2125550101.0 keeps its digits.

    >>> text(2125550101.0), text(None), text(float("nan")), text(True), text(date(2026, 3, 8)), text(" x ")
    ('2125550101', '', '', 'true', '2026-03-08', 'x')
    """
    match cell:
        case None:
            return ""
        case str():
            return cell.strip()
        case bool():
            return "true" if cell else "false"
        case float():
            return "" if math.isnan(cell) else str(int(cell)) if cell.is_integer() else str(cell)
        case date() | time():
            shown = cell.isoformat()
            return "" if shown == "NaT" else shown
        case Mapping() | list():
            return ""
        case _:
            shown = str(cell).strip()
            return "" if shown in ("<NA>", "NaT") else shown


def _unwritten(path: Path, error: OSError) -> Unavailable:
    what = f"the refused rows cannot be written to {path} ({error.strerror})"
    return Unavailable(what, do="free some space or name another place, then import again: nothing is lost")

"""What `%load_ext opendeep_kit` adds to a notebook: `%%call_script` to edit a script in a cell, `%%calls_sql` to query.

Given a cell's text and the notebook's names, assigns an object to a name and shows it. A mistake in the cell is
reported in one line. Never opens a workbench by itself: it uses the notebook's.
"""

from __future__ import annotations

import argparse
import re
import shlex
from typing import Any, NoReturn

import duckdb
import pandas as pd
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from opendeep_kit.errors import OpenDeepError
from opendeep_kit.lab.frames import as_html
from opendeep_kit.lab.past_calls import PastCalls
from opendeep_kit.lab.placed_call import PlacedCall
from opendeep_kit.lab.workbench import Workbench
from opendeep_kit.tasks.script import CallScript, parse_script
from opendeep_kit.warehouse.connection import Warehouse

_STRING = re.compile(r"'(?:[^']|'')*'")
_PARAMETER = re.compile(r"\$([A-Za-z_]\w*)")
_KEEP = re.compile(r"\s*([A-Za-z_]\w*)\s*<<\s*")


class CallMagics:
    """The magics of one shell."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._own: PastCalls | None = None

    def register(self) -> None:
        """Make them known to the shell."""
        manager: Any = self._shell.magics_manager  # its methods are published without types
        manager.register_function(self.call_script, "cell", "call_script")
        manager.register_function(self.calls_sql, "line_cell", "calls_sql")
        # A shell without a screen, such as a script's, has no formatter to tell.
        if (formatter := self._shell.display_formatter) is not None:
            formatter.formatters["text/html"].for_type(pd.DataFrame, as_html)

    def call_script(self, line: str, cell: str) -> CallScript | None:
        """%%call_script NAME [--rehearse PERSONA]

        The cell is a call script; it is checked and kept as NAME. With --rehearse it is tried on that persona at
        once, and the call's player is shown.
        """
        parser = _Parser(prog="%%call_script", add_help=False)
        parser.add_argument("name")
        parser.add_argument("--rehearse", metavar="PERSONA")
        given = parser.parse_args(shlex.split(line))
        if not given.name.isidentifier():
            raise UsageError(f"%%call_script: {given.name!r} is no name for a variable: use letters, digits and _")
        try:
            script = parse_script(cell, name=given.name.lower(), source="this cell")
            self._keep(given.name, script)
            if given.rehearse is None:
                return script
            call = self._bench().rehearse(script, given.rehearse).result()
        except OpenDeepError as error:
            raise UsageError(str(error)) from None
        self._show(call)
        return None

    def calls_sql(self, line: str, cell: str | None = None) -> Any:
        """%%calls_sql [NAME <<]

        SQL over the warehouse's views, freshly pulled; the answer is a DataFrame. `NAME <<` keeps it instead of
        showing it. `$name` in the query is the notebook's variable of that name.
        """
        query, name = (line, "") if cell is None else (cell, line.removesuffix("<<").strip())
        if cell is None and (assignment := _KEEP.match(line)):
            name, query = assignment[1], line[assignment.end() :]
        if name and not name.isidentifier():
            raise UsageError(f"%%calls_sql: {name!r} is no name for a variable: write %%calls_sql NAME <<")
        if not query.strip():
            raise UsageError("%%calls_sql: there is no query: write one, for example FROM funnel")
        try:
            house = self._warehouse()
            house.refresh()
            frame = house.connection.execute(query, self._values(query)).df()
        except duckdb.Error as error:
            raise UsageError(str(error).strip().split("\n\n")[0]) from None
        except OpenDeepError as error:
            raise UsageError(str(error)) from None
        if not name:
            return frame
        self._keep(name, frame)
        return None

    def _keep(self, name: str, value: object) -> None:
        # Setting a name again moves it to the end: `_held` means the one set last.
        self._shell.user_ns.pop(name, None)
        self._shell.user_ns[name] = value

    def _values(self, query: str) -> dict[str, Any]:
        """The notebook's variables that the query names."""
        named = set(_PARAMETER.findall(_STRING.sub("", query)))
        missing = sorted(named - set(self._shell.user_ns))
        if missing:
            raise UsageError(f"%%calls_sql: the notebook has no variable {missing[0]!r}: set it before")
        return {name: self._shell.user_ns[name] for name in named}

    def _bench(self) -> Workbench:
        bench: Workbench | None = self._held(Workbench)
        if bench is None:
            raise UsageError("there is no workbench here: say bench = await Workbench.open() first")
        return bench

    def _warehouse(self) -> Warehouse:
        """The one the notebook holds last, else that of the settings."""
        source = self._held(Warehouse, PastCalls, Workbench)
        if isinstance(source, Workbench):
            source = source.past
        if source is None:
            self._own = source = self._own or PastCalls.open()
        return source.warehouse if isinstance(source, PastCalls) else source

    def _held(self, *kinds: type[Any]) -> Any:
        names = self._shell.user_ns
        return next(
            (value for name, value in reversed(names.items()) if isinstance(value, kinds) and name[0] != "_"), None
        )

    @staticmethod
    def _show(call: PlacedCall) -> None:
        display(call.player())  # type: ignore[no-untyped-call]


class _Parser(argparse.ArgumentParser):
    """Tells a mistake in one line instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}: write {self.prog} NAME [--rehearse PERSONA]")

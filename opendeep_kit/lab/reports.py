"""Runs a notebook as a report: parameters in, an executed notebook and an HTML page out.

Given a notebook with a parameters cell, refuses unknown names and wrong values, executes it with papermill and writes
HTML that needs no network and no kernel. Never changes the source notebook.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import nbformat
import papermill
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from papermill.exceptions import PapermillException, PapermillExecutionError
from papermill.iorw import LocalHandler, papermill_io
from traitlets.config import Config

from opendeep_kit.errors import BadInput, Unavailable
from opendeep_kit.widgets.static_outputs import WIDGET_VIEW, without_live_widgets

CELL_WITHIN_S = 3600
"""A cell may place calls for an hour."""
_KERNEL = Config({} if sys.platform == "win32" else {"KernelManager": {"transport": "ipc"}})
"""The kernel is reached through files of this user's, not over TCP, where anybody on this machine could listen."""


class _WholeFiles(LocalHandler):  # type: ignore[misc]
    """A notebook is written beside its place and moved there: a run that is killed leaves what it had done."""

    def write(self, buf: str, path: str) -> None:
        place = path.removeprefix(_WHOLE)
        super().write(buf, f"{place}.new")
        Path(f"{place}.new").replace(place)


_WHOLE = "opendeep-whole:"
papermill_io.register(_WHOLE, _WholeFiles())  # papermill knows handlers by prefix alone: others' paths are left to it
_YES_NO = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run left."""

    notebook: Path
    """Executed, with its outputs."""
    page: Path
    """The same as HTML, inputs hidden."""


def execute_report(notebook: Path, parameters: Mapping[str, Any], out: Path, *, shows_code: bool = False) -> Report:
    """Run a notebook and write `<out>.ipynb` and `<out>.html`.

    Args:
        out: path without a suffix, or with one of the two.
        shows_code: the page shows the cells' code as well.

    Raises:
        BadInput: there is no such notebook or kernel, or it has no such parameter; nothing was run.
        Unavailable: a cell failed, and notebook and page tell which and why; or the report cannot be written.
    """
    _check_names(notebook, parameters_of(notebook), parameters)
    executed, page = out.with_suffix(".ipynb"), out.with_suffix(".html")
    try:
        executed.parent.mkdir(parents=True, exist_ok=True)
        try:
            papermill.execute_notebook(
                str(notebook),
                f"{_WHOLE}{executed.absolute()}",
                parameters=dict(parameters),
                cwd=str(notebook.parent),
                progress_bar=False,
                log_output=False,
                execution_timeout=CELL_WITHIN_S,
                config=_KERNEL,
            )
        except (PapermillExecutionError, CellTimeoutError, DeadKernelError):
            _write_page(executed, page, shows_code=shows_code)  # it shows how far it came
            raise
        _write_page(executed, page, shows_code=shows_code)
    except PapermillExecutionError as error:
        raise Unavailable(
            f"cell {error.exec_count} of {notebook.name} failed ({error.ename})", do=f"see {executed}"
        ) from None
    except CellTimeoutError:
        raise Unavailable(
            f"a cell of {notebook.name} took longer than {CELL_WITHIN_S} s", do="ask less of it"
        ) from None
    except DeadKernelError:
        raise Unavailable(f"the kernel of {notebook.name} died", do="look at the machine's memory") from None
    except NoSuchKernel as error:
        raise BadInput(f"{notebook.name} needs the kernel {error.name!r}", do="install it, or choose python3") from None
    except OSError as error:
        raise Unavailable(f"{executed.parent} cannot be written ({error.strerror})", do="check the disk") from None
    return Report(notebook=executed, page=page)


def parameters_of(notebook: Path) -> dict[str, dict[str, Any]]:
    """The notebook's parameters: name → its type, default and help.

    Raises:
        BadInput: there is no such notebook.
    """
    if not notebook.is_file():
        raise BadInput(f"there is no notebook {notebook}", do="check the path")
    try:
        parameters: dict[str, dict[str, Any]] = papermill.inspect_notebook(str(notebook))
    except (PapermillException, nbformat.reader.NotJSONError):
        raise BadInput(f"{notebook} is not a notebook", do="choose an .ipynb file") from None
    return parameters


def typed_parameters(notebook: Path, said: Sequence[str]) -> dict[str, Any]:
    """What `NAME=VALUE` texts give to this notebook, each of the type that the notebook declares.

    Raises:
        BadInput: there is no such notebook or parameter, or a value is of another type.
    """
    known = parameters_of(notebook)
    texts: dict[str, str] = {}
    for pair in said:
        name, equals, text = pair.partition("=")
        if not equals:
            raise BadInput(f"{pair!r} is not a parameter", do="write it as NAME=VALUE")
        texts[name.strip()] = text
    _check_names(notebook, known, texts)
    return {name: _typed(name, text, known[name]) for name, text in texts.items()}


def as_page(notebook: nbformat.NotebookNode, *, shows_code: bool = False) -> str:
    """An executed notebook as one self-contained page."""
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        exclude_input=not shows_code,
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        embed_images=True,
        mathjax_url="",
        require_js_url="",
        jquery_url="",
    )
    plain = without_live_widgets(notebook)
    plain.cells = [cell for cell in plain.cells if not _is_parameters(cell)]
    for cell in plain.cells:
        # What is only alive, such as a bar that has run its course, would be fetched from a CDN to show nothing.
        if "outputs" in cell:
            cell["outputs"] = [
                _described(output) for output in cell["outputs"] if WIDGET_VIEW not in output.get("data", {})
            ]
    plain.metadata.pop("widgets", None)
    body, _ = exporter.from_notebook_node(plain)
    page: str = re.sub(r'<script src=""[^>]*>\s*</script>', "", body)  # of the libraries left out above
    return page


def _check_names(notebook: Path, known: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    strange = next((name for name in given if name not in known), None)
    if strange is not None:
        names = ", ".join(known) or "none"
        raise BadInput(f"{notebook} has no parameter {strange!r}", do=f"its parameters are: {names}")


def _typed(name: str, text: str, declared: Mapping[str, Any]) -> Any:
    """The value that the text stands for, by the parameter's annotation, or else by its default."""
    kind = declared["inferred_type_name"]
    if kind == "None":
        kind = _kind_of(declared["default"])
    try:
        match kind:
            case "str":
                return text
            case "bool":
                return _YES_NO[text.strip().lower()]
            case "int":
                return int(text)
            case "float":
                return float(text)
            case _:
                return json.loads(text)
    except (ValueError, KeyError):
        if "str" in kind:  # such as `str | None`
            return text
        raise BadInput(f"the parameter {name!r} is {kind}, and {text[:40]!r} is not", do="give such a value") from None


def _kind_of(default: str) -> str:
    try:
        return type(ast.literal_eval(default)).__name__
    except (ValueError, SyntaxError):  # an expression
        return "JSON"


def _described(output: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A picture with its words for those who do not see it, which the converter's template leaves out."""
    about = output.get("metadata", {}).get("image/png", {})
    if "alt" in about and "image/png" in output.data:
        source = f"data:image/png;base64,{output.data.pop('image/png').strip()}"
        shown = f'<img alt="{escape(about["alt"])}" width="{about["width"]}" style="max-width:100%" src="{source}">'
        output.data["text/html"] = shown
    return output


def _write_page(executed: Path, page: Path, *, shows_code: bool) -> None:
    page.write_text(as_page(_read(executed), shows_code=shows_code), encoding="utf-8")


def _read(path: Path) -> nbformat.NotebookNode:
    executed: nbformat.NotebookNode = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    return executed


def _is_parameters(cell: nbformat.NotebookNode) -> bool:
    return bool({"parameters", "injected-parameters"} & {*cell.metadata.get("tags", [])})

"""Widgets where nothing is live: in a report, or on a page without a kernel.

Given widgets and the HTML that tells the same, a `PagedBox` shows whichever can be shown. Given an executed notebook,
returns a copy in which only the HTML stays: a converter prefers the live view whenever the widget's state is in the
notebook, and that view needs a script from a CDN, so that the report would be blank offline.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class PagedBox(ipywidgets.VBox):  # type: ignore[misc]
    """Widgets under one another.

    Args:
        page: the HTML that stands for them.
    """

    def __init__(self, children: Sequence[ipywidgets.Widget], *, page: Callable[[], str]) -> None:
        self._page = page
        super().__init__([*children])

    def _repr_html_(self) -> str:
        return self._page()

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:
        inherited = super()._repr_mimebundle_(**kwargs)
        bundle: dict[str, Any] = dict(inherited[0] if isinstance(inherited, tuple) else inherited or {})
        return bundle | {"text/html": self._page(), "text/plain": f"<{type(self).__name__}>"}


def without_live_widgets(notebook: Any) -> Any:
    """The notebook (an `nbformat.NotebookNode`) with its players as static pictures."""
    plain = copy.deepcopy(notebook)
    live = 0
    for cell in plain["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "text/html" in data:
                data.pop(WIDGET_VIEW, None)
            live += WIDGET_VIEW in data
    if not live:  # else their script would still be fetched
        plain["metadata"].pop("widgets", None)
    return plain

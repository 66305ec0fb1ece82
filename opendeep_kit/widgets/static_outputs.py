"""Makes a notebook fit for a static report: where an output has both a live widget and HTML, only the HTML stays.

Given an executed notebook, returns a copy. A converter prefers the live view whenever the widget's state is in the
notebook, and that view needs a script from a CDN: offline, the report would be blank.
"""

from __future__ import annotations

import copy
from typing import Any

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


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

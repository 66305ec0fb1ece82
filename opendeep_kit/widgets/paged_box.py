"""A box of live widgets that can also be read where nothing is live: in a report, or on a page without a kernel.

Given widgets and the HTML that tells the same, shows the one where widgets run and the other elsewhere. Never keeps
state of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets


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

"""Views: what the warehouse can be asked, with the grain, the key, and the columns of each."""

from __future__ import annotations

import tempfile
from pathlib import Path

from docs.reference.texts import table
from opendeep_kit.warehouse.catalogue import View, documented_views
from opendeep_kit.warehouse.connection import open_warehouse

INTRO = """# Views

`opendeep_kit.warehouse()` opens a private DuckDB over one tenant's whole history. It offers the views below, and
`refresh()` brings in what is new.

```python
import opendeep_kit

with opendeep_kit.warehouse() as house:
    house.sql("SELECT disposition, count(*) FROM calls GROUP BY ALL")
```

Times without a unit are UTC; a column that ends in `_ms` is in milliseconds, one in `_minor` in minor units (cents).
A null means *unknown*, or what the column says beside it.
"""


def columns() -> dict[str, list[tuple[str, str]]]:
    """Name and DuckDB type of every column, by view: asked of an empty warehouse."""
    with tempfile.TemporaryDirectory() as folder, open_warehouse(f"sqlite:///{Path(folder) / 'empty.db'}") as house:
        return {
            view.name: [(row[0], row[1]) for row in house.connection.execute(f"DESCRIBE {view.name}").fetchall()]
            for view in documented_views()
        }


def undocumented() -> list[str]:
    """Columns without a text, and texts without a column."""
    missing = []
    types = columns()
    for view in documented_views():
        there = {name for name, _ in types[view.name]}
        missing += [f"{view.name}.{name}" for name in sorted(there ^ set(view.columns))]
    return missing


def page() -> str:
    """The page."""
    types = columns()
    views = sorted(documented_views(), key=lambda view: view.name.startswith("staging."))
    lines = [INTRO, *table(("view", "what it tells"), [(f"[`{v.name}`](#{v.name})", v.meaning) for v in views])]
    for view in views:
        lines += _view(view, types[view.name])
    return "\n".join(lines)


def _view(view: View, types: list[tuple[str, str]]) -> list[str]:
    key = ", ".join(f"`{name}`" for name in view.key)
    return [
        f"## `{view.name}` {{ #{view.name} }}",
        "",
        view.meaning,
        "",
        f"{view.grain[:1].upper()}{view.grain[1:]}; key: {key}.",
        "",
        *table(
            ("column", "type", "meaning"),
            [(f"`{name}`", kind.lower(), view.columns.get(name, "")) for name, kind in types],
        ),
    ]

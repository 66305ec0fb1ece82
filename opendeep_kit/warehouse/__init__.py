"""A tenant's whole history in DuckDB: pulled from the record, folded from events, archived, documented as views.

`opendeep_kit.warehouse()` opens it. The verb and this folder share a name, so the folder itself can be called.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from opendeep_kit.tenants import DEFAULT_TENANT

if TYPE_CHECKING:
    from opendeep_kit.settings import Price
    from opendeep_kit.warehouse.connection import Warehouse


class _Opener(ModuleType):
    """This folder, as a function that opens a warehouse."""

    def __call__(
        self,
        url: str | None = None,
        *,
        tenant_id: str = DEFAULT_TENANT,
        archive: Path | str | None = None,
        prices: Mapping[str, Price] | None = None,
        threads: int | None = None,
    ) -> Warehouse:
        """One tenant's whole history, ready to be queried; see `connection.open_warehouse`."""
        from opendeep_kit.warehouse.connection import open_warehouse  # DuckDB is loaded by whoever opens one

        return open_warehouse(url, tenant_id=tenant_id, archive=archive, prices=prices, threads=threads)


sys.modules[__name__].__class__ = _Opener

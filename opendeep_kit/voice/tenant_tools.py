"""A tenant's own tools, read from the tenant's folder: documents, tables and services.

Given the folder of all tenants' knowledge, makes the tools that a script names. A tenant has `documents/`, and
`tools.toml` for the rest:

    [tables.look_up_contact]
    file = "customers.csv"          # in the tenant's folder
    key = "customer_number"
    columns = ["plan", "next_visit"]

    [services.free_slots]
    about = "Knows the free slots of each day: ?day=2027-03-01."
    endpoints = [{ address = "https://api.example.com/slots", headers = { Authorization = "Bearer …" } }]

Never reads another tenant's folder. A file that has changed is read again. May block: call it off the loop.
"""

from __future__ import annotations

import re
import threading
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from opendeep_kit.errors import BadInput
from opendeep_kit.voice.call_tools import CALL_TOOLS
from opendeep_kit.voice.knowledge import documents_tool, table_tool
from opendeep_kit.voice.tools import Tool
from opendeep_kit.voice.webhooks import Endpoint, Method, WebhookLimits, webhook_tool

DOCUMENTS, TOOLS_FILE = "documents", "tools.toml"
SEARCH = "search_documents"
"""Name of the tool that searches the documents."""
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]*")
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Table(_Part):
    file: str
    key: str
    columns: tuple[str, ...] = Field(min_length=1)
    """The only ones ever given out."""
    only: tuple[str, str] | None = None
    """Column and value that a row must have."""
    about: str = "Look up what the organisation knows of a customer."


class _Endpoint(_Part):
    address: str
    methods: frozenset[Method] = frozenset(["GET"])
    headers: dict[str, SecretStr] = Field(default_factory=dict)


class _Service(_Part):
    endpoints: tuple[_Endpoint, ...] = Field(min_length=1)
    about: str = "Ask one of the organisation's services."
    timeout_s: float = Field(5.0, gt=0, le=30)


class _Tools(_Part):
    tables: dict[Name, _Table] = Field(default_factory=dict)
    services: dict[Name, _Service] = Field(default_factory=dict)


class TenantTools:
    """The tools of all tenants, made once and shared by all calls.

    Args:
        root: holds one folder for each tenant, by its id.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._making = threading.Lock()
        self._made: dict[str, tuple[object, dict[str, Tool]]] = {}

    def named(self, tenant_id: str, names: Sequence[str]) -> tuple[Tool, ...]:
        """The tenant's tools of these names.

        Raises:
            BadInput: there is none of a name, or the tenant's files are wrong.
        """
        if not names:
            return ()
        tools = self.all_of(tenant_id)
        for name in names:
            if name not in tools:
                have = ", ".join(tools) or "none"
                raise BadInput(
                    f"the tenant {tenant_id!r} has no tool {name!r}, only: {have}",
                    do=f"add it in {self._root / tenant_id / TOOLS_FILE}, or remove it from the script's tools",
                )
        return tuple(tools[name] for name in names)

    def all_of(self, tenant_id: str) -> Mapping[str, Tool]:
        """Every tool of the tenant's, by name.

        Raises:
            BadInput: the tenant's files are wrong.
        """
        if not _TENANT.fullmatch(tenant_id):
            raise BadInput(f"the tenant {tenant_id!r} can have no folder", do="use an id of a-z, 0-9 and -")
        folder = self._root / tenant_id
        # Documents and tables watch their own files; the tools are made again only when this changes.
        stamp = (_stamp(folder / TOOLS_FILE), (folder / DOCUMENTS).is_dir())
        with self._making:
            entry = self._made.get(tenant_id)
            if entry is None or entry[0] != stamp:
                entry = self._made[tenant_id] = (stamp, _tools_in(folder))
            return entry[1]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size


def _tools_in(folder: Path) -> dict[str, Tool]:
    wanted = _read(folder / TOOLS_FILE)
    tools: dict[str, Tool] = {}
    if (folder / DOCUMENTS).is_dir():
        tools[SEARCH] = documents_tool(folder / DOCUMENTS)
    for name, table in wanted.tables.items():
        file = folder / table.file
        tools[name] = table_tool(
            file, key=table.key, columns=table.columns, only=table.only, name=name, about=table.about
        )
    for name, service in wanted.services.items():
        endpoints = [
            Endpoint(prefix=endpoint.address, methods=endpoint.methods, headers=endpoint.headers)
            for endpoint in service.endpoints
        ]
        limits = WebhookLimits(timeout_s=service.timeout_s)
        tools[name] = webhook_tool(endpoints, name=name, about=service.about, limits=limits)
    return tools


def _read(path: Path) -> _Tools:
    try:
        settings = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return _Tools()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        # The error's text could quote a secret from the file: report only the line.
        place = re.search(r"line \d+", str(error)) if isinstance(error, tomllib.TOMLDecodeError) else None
        raise BadInput(f"{path} cannot be read{f' ({place[0]})' if place else ''}", do="it must be TOML") from None
    try:
        wanted = _Tools.model_validate(settings)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadInput(f"{path}: {where}: {first['msg'].lower()}", do="correct it") from None
    taken = {tool.name for tool in CALL_TOOLS} | {SEARCH}
    for name in (*wanted.tables, *wanted.services):
        if name in taken:
            raise BadInput(f"{path}: there is already a tool {name!r}", do="give it another name")
        taken.add(name)
    return wanted

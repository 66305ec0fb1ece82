"""Serves one tenant's dashboards: Voila with a login, a limit on viewers, and nothing but its pages.

Given settings by the environment that `commands/dashboards` made, serves the notebooks of the dashboards' folder until
it is stopped. Never serves a file, a notebook's source or a traceback; a viewer's kernel runs no code but its own.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError, RedirectHandler
from traitlets.config import Config
from voila.app import Voila
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.treehandler import TornadoVoilaTreeHandler

from opendeep_kit.boards.access import access_of
from opendeep_kit.boards.presenter import existing_tenant
from opendeep_kit.config import load_settings
from opendeep_kit.errors import OpenDeepError
from opendeep_kit.record.database import open_database
from opendeep_kit.settings import DashboardSettings

EXTENSIONS = ["@jupyter-widgets/jupyterlab-manager", "@voila-dashboards/widgets-manager8", "anywidget"]
"""All three are needed; any other extension that happens to be installed would slow every page down."""
FIRST_PAGE = "voila/render/live.ipynb"
UNWANTED = ("AllowListFileHandler", "VoilaContentsHandler")
"""Handlers of Voila that are not served: the first asks for no login, the second lists the folder."""


LAST_PLACE = 99
"""In the menu, of a board that names none."""


class Kernels(AsyncMappingKernelManager):
    """Kernels run in the folder in which the command was given, as every other command does."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)  # type: ignore[no-untyped-call]
        self._in_use_since: dict[str, float] = {}
        """By kernel: when it was first found to belong to a page."""

    def cwd_for_path(self, path: str, **kwargs: Any) -> str:
        """The working folder, whatever the notebook's."""
        del path, kwargs
        return str(Path.cwd())

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a page's kernel that nobody uses any more. Voila does not ask for its spare ones.

        A spare one was idle for long when a page gets it, and its browser connects only seconds later: without a
        period of its own it would be ended in between.
        """
        self._in_use_since = {kernel: at for kernel, at in self._in_use_since.items() if kernel in self}
        if kernel_id not in self:  # it ended while its turn came
            return
        since = self._in_use_since.setdefault(kernel_id, time.monotonic())
        if time.monotonic() - since >= self.cull_idle_timeout:
            await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]


class Page(TornadoVoilaHandler):  # type: ignore[misc]  # voila is published without types
    """A dashboard."""

    async def get(self, path: str | None = None) -> None:
        """Render it, unless there are as many viewers as may be."""
        if self.current_user is not None:
            # Asked for, it is set as a cookie, which a closing page's goodbye must carry: without it the kernel
            # would stay (voila#1458). The login form sets it too, but for the browser's session only.
            assert self.xsrf_token
            if len(self.kernel_manager.list_kernel_ids()) >= self.settings["opendeep_most_kernels"]:
                raise HTTPError(503, "There are as many open pages as may be: close one, and reload")
        await super().get(path)


class Dashboards(Voila):  # type: ignore[misc]
    """Voila, cut down to pages behind a login."""

    name = "voila"
    login_templates = ""
    most_kernels = 0

    def init_settings(self) -> dict[str, Any]:
        """Voila's, with our login page."""
        settings: dict[str, Any] = super().init_settings()
        settings["jinja2_env"].loader.searchpath.insert(0, self.login_templates)
        settings["opendeep_most_kernels"] = self.most_kernels
        return settings

    def init_handlers(self) -> list[Any]:
        """Voila's, without those that are not wanted; the first page is that of the calls now."""
        handlers = []
        for route, handler, *rest in super().init_handlers():
            if handler.__name__ in UNWANTED:
                continue
            if handler is TornadoVoilaTreeHandler:
                handlers.append((route, RedirectHandler, {"url": f"{self.base_url}{FIRST_PAGE}", "permanent": False}))
                continue
            handlers.append((route, Page if handler is TornadoVoilaHandler else handler, *rest))
        return handlers


def boards_in(folder: Path) -> list[tuple[str, str]]:
    """Name and title of each board for the menu, in the order that the notebooks' metadata name."""
    boards = []
    for path in folder.glob("*.ipynb"):
        metadata = json.loads(path.read_text(encoding="utf-8"))["metadata"]
        title = metadata.get("title", path.stem).removeprefix("OpenDeep: ")
        boards.append((metadata.get("opendeep_place", LAST_PLACE), path.stem, title[:1].upper() + title[1:]))
    return [(name, title) for _, name, title in sorted(boards)]


def configuration(
    settings: DashboardSettings, *, folder: Path, tenant_name: str, password_hash: str, cookie_secret: bytes
) -> Config:
    """What Voila and Jupyter are told."""
    return Config(
        {
            "Voila": {
                "ip": settings.host,
                "port": settings.port,
                "port_retries": 0,
                "open_browser": False,
                "root_dir": str(folder),
                "config_file_paths": [],  # nobody's own voila.json
                "cookie_secret": cookie_secret,
                "log_level": "ERROR",
            },
            "VoilaConfiguration": {
                "template": "opendeep",
                "theme": settings.theme,
                "allow_template_override": "NO",
                "allow_theme_override": "NO",
                "resources": {"opendeep_tenant": tenant_name, "opendeep_boards": boards_in(folder)},
                "preheat_kernel": settings.spare_kernels > 0,
                "default_pool_size": settings.spare_kernels,
                "show_tracebacks": False,
                "file_allowlist": [],
                "extension_allowlist": EXTENSIONS,
                "multi_kernel_manager_class": Kernels,
            },
            "PasswordIdentityProvider": {
                "hashed_password": password_hash,
                "password_required": True,
                "allow_password_change": False,
                "cookie_options": {"samesite": "Lax"},
            },
            "MappingKernelManager": {
                "cull_idle_timeout": settings.cull_after_s,
                "cull_interval": max(1, settings.cull_after_s // 4),
            },
            "KernelManager": {"transport": "ipc"},
        }
    )


def serve(folder: Path) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        BadInput: there is no such tenant.
        Unavailable: the record cannot be opened.
    """
    settings = load_settings()
    dashboards = settings.dashboards
    database = open_database(settings.store_url)
    try:
        tenant = existing_tenant(database, dashboards.tenant)
    finally:
        database.close()
    access = access_of(settings.data_dir, dashboards.tenant)
    Dashboards.login_templates = str(folder / "page" / "login")
    Dashboards.most_kernels = dashboards.max_viewers + len(boards_in(folder)) * dashboards.spare_kernels
    config = configuration(
        dashboards,
        folder=folder,
        tenant_name=tenant.display_name,
        password_hash=access.password_hash,
        cookie_secret=access.cookie_secret,
    )
    Dashboards.launch_instance(argv=[], config=config)


def main(arguments: Mapping[int, str] | list[str]) -> None:
    """`python -m opendeep_kit.boards.voila_server FOLDER`: what `opendeep dashboards` becomes."""
    try:
        serve(Path(arguments[1]))
    except OpenDeepError as error:
        sys.exit(f"opendeep: {error}")


if __name__ == "__main__":
    main(sys.argv)

"""`opendeep up`: runs the service on this host until it is told to stop.

Given settings, starts the supervisor and says what runs. Never plans or holds a call itself.
"""

from __future__ import annotations

import asyncio
import contextlib

from rich.console import Console

from opendeep_kit.child_process import listen_for_stop
from opendeep_kit.config import Settings
from opendeep_kit.errors import BadInput
from opendeep_kit.line_choice import LineName
from opendeep_kit.service.supervisor import Parts, service


async def run_up(
    settings: Settings, *, line: LineName, media_only: bool, control_only: bool, is_child: bool = False
) -> None:
    """Serve until told to stop, or, as a child, until its parent is gone; then drain.

    Raises:
        BadInput: the settings do not allow it.
        Unavailable: a part does not start.
    """
    if media_only and control_only:
        raise BadInput("--media-only and --control-only leave nothing to run", do="say one of them, or none")
    if (media_only or control_only) and settings.store_url.startswith("sqlite"):
        raise BadInput("several hosts cannot share a SQLite file", do="set store.url to a PostgreSQL database")
    console, stopped = Console(highlight=False, stderr=True), asyncio.Event()

    def tell(text: str) -> None:
        with contextlib.suppress(OSError):  # the terminal was closed, and the service drains for that
            console.print(text)

    await listen_for_stop(stopped, is_child=is_child)
    parts = Parts(media=not control_only, control=not media_only)
    async with service(settings, line=line, parts=parts, tell=lambda text: tell(f"= {text}")) as running:
        what = f"{len(running.workers)} media workers" if len(running.workers) != 1 else "1 media worker"
        how = f", the line is {running.line}" if running.control is not None else ""
        tell(f"OpenDeep is up: {what}{how}; `opendeep status` looks, Ctrl-C drains")
        await stopped.wait()
    tell("OpenDeep is down")

"""`opendeep dashboards` and `opendeep lab`: serve the dashboards with Voila, or the notebooks with JupyterLab.

Given settings, prints the address and becomes the server process. Never serves without a login.
"""

from __future__ import annotations

import os
import socket
import sys
import sysconfig
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from opendeep_kit.boards.access import access_file, prepare_access
from opendeep_kit.boards.presenter import open_tenant_record
from opendeep_kit.config import Settings, dashboards_environment, lab_environment
from opendeep_kit.errors import Unavailable

CHECKOUT = Path(__file__).parents[2]
INSTALLED = Path(sysconfig.get_path("data")) / "share" / "opendeep-kit"
"""Where a wheel puts the folders (pyproject.toml, `data-files`)."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def serve_dashboards(settings: Settings, *, new_password: bool = False) -> None:
    """Become the server of one tenant's dashboards.

    Raises:
        BadInput: there is no such tenant, or its password in the settings is no hash.
        Unavailable: the port is taken, the record cannot be opened, or the dashboards are not installed.
    """
    folder = folder_of("dashboards", "live.ipynb")
    own = settings.dashboards
    open_tenant_record(settings).close()  # a broken record is reported here, as one sentence
    if own.port == 0:
        own = own.model_copy(update={"port": free_port(own.host)})
        settings = settings.model_copy(update={"dashboards": own})
    elif not is_free(own.host, own.port):
        raise Unavailable(f"port {own.port} is taken", do="choose another: opendeep dashboards --port N")
    given = own.passwords.get(own.tenant)
    password = prepare_access(
        settings.data_dir, own.tenant, given_hash=given.get_secret_value() if given else "", is_new=new_password
    )
    _announce(settings, password)
    environment = dashboards_environment(settings, jupyter_path=folder / "page")
    _become([sys.executable, "-m", "opendeep_kit.boards.voila_server", str(folder)], environment)


def serve_lab(settings: Settings, *, port: int, open_browser: bool) -> None:
    """Become JupyterLab on the notebooks, with its own token, on loopback.

    Jupyter refuses to run as root unless told to; in a container there is no other user.

    Raises:
        Unavailable: the notebooks are missing.
    """
    folder = folder_of("notebooks", "scripts")
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", "--KernelManager.transport=ipc"]
    command.append("--ServerApp.log_level=WARN")  # the address is printed all the same, and stands out
    command.append("--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate")  # no network access
    if (folder / "00_tour.ipynb").is_file():
        command.append("--LabApp.default_url=/lab/tree/00_tour.ipynb")
    if not open_browser:
        command.append("--no-browser")
    console = Console(highlight=False, stderr=True)
    if _is_root():
        command.append("--ServerApp.allow_root=True")
        console.print(
            "[yellow]JupyterLab runs as root: whoever has its address controls this machine. That is usual in a "
            "container; elsewhere start it as a normal user.[/]"
        )
    console.print("Starting JupyterLab: open the address with `token=` printed below; Ctrl+C stops it")
    _become(command, lab_environment(settings))


def folder_of(name: str, proof: str) -> Path:
    """A folder of the checkout, or of the installed wheel.

    Args:
        proof: a file or folder that must be in it.

    Raises:
        Unavailable: it is in neither place.
    """
    for folder in (CHECKOUT / name, INSTALLED / name):
        if (folder / proof).exists():
            return folder
    raise Unavailable(f"the folder {name} is missing", do="run this in the checkout, or reinstall opendeep-kit")


def _announce(settings: Settings, password: str | None) -> None:
    own = settings.dashboards
    console = Console(highlight=False)
    shown = "localhost" if own.host in LOOPBACK else own.host
    console.print(f"Dashboards of [b]{escape(own.tenant)}[/] at [b]http://{shown}:{own.port}/[/]; Ctrl+C stops them")
    if password is not None:
        console.print(f"Password: [b]{escape(password)}[/]  (shown only once; `--new-password` makes a new one)")
    else:
        console.print(f"The password is unchanged; its hash is in {access_file(settings.data_dir, own.tenant)}")
    if own.host not in LOOPBACK:
        console.print("[yellow]They speak plain HTTP: put a TLS proxy in front of them.[/]")


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _become(command: list[str], environment: dict[str, str]) -> None:
    """Replace this process: no orphaned child, and signals go straight to the server."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, environment)


# ---- ports --------------------------------------------------------------------------------------------


def is_free(host: str, port: int) -> bool:
    """Whether nobody listens there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str) -> int:
    """A port nobody listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port

"""I/O lives in files that say so by their name, in the store, and in the seams listed here; all else is pure."""

import ast

from tests.source import imports, nodes

IO_MODULES = frozenset(
    [
        "aiohttp",
        "alembic",
        "asyncio",
        "concurrent",
        "dbos",
        "duckdb",
        "http",
        "httpx",
        "multiprocessing",
        "openai",
        "panoramisk",
        "requests",
        "select",
        "selectors",
        "socket",
        "socketserver",
        "sqlalchemy",
        "ssl",
        "subprocess",
        "threading",
        "urllib",
        "websockets",
    ]
)
SEAMS: dict[str, str] = {
    "app": "composes a running service: opens and closes everything",
    "audio/recording": "a lock: frames come from the media loop, closing from a thread",
    "bridge": "one live call: joins the line's socket to the voice model",
    "child_process": "starts processes, and hears that it is to end",
    "cli": "starts the event loop",
    "commands/asterisk": "a command: starts processes",
    "commands/demo": "a command: runs calls",
    "commands/doctor": "a command: looks at the machine",
    "commands/media": "a command: serves a line test",
    "commands/notebooks": "a command: runs a notebook in its own process, and its heartbeat",
    "commands/rehearse": "a command: waits for its call",
    "commands/up": "a command: runs the service until it is told to stop",
    "periodic": "tasks that do what is due again and again",
    "engine/control": "a control process: plans, recovers, keeps its heart beating",
    "engine/by_hand": "waits for the calls of one process",
    "engine/dialer": "one attempt from its permission to its end",
    "engine/worker_choice": "looks whether a media worker listens",
    "engine/attempts": "an attempt's life as a durable workflow",
    "engine/dbos_terms": "errors and log of the durable queue",
    "engine/doubt": "follows on the line a call whose process died",
    "engine/permission": "waits for a rate",
    "engine/take_over": "heartbeats, and the work of processes that died",
    "engine/schedules": "starts notebooks when they are due, and closes what was killed",
    "commands/dashboards": "asks the system for ports",
    "line_choice": "chooses and opens the line that calls go out on",
    "lab/campaign_run": "follows a campaign, and sees that a service calls",
    "lab/magics": "asks the warehouse for `%%calls_sql`",
    "lab/own_thread": "runs work in a thread of its own, and waits for it",
    "lab/past_calls": "reads the warehouse, writes verdicts",
    "media/call_end": "writes a call's end, and tries again where the record refuses",
    "media/duty": "a media worker's heartbeats, answers and commands",
    "media/follow": "watches a call whose sound another process holds",
    "media/worker": "all calls whose sound this process holds",
    "phone/ami_wire": "one AMI connection, used by `ami_client` alone",
    "asterisk/apt": "fetches packages: runs apt's programs",
    "asterisk/exchange": "waits for a folder that another process is using",
    "asterisk/configuration": "asks the system for free ports",
    "asterisk/install": "unpacks packages: runs dpkg-deb",
    "asterisk/instance": "starts and stops the Asterisk process",
    "phone/asterisk_line": "places calls: waits for the AMI and for time limits",
    "asterisk/program": "asks Asterisk for its version",
    "phone/switchboard": "lets callers wait for their calls; time limits",
    "service/processes": "composes the service's two kinds of process",
    "rehearsal/asterisk_leg": "the simulated Asterisk's end of an AudioSocket",
    "rehearsal/host": "one process with both rehearsal servers",
    "rehearsal/line": "the line simulator: connects as Asterisk does",
    "rehearsal/realtime/listening": "waits for recognition and silence",
    "rehearsal/reply_llm": "asks a text model over HTTP",
    "rehearsal/speech": "recognition and synthesis run in their own threads",
    "rehearsal/realtime/responses": "streams a response at its pace",
    "rehearsal/realtime/session": "tasks of one Realtime session",
    "service/supervisor": "all processes of the service on one host",
    "voice/knowledge": "a lock: an index is built once, whichever thread asks first",
    "voice/tenant_tools": "a lock: a tenant's tools are made once, whichever call asks first",
    "voice/tools": "runs a call's tools as tasks, within their time, off the media loop",
    "lab/workbench": "opens a service for a notebook, and keeps it",
    "voice/webhooks": "a tool that asks a tenant's service over HTTP",
}
"""Modules that may do I/O or wait although neither their name nor their folder says so, and why."""


def modules() -> dict[str, list[ast.AST]]:
    """Every module of the package by its path without suffix: all its nodes."""
    return {path.removesuffix(".py"): found for path, found in nodes("opendeep_kit").items()}


def imported() -> dict[str, set[str]]:
    """First parts of the names that each module imports, anywhere in it."""
    return {
        path.removesuffix(".py"): {name.split(".")[0] for name in names}
        for path, names in imports("opendeep_kit").items()
    }


def may_do_io(name: str) -> bool:
    """By name or by folder."""
    return name.startswith(("record/", "warehouse/")) or name.endswith(("_server", "_client", "/figures"))


def test_io_stays_in_its_files() -> None:
    """A pure module that begins to wait or to connect is seen here: rename it, move the I/O, or list it with a reason."""
    found = {name: sorted(names & IO_MODULES) for name, names in imported().items() if not may_do_io(name)}

    assert {name: names for name, names in found.items() if names and name not in SEAMS} == {}


def test_seams_are_not_outdated() -> None:
    """A seam that became pure, or is gone, leaves the list."""
    known = imported()

    assert [name for name in SEAMS if not known.get(name, set()) & IO_MODULES] == []


def test_only_config_reads_the_environment() -> None:
    """Settings come from one place."""
    readers = {
        name
        for name, inside in modules().items()
        for node in inside
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb")
    }

    assert readers == {"config"}


def test_pure_modules_read_no_clock() -> None:
    """Time arrives as an argument where it decides something."""
    clocks = {
        ("time", "monotonic"),
        ("time", "time"),
        ("time", "perf_counter"),
        ("datetime", "now"),
        ("datetime", "utcnow"),
    }
    found = {
        name: f"{node.func.value.id}.{node.func.attr}"
        for name, inside in modules().items()
        if not may_do_io(name)
        and name not in SEAMS
        and not name.startswith("commands/")  # the edge: it hands time down
        for node in inside
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in clocks
    }

    assert found == {}


def swallows(node: ast.AST) -> bool:
    """An `except` that takes whatever comes and does not hand it on."""
    if not isinstance(node, ast.ExceptHandler) or isinstance(node.body[-1], ast.Raise):
        return False
    return node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))


def test_widest_except_is_rare() -> None:
    """Whatever comes is caught only where a bug must not take a call, a process's duty or a board down: told there."""
    found = {name for name, inside in modules().items() if any(swallows(node) for node in inside)}

    assert found == {"periodic", "voice/tools", "boards/board"}

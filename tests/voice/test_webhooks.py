"""Webhooks against real HTTP servers: only the addresses allowed are called, and secrets stay secret."""

import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import SecretStr

from opendeep_kit.errors import BadInput
from opendeep_kit.voice.tools import Tool, Toolbox, ToolContext
from opendeep_kit.voice.webhooks import Endpoint, WebhookLimits, webhook_tool

MOMENT = ToolContext(call_id="c", at_ms=0.0)
KEY = SecretStr("Bearer hunter2/hunter2")
NOT_ALLOWED = (
    "It did not work: GET is not allowed for this address: use one of the addresses in the tool's description."
)


class Service(ThreadingHTTPServer):
    """A tenant's service, or somebody else's."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, str | None, Any]] = []
        """Method, path, Authorization, body."""
        self.redirect_to = ""
        self.release = threading.Event()

    @property
    def root(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    server: Service

    def do_GET(self) -> None:
        self._answer("GET", None)

    def do_POST(self) -> None:
        self._answer("POST", json.loads(self.rfile.read(int(self.headers["content-length"]))))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def _answer(self, method: str, body: Any) -> None:
        self.server.seen.append((method, self.path, self.headers.get("authorization"), body))
        place = self.path.rsplit("/", 1)[-1].split("?")[0]
        status, headers, content = 200, {}, b'{"slot": "ten"}'
        match place:
            case "moved":
                status, headers = 302, {"Location": self.server.redirect_to}
            case "kept":
                status, headers = 307, {"Location": self.server.redirect_to}
            case "round":
                status, headers = 302, {"Location": "/api/round"}
            case "echo":
                content = json.dumps(dict(self.headers.items())).encode().replace(b"/", b"\\/")
                content += str(self.headers["authorization"]).encode()
            case "long":
                content = b"x" * 5000
            case "huge":
                content = b"x" * 100_000
            case "packed":
                headers, content = {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 1_000_000)
            case "broken":
                status, content = 503, b"stack trace with names"
            case "binary":
                content = b"\xff\xfe\xfd"
            case "nothing":
                status, content = 204, b""
            case "slow":
                self.server.release.wait(20)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@pytest.fixture
def services() -> Iterator[list[Service]]:
    """Two servers: the tenant's and a stranger's."""
    both = [Service(), Service()]
    threads = [threading.Thread(target=one.serve_forever, args=(0.02,)) for one in both]
    for thread in threads:
        thread.start()
    yield both
    for one, thread in zip(both, threads, strict=True):
        one.release.set()
        one.shutdown()
        thread.join()
        one.server_close()


@pytest.fixture
def service(services: list[Service]) -> Service:
    """The tenant's own service."""
    return services[0]


@pytest.fixture
def tool(service: Service) -> Tool:
    """May GET and POST below /api with a key, and GET below /open without."""
    api = Endpoint(prefix=f"{service.root}/api", methods=frozenset(["GET", "POST"]), headers={"Authorization": KEY})
    limits = WebhookLimits(timeout_s=4.0, max_bytes=20_000)
    return webhook_tool([api, Endpoint(prefix=f"{service.root}/open/")], limits=limits)


async def asked(tool: Tool, url: str, method: str = "GET", body: Any = None) -> str:
    """What the model reads."""
    arguments = json.dumps({"url": url, "method": method, "body": body})
    result, _ = await Toolbox([tool]).run(tool.name, arguments, MOMENT, timeout_s=5)
    return result.output


async def test_get_brings_the_answer(tool: Tool, service: Service) -> None:
    """An allowed address is asked with its configured header and its query."""
    assert await asked(tool, f"{service.root}/api/slots?day=2026-11-24&name=Ann%20Lee") == '{"slot": "ten"}'
    assert service.seen == [("GET", "/api/slots?day=2026-11-24&name=Ann%20Lee", "Bearer hunter2/hunter2", None)]


async def test_post_sends_json(tool: Tool, service: Service) -> None:
    """The body arrives as JSON."""
    assert await asked(tool, f"{service.root}/api/book", "POST", {"slot": "ten", "people": 2}) == '{"slot": "ten"}'
    assert service.seen == [("POST", "/api/book", "Bearer hunter2/hunter2", {"slot": "ten", "people": 2})]


async def test_methods_are_allowed_one_by_one(tool: Tool, service: Service) -> None:
    """An address that may be read may not therefore be written to."""
    assert "POST is not allowed for this address" in await asked(tool, f"{service.root}/open/x", "POST", {})
    assert service.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "{stranger}/api/x",
        "{root}/apix",
        "{root}/",
        "{root}/open",
        "{root}/api/../admin",
        "{root}/api/%2e%2e/admin",
        "{root}/api/%252e%252e/admin",
        "{root}/api/..%2fadmin",
        "{root}/api/..;/admin",
        "{root}/api/..\\admin",
        "{root}/api/x%2F..%2F..%2Fadmin",
        "{root}/api/%00",
        "http://me:hunter2@{host}/api/x",
        "http://{host}@{other}/api/x",
        "http://{other}\\@{host}/api/x",
        "http://{host}#@{other}/api/x",
        "https://{host}/api/x",
        "http://localhost:{port}/api/x",
        "http://127.1:{port}/api/x",
        " {root}/api/x",
        "{root}/api/x y",
        "{root}\n/api/x",
        "file:///etc/passwd",
        "//{host}/api/x",
        "/api/x",
        "http://[/api",
        "",
    ],
)
async def test_other_addresses_are_refused(tool: Tool, services: list[Service], url: str) -> None:
    """Another host, port, scheme or path, and every trick to look like an allowed one, reaches no server."""
    own, stranger = services
    hosts = {"host": own.root[7:], "other": stranger.root[7:], "port": own.server_port}

    told = await asked(tool, url.format(root=own.root, stranger=stranger.root, **hosts))

    assert told.startswith("It did not work: ")
    assert told.endswith("use one of the addresses in the tool's description.")
    assert own.seen == stranger.seen == []


async def test_redirect_off_the_list_is_refused(tool: Tool, services: list[Service]) -> None:
    """A redirect to a stranger is not followed, and no key goes there."""
    own, stranger = services
    for own.redirect_to in (f"{stranger.root}/api/x", "/admin", "/api/../admin", "//127.1/api"):
        assert (await asked(tool, f"{own.root}/api/moved")).startswith("It did not work: ")

    assert stranger.seen == []
    assert {path for _, path, _, _ in own.seen} == {"/api/moved"}


async def test_redirect_within_the_list_takes_its_own_headers(tool: Tool, service: Service) -> None:
    """A redirect to another allowed address is followed with that address's headers only."""
    service.redirect_to = "/open/slots"

    assert await asked(tool, f"{service.root}/api/moved") == '{"slot": "ten"}'
    assert [(path, key) for _, path, key, _ in service.seen] == [
        ("/api/moved", "Bearer hunter2/hunter2"),
        ("/open/slots", None),
    ]


async def test_post_is_repeated_only_where_the_redirect_says_so(tool: Tool, service: Service) -> None:
    """307 keeps method and body, 302 turns into GET."""
    service.redirect_to = "/api/slots"
    for place in ("kept", "moved"):
        assert await asked(tool, f"{service.root}/api/{place}", "POST", {"a": 1}) == '{"slot": "ten"}'

    assert [(method, body) for method, path, _, body in service.seen if path == "/api/slots"] == [
        ("POST", {"a": 1}),
        ("GET", None),
    ]


async def test_redirects_come_to_an_end(tool: Tool, service: Service) -> None:
    """A ring of redirects is left after three."""
    assert "redirects without end" in await asked(tool, f"{service.root}/api/round")
    assert len(service.seen) == 4


async def test_secrets_do_not_come_back(tool: Tool, service: Service) -> None:
    """A service that repeats our headers does not tell the model our key."""
    told = await asked(tool, f"{service.root}/api/echo")

    assert '"Host"' in told
    assert "***" in told
    assert "hunter2" not in told
    assert "hunter2" not in f"{tool!r}{tool.schema()}{Endpoint(prefix=service.root, headers={'X-Key': KEY})!r}"


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("huge", "the service's answer is too long: ask for less."),
        ("packed", "the service answers in a packed form: go on without it."),
        ("broken", "the service answered with status 503: go on without it."),
        ("binary", "the service's answer is not text: go on without it."),
    ],
)
async def test_failures_are_sentences(tool: Tool, service: Service, place: str, told: str) -> None:
    """What goes wrong at the service is told to the model in a sentence, without what the service said."""
    assert await asked(tool, f"{service.root}/api/{place}") == f"It did not work: {told}"


async def test_slow_service_is_a_sentence(service: Service) -> None:
    """A service that takes too long is left alone."""
    tool = webhook_tool([Endpoint(prefix=service.root)], limits=WebhookLimits(timeout_s=0.2))

    told = await asked(tool, f"{service.root}/slow")

    assert told == "It did not work: the service did not answer in time: go on without it."


async def test_long_answers_are_cut(tool: Tool, service: Service) -> None:
    """The model reads the beginning of a long answer."""
    told = await asked(tool, f"{service.root}/api/long")

    assert told == "x" * 2000 + " … (cut)"


async def test_empty_answer_is_said(tool: Tool, service: Service) -> None:
    """An answer without content is success."""
    assert await asked(tool, f"{service.root}/api/nothing") == "The service has nothing to say; it worked."


async def test_nobody_there_is_a_sentence(services: list[Service]) -> None:
    """A service that is down is told without its address."""
    tool = webhook_tool([Endpoint(prefix="http://127.0.0.1:1/api")])

    told = await asked(tool, "http://127.0.0.1:1/api/x?name=Ann")

    assert told == "It did not work: the service cannot be reached: go on without it."


@pytest.mark.parametrize(
    "prefix", ["example.com/api", "ftp://example.com/", "https://me:pw@example.com/", "https://example.com/a?b=c"]
)
def test_wrong_prefixes_are_told_when_the_tool_is_made(prefix: str) -> None:
    """An address that could not be compared is refused before the first call."""
    with pytest.raises(BadInput, match=r"webhook's address|an address is"):
        Endpoint(prefix=prefix)


def test_a_tool_without_addresses_is_refused() -> None:
    """A tool that may call nothing is a mistake."""
    with pytest.raises(BadInput, match="has no address"):
        webhook_tool([])

"""A tool that asks a tenant's own services over HTTP, and nobody else's.

Given the addresses that may be called, checks every address against them, whether the model or a redirect names it,
sends JSON and hands a short answer to the model. Secrets leave in configured headers only, for the address they belong
to, and are removed from whatever comes back.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote, unquote

import httpx
from pydantic import SecretStr

from opendeep_kit.errors import BadInput, PeerMisbehaved, Refused, Unavailable
from opendeep_kit.voice.tools import Tool, tool

Method = Literal["GET", "POST"]
MAX_REDIRECTS = 3
MAX_URL_CHARS = 2000
MAX_TOLD_CHARS = 2000
"""More of an answer than this would only slow the model down."""
_ODD = re.compile(r"[\s\\\x00-\x1f\x7f]")
"""Characters on which parsers of addresses disagree."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Addresses that may be called: this one, and those below its path."""

    prefix: str
    """Scheme, host, port if it is not the usual one, path: `https://api.example.com/appointments`."""
    methods: frozenset[Method] = frozenset(["GET"])
    headers: Mapping[str, SecretStr] = field(default_factory=dict)
    """Sent with every request to these addresses."""

    def __post_init__(self) -> None:
        url = _parse(self.prefix)
        if url.query:
            raise BadInput("a webhook's address has a query", do="give scheme, host and path only")

    def covers(self, url: httpx.URL) -> bool:
        """Whether this address is one of them."""
        prefix = httpx.URL(self.prefix)
        if (url.scheme, url.host, _port(url)) != (prefix.scheme, prefix.host, _port(prefix)):
            return False
        path, root = url.path, prefix.path.rstrip("/")
        return path.startswith(f"{root}/") or (path == root and not prefix.path.endswith("/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookLimits:
    """How long and how large."""

    timeout_s: float = 5.0
    """For the whole exchange, redirects included; below the call's own `tool_timeout_s`."""
    max_bytes: int = 64_000
    """A longer answer is given up."""


def webhook_tool(
    endpoints: Sequence[Endpoint],
    *,
    name: str = "call_service",
    about: str = "Ask one of the organisation's services.",
    limits: WebhookLimits | None = None,
) -> Tool:
    """A tool that calls the tenant's services.

    Args:
        endpoints: all that may be called.
        name: of the tool, when a call has several.
        about: what the services know and when to use them, for the model.

    Raises:
        BadInput: no address, or an invalid one.
    """
    if not endpoints:
        raise BadInput("a webhook tool has no address", do="give the addresses that may be called")
    client = Webhooks(endpoints, limits or WebhookLimits())

    async def call_service(url: str, method: Method = "GET", body: dict[str, Any] | None = None) -> str:
        """Call a service.

        Args:
            url: the complete address, with its query if it has one.
            method: GET to ask, POST to send the body.
            body: the JSON object to send with POST.
        """
        return await client.call(url, method, body)

    addresses = "; ".join(f"{' or '.join(sorted(endpoint.methods))} {endpoint.prefix}" for endpoint in endpoints)
    return replace(tool(call_service), name=name, description=f"{about} Addresses: {addresses}.")


class Webhooks:
    """Calls to the addresses given, and no others."""

    def __init__(self, endpoints: Sequence[Endpoint], limits: WebhookLimits) -> None:
        self._endpoints = tuple(endpoints)
        self._limits = limits
        values = [secret.get_secret_value() for endpoint in endpoints for secret in endpoint.headers.values()]
        # "Bearer …" may come back without its first word.
        self._secrets = [_in_any_spelling(value.partition(" ")[2] or value) for value in values if value]
        # Made here: reading the certificates takes tens of milliseconds, too long within a call.
        self._tls = httpx.create_ssl_context(trust_env=False)

    async def call(self, url: str, method: Method, body: Mapping[str, Any] | None) -> str:
        """What the service answers, shortened, without secrets.

        Raises:
            Refused: the address, or one it redirects to, is not among those that may be called.
            Unavailable: no answer in time, or an error.
            PeerMisbehaved: the answer is too long or not text.
        """
        try:
            async with (
                asyncio.timeout(self._limits.timeout_s),
                # No proxies, no .netrc: only `config` reads the environment.
                httpx.AsyncClient(verify=self._tls, trust_env=False, timeout=self._limits.timeout_s) as client,
            ):
                return self._without_secrets(await self._follow(client, url, method, body))
        except (TimeoutError, httpx.TimeoutException):
            raise Unavailable("the service did not answer in time", do="go on without it") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            # The library's text may name the address with its query.
            raise Unavailable("the service cannot be reached", do="go on without it") from None

    async def _follow(self, client: httpx.AsyncClient, url: str, method: str, body: Mapping[str, Any] | None) -> str:
        for _ in range(MAX_REDIRECTS + 1):
            request = self._request(client, url, method, body)
            response = await client.send(request, stream=True, follow_redirects=False)
            try:
                if response.next_request is None:
                    return await self._answer(response)
                # httpx says how (303 turns POST into GET); whether, and with which headers, is decided anew.
                url, method = str(response.next_request.url), response.next_request.method
                body = body if method == "POST" else None
            finally:
                await response.aclose()
        raise PeerMisbehaved("the service redirects without end", do="go on without it")

    def _request(
        self, client: httpx.AsyncClient, url: str, method: str, body: Mapping[str, Any] | None
    ) -> httpx.Request:
        try:
            address = _parse(url)
        except BadInput as error:
            raise Refused(error.what, do="use one of the addresses in the tool's description") from None
        for endpoint in self._endpoints:
            if method in endpoint.methods and endpoint.covers(address):
                headers = {name: secret.get_secret_value() for name, secret in endpoint.headers.items()}
                # Unpacked answers could be a thousand times what was sent.
                headers |= {"Accept": "application/json, text/*", "Accept-Encoding": "identity"}
                content = dict(body or {}) if method == "POST" else None
                return client.build_request(method, address, headers=headers, json=content)
        raise Refused(
            f"{method} is not allowed for this address", do="use one of the addresses in the tool's description"
        )

    async def _answer(self, response: httpx.Response) -> str:
        if response.headers.get("content-encoding", "identity") != "identity":
            raise PeerMisbehaved("the service answers in a packed form", do="go on without it")
        content = bytearray()
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > self._limits.max_bytes:
                raise PeerMisbehaved("the service's answer is too long", do="ask for less")
        if not response.is_success:
            raise Unavailable(f"the service answered with status {response.status_code}", do="go on without it")
        try:
            text = content.decode(response.charset_encoding or "utf-8")
        except (UnicodeDecodeError, LookupError):
            raise PeerMisbehaved("the service's answer is not text", do="go on without it") from None
        return text.strip() or "The service has nothing to say; it worked."

    def _without_secrets(self, text: str) -> str:
        for secret in self._secrets:
            text = secret.sub("***", text)
        return text if len(text) <= MAX_TOLD_CHARS else f"{text[:MAX_TOLD_CHARS]} … (cut)"


def _in_any_spelling(secret: str) -> re.Pattern[str]:
    """Finds a secret as it is, and as JSON or an address would spell it."""
    letters = []
    for letter in secret:
        spelt = {letter, f"\\{letter}", f"\\u{ord(letter):04x}", quote(letter, safe="")}
        letters.append("|".join(re.escape(way) for way in sorted(spelt, key=len, reverse=True)))
    return re.compile("".join(f"(?:{ways})" for ways in letters), re.IGNORECASE)


def _parse(written: str) -> httpx.URL:
    """The address, if all parsers would read it alike.

    Raises:
        BadInput: it is not an address, or contains something that could lead elsewhere.
    """
    do = "write it as https://host/path"
    if len(written) > MAX_URL_CHARS or _ODD.search(written):
        raise BadInput("this is not a plain address", do=do)
    try:
        url = httpx.URL(written)
    except (httpx.InvalidURL, ValueError):
        raise BadInput("this is not an address", do=do) from None
    if url.scheme not in _DEFAULT_PORTS or not url.host or url.userinfo or "@" in written.split("?")[0] or url.fragment:
        raise BadInput("an address is http or https with a host, without user or fragment", do=do)
    path = re.sub(r"^[a-z]+://[^/?]*", "", written.split("?")[0], flags=re.IGNORECASE)
    for _ in range(3):  # "%252e" is ".." to whoever unpacks twice
        if any(part in (".", "..") for part in re.split(r"[/;]", path)) or _ODD.search(path.replace(" ", "")):
            raise BadInput("an address must not contain ..", do="write the path out")
        path, packed = unquote(path), path
        if path.count("/") != packed.count("/"):
            raise BadInput("an address must not hide slashes", do="write the path out")
    return url


def _port(url: httpx.URL) -> int:
    return url.port or _DEFAULT_PORTS[url.scheme]

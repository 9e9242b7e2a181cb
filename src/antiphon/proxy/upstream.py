"""Who is upstream: where a request goes, and by whose rules it is judged.

Knows URLs and names of dialects. Does not open connections.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from antiphon.errors import SettingsError
from antiphon.protocol.context import Dialect
from antiphon.protocol.dialects import ALL_DIALECTS

DEFAULT_URL = "https://api.anthropic.com"


class Endpoint(Enum):
    """What a path asks for, where its requests are judged."""

    MESSAGES = "messages"
    COUNT_TOKENS = "messages/count_tokens"
    CHAT = "chat/completions"
    RESPONSES = "responses"


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of upstream.

    Attributes:
        name: `anthropic`, `bedrock`, ...
        dialect: the dialect of its Messages API; None where it has none that is known.
        careful: keep to the strictest reading of the evidence from the first request on. Elsewhere only what is known
            to be refused is repaired, until the upstream says otherwise.
        threads: whether it holds threads for clients; None where that is not known.
        caches: whether it takes cache breakpoints.
    """

    name: str
    dialect: str | None
    careful: bool = True
    threads: bool | None = None
    caches: bool = False

    def dialect_of(self, endpoint: Endpoint) -> Dialect | None:
        """Return the dialect requests for an endpoint are judged in, None where nothing is known."""
        name = {Endpoint.CHAT: "openai-chat", Endpoint.RESPONSES: "openai-responses"}.get(endpoint, self.dialect)
        return ALL_DIALECTS.get(name) if name else None


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("anthropic", "anthropic", careful=False, caches=True),
        Profile("vertex", "vertex", careful=False, caches=True),
        Profile("bedrock", "bedrock", threads=False, caches=True),
        Profile("compatible", "compatible", threads=False),
        Profile("template", "template", threads=False),
        Profile("openai", "compatible", careful=False, threads=False),
    )
}

# Whole domains, with all names below them.
_DOMAINS = {
    "anthropic.com": "anthropic",
    "openai.com": "openai",
    "amazonaws.com": "bedrock",
    "api.aws": "bedrock",
    "googleapis.com": "vertex",
    "deepseek.com": "compatible",
    "moonshot.ai": "compatible",
    "moonshot.cn": "compatible",
    "kimi.com": "compatible",
    "minimax.io": "compatible",
    "minimaxi.com": "compatible",
    "minimax.chat": "compatible",
    "z.ai": "compatible",
    "bigmodel.cn": "compatible",
}


def profile_for(host: str) -> Profile:
    """Return the profile of an upstream by its host: the strictest of its kind where it is not known."""
    name = host.lower().rstrip(".")
    for domain, profile in _DOMAINS.items():
        if name == domain or name.endswith(f".{domain}"):
            return PROFILES[profile]
    return PROFILES["template" if _is_near(name) else "compatible"]


def _is_near(host: str) -> bool:
    """Say whether a host is this machine or in its network, where model servers run templates."""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or "." not in host.strip("[]"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_private
    except ValueError:
        return False


class Target(NamedTuple):
    """Where one request goes."""

    upstream: "Upstream"
    url: str
    endpoint: Endpoint | None


@dataclass(frozen=True, slots=True)
class Upstream:
    """One upstream.

    Attributes:
        url: its base URL, without a slash at its end.
        profile: what kind it is.
        prefix: the path under which clients reach it, such as `/deepseek`; empty for the one that gets all else.
        proxy: the URL of the HTTP proxy on the way to it, or None.
    """

    url: str
    profile: Profile
    prefix: str = ""
    proxy: str | None = None

    def target(self, raw_path: str) -> Target:
        """Return where a request goes whose path, as it stands in the request line, belongs to this upstream."""
        path, mark, query = raw_path[len(self.prefix) :].partition("?")
        path = path if path.startswith("/") or not path else f"/{path}"
        bare = path.removeprefix("/v1") if path.startswith("/v1/") else path
        endpoint = _endpoint(bare)
        if self.url.endswith("/v1"):
            path = bare
        elif endpoint is not None and path == bare and not path.endswith(_RAW_PREDICT):
            # Clients that want a base URL with `/v1` were given the one without.
            path = f"/v1{path}"
        return Target(self, f"{self.url}{path or '/'}{mark}{query}", endpoint)


_ENDPOINTS = {f"/{endpoint.value}": endpoint for endpoint in Endpoint}
# Vertex has the model in the path, and the body of the Messages API behind it.
_RAW_PREDICT = (":rawPredict", ":streamRawPredict")


def _endpoint(path: str) -> Endpoint | None:
    if path.endswith(_RAW_PREDICT):
        return Endpoint.MESSAGES
    return _ENDPOINTS.get(path.rstrip("/"))


def route(upstreams: Sequence[Upstream], raw_path: str) -> Target | None:
    """Return where a request goes: to the upstream with the longest prefix that fits; None if none does."""
    path = raw_path.partition("?")[0]
    fitting = (
        upstream
        for upstream in upstreams
        if not upstream.prefix or path == upstream.prefix or path.startswith(f"{upstream.prefix}/")
    )
    found = max(fitting, key=lambda upstream: len(upstream.prefix), default=None)
    return None if found is None else found.target(raw_path)


def parse_upstreams(texts: Iterable[str], profile: str | None = None) -> tuple[Upstream, ...]:
    """Read upstreams as they are written: `URL`, or `/PREFIX=URL`, either with ` as PROFILE` behind it.

    Args:
        texts: one for each upstream; none at all means the first-party API.
        profile: for all that do not name one; found out from the host where it is None.

    Raises:
        SettingsError: a URL, prefix or profile cannot be used, or two upstreams share a prefix.
    """
    upstreams = tuple(_parse(text, profile) for text in texts) or (_parse(DEFAULT_URL, profile),)
    prefixes = [upstream.prefix for upstream in upstreams]
    for prefix in prefixes:
        if prefixes.count(prefix) > 1:
            raise SettingsError(f"--upstream: two upstreams share the path {prefix or '/'!r}.")
    return upstreams


def _parse(text: str, profile: str | None) -> Upstream:
    where, _, named = text.partition(" as ")
    prefix, mark, url = where.strip().partition("=")
    if not mark or not prefix.startswith("/"):
        prefix, url = "", where.strip()
    prefix = prefix.rstrip("/")
    if prefix.startswith("/antiphon"):
        raise SettingsError(f"--upstream {text}: /antiphon holds the proxy's own pages.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not host or parts.query or parts.fragment or parts.username:
        raise SettingsError(f"--upstream {text}: wanted is http://HOST or https://HOST, with a path or without.")
    named = named.strip() or profile or profile_for(host).name
    if named not in PROFILES:
        raise SettingsError(f"there is no profile {named!r}; known are {', '.join(PROFILES)}.")
    found = Upstream(url.rstrip("/"), PROFILES[named], prefix)
    return replace(found, proxy=_http_proxy(parts.scheme, host, port))


def _http_proxy(scheme: str, host: str, port: int | None) -> str | None:
    """Return the HTTP proxy that the environment names for a host: HTTPS_PROXY, HTTP_PROXY, NO_PROXY."""
    found = getproxies().get(scheme)
    if not found or proxy_bypass(host if port is None else f"{host}:{port}"):
        return None
    return found if "://" in found else f"http://{found}"

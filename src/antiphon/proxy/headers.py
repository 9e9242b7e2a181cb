"""Headers that go on, and those that end here.

Order, case and doublets stay. What concerns one connection only (RFC 9110, 7.6.1) is not passed on.
"""

from collections.abc import Iterable, Mapping

from antiphon.protocol.context import Context, Memory
from antiphon.proxy.security import TOKEN_HEADER

Headers = list[tuple[str, str]]

SERVER = "antiphon"
"""What stands in `Server` where an upstream names none: HTTP libraries would say their version there."""

_OF_ONE_CONNECTION = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# The host is the upstream's own; `100-continue` was answered already; the token is ours.
_OF_REQUESTS = _OF_ONE_CONNECTION | {"host", "expect", TOKEN_HEADER}
_READABLE = frozenset({"gzip", "identity"})


def for_upstream(headers: Mapping[str, str]) -> Headers:
    """Return the headers of a request as they go upstream."""
    return _passed_on(headers, _OF_REQUESTS)


def for_client(headers: Mapping[str, str]) -> Headers:
    """Return the headers of a reply as they go to the client."""
    return _passed_on(headers, _OF_ONE_CONNECTION)


def _passed_on(headers: Mapping[str, str], dropped: frozenset[str]) -> Headers:
    named = headers.get("Connection")
    if named is not None:
        dropped = dropped | {name.strip().lower() for name in named.split(",")}
    # aiohttp takes two spellings of a name for two headers and keeps the last: the first spelling is used for both.
    spelled: dict[str, str] = {}
    return [
        (spelled.setdefault(lower, name), value)
        for name, value in headers.items()
        if (lower := name.lower()) not in dropped
    ]


def with_length(headers: Headers, length: int) -> Headers:
    """Return headers that say how long the body is, at the place where they said so before."""
    changed = [(name, str(length) if name.lower() == "content-length" else value) for name, value in headers]
    if not any(name.lower() == "content-length" for name, _ in headers):
        changed.append(("Content-Length", str(length)))
    return changed


def readable(headers: Headers, *, plain: bool) -> Headers:
    """Return headers that ask for a reply we can read along: of the encodings the client takes those that we know.

    Args:
        headers: as they would go upstream.
        plain: ask for no encoding at all.
    """
    return [
        (name, _narrowed(value, plain=plain) if name.lower() == "accept-encoding" else value) for name, value in headers
    ]


def _narrowed(value: str, *, plain: bool) -> str:
    kept = [part.strip() for part in value.split(",") if part.partition(";")[0].strip().lower() in _READABLE]
    return "identity" if plain or not kept else ", ".join(kept)


def context_of(headers: Mapping[str, str], *, counting: bool, memory: Memory | None) -> Context:
    """Return what rules want to know of a request beside its body."""
    return Context(headers.get("anthropic-version"), _betas(headers), counting, memory)


def _betas(headers: Mapping[str, str]) -> frozenset[str]:
    values: Iterable[str] = (value for name, value in headers.items() if name.lower() == "anthropic-beta")
    return frozenset(beta.strip() for value in values for beta in value.split(",") if beta.strip())

"""Who may talk to the proxy: not web pages, not other machines unless they have the token.

A page in a browser can send requests to loopback. It cannot choose the `Host` header, and it cannot leave out `Origin`
where it would matter; both are looked at before anything else.
"""

import base64
import binascii
import hmac
import ipaddress
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

TOKEN_HEADER = "antiphon-token"  # noqa: S105  (the name of a header, not a secret)
OWN_PAGES = "/antiphon"
_OPEN_PAGES = frozenset({"/antiphon/health", "/antiphon/health/live", "/antiphon/health/ready"})


class Refusal(NamedTuple):
    """Why a request is not served."""

    status: int
    kind: str
    text: str


@lru_cache(maxsize=100)
def is_loopback(host: str) -> bool:
    """Say whether an address or name is this machine and nothing else."""
    name = host.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Gate:
    """Decides by the request line and the headers alone."""

    def __init__(self, hosts: frozenset[str], token: str | None) -> None:
        """Take the names, beside those of loopback, by which clients may call, and the token, if there is one."""
        self._hosts = frozenset(host.lower() for host in hosts)
        self._token = None if token is None else token.encode()

    def refusal(self, method: str, raw_path: str, headers: Mapping[str, str]) -> Refusal | None:
        """Return why a request is refused, or None."""
        if not raw_path.startswith("/") or method == "CONNECT":
            return Refusal(400, "invalid_request_error", "This proxy has its upstreams from its configuration only.")
        host = headers.get("Host", "")
        if not self._known(host):
            return Refusal(
                421,
                "invalid_request_error",
                f"This proxy is not called {_shown(host)}. If it should be, start it with --allow-host.",
            )
        path = raw_path.partition("?")[0]
        own = path == OWN_PAGES or path.startswith(f"{OWN_PAGES}/")
        if not _from_no_other_page(headers, host, own=own):
            return Refusal(403, "permission_error", "Web pages may not talk to this proxy.")
        if self._token is not None and path not in _OPEN_PAGES and not self._shows_token(headers, own=own):
            return Refusal(401, "authentication_error", f"The header {TOKEN_HEADER} is missing or wrong.")
        return None

    def _known(self, host: str) -> bool:
        name = host[: host.index("]") + 1] if host.startswith("[") and "]" in host else host.partition(":")[0]
        return bool(name) and (is_loopback(name) or name.lower() in self._hosts or host.lower() in self._hosts)

    def _shows_token(self, headers: Mapping[str, str], *, own: bool) -> bool:
        shown = headers.get(TOKEN_HEADER)
        if shown is None and own:
            # Browsers ask for a password, and send it as this.
            shown = _password(headers.get("Authorization", ""))
        expected = self._token or b""
        return shown is not None and hmac.compare_digest(shown.encode(errors="surrogateescape"), expected)


def _from_no_other_page(headers: Mapping[str, str], host: str, *, own: bool) -> bool:
    origin = headers.get("Origin")
    if origin is not None:
        return own and origin.lower() == f"http://{host.lower()}"
    # Requests that need no permission carry no Origin, but say where they come from; following a link is fine.
    site, mode = headers.get("Sec-Fetch-Site"), headers.get("Sec-Fetch-Mode")
    return site not in {"cross-site", "same-site"} or (own and mode == "navigate")


def _password(authorization: str) -> str | None:
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None


def _shown(host: str) -> str:
    return repr(host[:100]) if host else "by a request without Host"

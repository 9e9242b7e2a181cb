"""Where requests go and who they say they are from, as arguments and environment have it.

Reads the environment names of the `anthropic` SDK 2.12 with its precedence: whoever has set that up has set this up.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from urllib.parse import urlsplit

from antiphon.errors import SettingsError
from antiphon.providers.keyring_store import host_of

API_VERSION = "2026-10-21"
"""The `anthropic-version` that SDK 2.12 sends. It decides which requests are valid, so it is raised on purpose only."""

DEFAULT_BASE_URL = "https://api.anthropic.com"

_KEY_ENV = "ANTHROPIC_API_KEY"
_TOKEN_ENV = "ANTHROPIC_AUTH_TOKEN"  # noqa: S105  (the name of a variable, not a secret)
_BASE_URL_ENV = "ANTHROPIC_BASE_URL"
_HEADERS_ENV = "ANTHROPIC_CUSTOM_HEADERS"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to send messages, and with which headers.

    Attributes:
        base_url: scheme, host and path, without `/v1` and without a slash at the end.
        headers: lower-case names to values; not shown by `repr`, for they hold the key.
    """

    base_url: str
    headers: Mapping[str, str]

    @property
    def server(self) -> str:
        """Host and port, to be named in messages."""
        return self.base_url.partition("://")[2].partition("/")[0].rpartition("@")[2]

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r})"


def endpoint(
    environment: Mapping[str, str],
    *,
    api_key: str | None = None,
    auth_token: str | None = None,
    base_url: str | None = None,
    headers: Mapping[str, str] | None = None,
    betas: Sequence[str] = (),
    stored: Callable[[str], str | None] = lambda _: None,
) -> Endpoint:
    """Combine arguments, environment and stored keys.

    Arguments win over the environment, an API key over an auth token, and custom headers over everything. A credential
    given as argument keeps all others out. A stored key is used where there is no other one, and only for its host.

    Args:
        environment: the process's environment.
        api_key: the key.
        auth_token: a bearer token instead.
        base_url: where the API is, with or without `/v1`.
        headers: sent with every request.
        betas: values of `anthropic-beta`.
        stored: returns the stored key of a host.

    Raises:
        SettingsError: there is no credential, or two, or one that cannot be sent; the base URL is none, or would have
            the credential sent readable for everybody on the way.
    """
    url = _base_url(base_url or environment.get(_BASE_URL_ENV) or DEFAULT_BASE_URL)
    custom = {**_parse_headers(environment.get(_HEADERS_ENV, "")), **_lower(headers or {})}
    found = {
        "user-agent": _user_agent(),
        "accept": "application/json",
        "content-type": "application/json",
        "anthropic-version": API_VERSION,
        **_authorization(environment, api_key, auth_token),
        **({"anthropic-beta": ",".join(betas)} if betas else {}),
        **custom,
    }
    if api_key is None and auth_token is None and not _has_credential(found):
        key = stored(host_of(url))
        found |= {"authorization": f"Bearer {key}"} if key else {}
    if not _has_credential(found):
        raise SettingsError(
            f"There is no API key. Set {_KEY_ENV} (or {_TOKEN_ENV}) in the environment, or pass api_key or auth_token."
        )
    if not _is_private(url):
        raise SettingsError(
            f"The base URL names http://{host_of(url)}: your key and all you say would go to another machine "
            "unencrypted. Use https://, or a tunnel to this machine."
        )
    for name, value in found.items():
        if not _TOKEN.fullmatch(name):
            raise SettingsError(f"{name!r} cannot be the name of a header.")
        if not (value.isascii() and value.isprintable()):
            # Mostly a key that was pasted with a line break. The value is a secret: it is not shown.
            raise SettingsError(
                f"The header {name} holds a character that cannot be sent; check the key for line breaks."
            )
    return Endpoint(url, found)


def api_host(environment: Mapping[str, str]) -> str:
    """Return the host that an environment has requests sent to, as keys are stored by it.

    Raises:
        SettingsError: its base URL is none.
    """
    return host_of(_base_url(environment.get(_BASE_URL_ENV) or DEFAULT_BASE_URL))


def _has_credential(headers: Mapping[str, str]) -> bool:
    return bool(headers.get("authorization") or headers.get("x-api-key"))


def _is_private(url: str) -> bool:
    """Tell whether nobody on the way can read what is sent: it is encrypted, or does not leave this machine."""
    parts = urlsplit(url)
    name = (parts.hostname or "").rstrip(".")
    if parts.scheme == "https" or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _authorization(environment: Mapping[str, str], api_key: str | None, auth_token: str | None) -> dict[str, str]:
    if api_key is not None and auth_token is not None:
        raise SettingsError("Pass either api_key or auth_token, not both.")
    secret = api_key if api_key is not None else auth_token
    if secret is None:
        secret = environment.get(_KEY_ENV) or environment.get(_TOKEN_ENV)
    # SDK 2.x sends either one as a bearer token; `x-api-key` is still understood, as a custom header.
    return {"authorization": f"Bearer {secret}"} if secret else {}


def _user_agent() -> str:
    # The package is loaded, whoever asks. A plain import of it would count as one of all the names it stands for.
    return f"antiphon/{import_module('antiphon').__version__}"


def _base_url(text: str) -> str:
    url = text.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        names_a_host = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        names_a_host = False
    if not names_a_host:
        raise SettingsError(f"The base URL {text!r} is none: it must begin with https:// or http:// and name a host.")
    if any(sign in url for sign in "?# ") or not url.isprintable():
        raise SettingsError(f"The base URL {text!r} must end with its path, without ?, # or spaces.")
    # Some clients want the version in the base URL and some add it; both are understood.
    return url.removesuffix("/v1").rstrip("/")


def _parse_headers(text: str) -> dict[str, str]:
    lines = (line.partition(":") for line in text.split("\n"))
    return _lower({name.strip(): value.strip() for name, colon, value in lines if colon})


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}

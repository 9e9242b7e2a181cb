"""API keys in the system's keyring, each bound to one host and only ever used for that one.

The keyring comes with the extra `keyring` and is imported on use. It cannot be listed, so the hosts are kept in it too,
under a name of their own.
"""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from antiphon.errors import SettingsError

_SERVICE = "antiphon"
_LIST = ("antiphon hosts", "hosts")
"""Service and user name under which the list of hosts is kept."""
_DEFAULT_PORTS = {"https": 443, "http": 80}


def host_of(url: str) -> str:
    """Return what a key is bound to: the host of an address in lower case, with its port unless that is the usual one.

    Raises:
        SettingsError: it names no host.
    """
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        port = None if parts.port == _DEFAULT_PORTS.get(parts.scheme) else parts.port
        name = (parts.hostname or "").rstrip(".")
    except ValueError:
        name, port = "", None
    if not name or not name.isprintable() or " " in name:
        raise SettingsError(f"{url!r} names no host.")
    name = f"[{name}]" if ":" in name else name
    return name if port is None else f"{name}:{port}"


@cache
def stored_key(host: str) -> str | None:
    """Return the key of a host; None where there is none, no keyring, or nothing that could ask one.

    Asked once in a process: some systems ask the person each time.

    Raises:
        SettingsError: there is a keyring, and it cannot be read.
    """
    try:
        keyring = import_module("keyring")
    except ModuleNotFoundError:
        return None
    with _told("read"), suppress(import_module("keyring.errors").NoKeyringError):
        return keyring.get_password(_SERVICE, host) or None
    return None


def store_key(host: str, key: str) -> None:
    """Keep the key of a host, in the place of another one.

    Raises:
        SettingsError: there is no keyring, or it does not take it; or the key could not be sent.
    """
    if not (key and key.isascii() and key.isprintable() and " " not in key):
        raise SettingsError("That is no key: it must be of ASCII characters, without spaces and line breaks.")
    keyring = _keyring()
    with _told("written"):
        keyring.set_password(_SERVICE, host, key)
        _set_hosts(keyring, {*stored_hosts(), host})
        kept = keyring.get_password(_SERVICE, host)
    stored_key.cache_clear()
    if kept != key:
        raise SettingsError(f"The system's keyring ({keyring.get_keyring().name}) did not keep the key.")


def remove_key(host: str) -> bool:
    """Remove the key of a host, and tell whether there was one.

    Raises:
        SettingsError: there is no keyring, or it does not do that.
    """
    keyring = _keyring()
    with _told("written"):
        there = keyring.get_password(_SERVICE, host) is not None
        if there:
            keyring.delete_password(_SERVICE, host)
        _set_hosts(keyring, {*stored_hosts()} - {host})
    stored_key.cache_clear()
    return there


def stored_hosts() -> list[str]:
    """Return the hosts that there are keys of.

    Raises:
        SettingsError: there is no keyring, or it cannot be read.
    """
    keyring = _keyring()
    with _told("read"):
        text = keyring.get_password(*_LIST) or ""
    return sorted(set(text.split()))


def _set_hosts(keyring: Any, hosts: set[str]) -> None:
    keyring.set_password(*_LIST, "\n".join(sorted(hosts)))


def _keyring() -> Any:
    try:
        return import_module("keyring")
    except ModuleNotFoundError as missing:
        raise SettingsError(
            "Keys are kept in the system's keyring, which needs an extra package: pip install 'antiphon[keyring]'"
        ) from missing


@contextmanager
def _told(done: str) -> Generator[None]:
    """Turn what a keyring raises into a sentence."""
    errors = import_module("keyring.errors")
    try:
        yield
    except errors.NoKeyringError as problem:
        raise SettingsError("This system has no keyring that could hold a key; set ANTHROPIC_API_KEY.") from problem
    except (errors.KeyringError, RuntimeError, OSError) as problem:
        reason = str(problem).rstrip(".") or type(problem).__name__
        raise SettingsError(f"The system's keyring cannot be {done}: {reason}.") from problem

"""Whether there is a key for the model's API, and what to say when there is none."""

from collections.abc import Mapping

from antiphon.errors import SettingsError
from antiphon.providers.credentials import api_host
from antiphon.providers.keyring_store import stored_key

_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS")


def key_source(environment: Mapping[str, str]) -> str:
    """Return the name of the variable the key comes from, `keyring`, or `none`.

    Raises:
        SettingsError: the system's keyring, or the base URL, cannot be used.
    """
    variable = next((name for name in _VARIABLES if environment.get(name)), None)
    return variable or ("keyring" if stored_key(api_host(environment)) else "none")


def require_key(environment: Mapping[str, str]) -> None:
    """Make sure that there is a key.

    Raises:
        SettingsError: there is none; says what to set, and what works without.
    """
    if key_source(environment) == "none":
        raise SettingsError(
            "there is no key for the model's API. Set ANTHROPIC_API_KEY (or ANTHROPIC_AUTH_TOKEN), or keep one in the "
            "system's keyring with `antiphon key set`, and try again; `antiphon demo` shows Antiphon at work without "
            "one."
        )

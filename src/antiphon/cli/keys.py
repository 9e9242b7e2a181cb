"""Whether there is a key for the model's API, and what to say when there is none."""

from collections.abc import Mapping

from antiphon.errors import SettingsError

_VARIABLES = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS")


def key_source(environment: Mapping[str, str]) -> str:
    """Return the name of the variable the key comes from, or `none`."""
    return next((name for name in _VARIABLES if environment.get(name)), "none")


def require_key(environment: Mapping[str, str]) -> None:
    """Make sure that there is a key.

    Raises:
        SettingsError: there is none; says what to set, and what works without.
    """
    if key_source(environment) == "none":
        raise SettingsError(
            "there is no key for the model's API. Set ANTHROPIC_API_KEY (or ANTHROPIC_AUTH_TOKEN) and try again; "
            "`antiphon demo` shows Antiphon at work without one."
        )

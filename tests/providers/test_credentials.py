"""Where requests go and who they are from, by arguments and environment; the yardstick test compares with the SDK."""

import pytest

from antiphon.errors import SettingsError
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.providers.credentials import endpoint


def test_without_any_credential_the_error_names_what_to_set() -> None:
    with pytest.raises(SettingsError, match=r"ANTHROPIC_API_KEY .*ANTHROPIC_AUTH_TOKEN"):
        AnthropicProvider()


@pytest.mark.parametrize("header", ["Authorization: Bearer x", "x-api-key: x"])
def test_a_custom_header_can_be_the_credential(header: str) -> None:
    found = endpoint({"ANTHROPIC_CUSTOM_HEADERS": header})
    name, _, value = header.partition(": ")
    assert found.headers[name.lower()] == value


def test_a_key_and_a_token_together_are_refused() -> None:
    with pytest.raises(SettingsError, match="not both"):
        endpoint({}, api_key="k", auth_token="t")


def test_an_empty_argument_is_not_replaced_by_the_environment() -> None:
    with pytest.raises(SettingsError, match="no API key"):
        endpoint({"ANTHROPIC_API_KEY": "k"}, api_key="")


@pytest.mark.parametrize("key", ["sk-1\n", "sk\u20111", "sk\x00"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsError, match="authorization") as caught:
        endpoint({"ANTHROPIC_API_KEY": key})
    assert "sk" not in str(caught.value)


def test_the_key_does_not_show_in_a_repr() -> None:
    assert repr(endpoint({}, api_key="secret")) == "Endpoint('https://api.anthropic.com')"
    assert "secret" not in repr(AnthropicProvider(api_key="secret").__dict__)


@pytest.mark.parametrize(
    ("given", "used", "server"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com", "api.anthropic.com"),
        (" https://api.anthropic.com/v1/ ", "https://api.anthropic.com", "api.anthropic.com"),
        ("http://localhost:8080/v1", "http://localhost:8080", "localhost:8080"),
        ("https://user:pass@host/a/v1/messages", "https://user:pass@host/a/v1/messages", "host"),
        ("https://host/anthropic/", "https://host/anthropic", "host"),
        ("http://[::1]:7/v1beta", "http://[::1]:7/v1beta", "[::1]:7"),
    ],
)
def test_a_base_url_is_used_without_its_version(given: str, used: str, server: str) -> None:
    found = endpoint({}, api_key="k", base_url=given)
    assert (found.base_url, found.server) == (used, server)


@pytest.mark.parametrize(
    "url",
    [
        "api.anthropic.com",
        "ftp://host",
        "https://",
        "https:///v1",
        "https://host?key=1",
        "//x",
        "http://host:port",
        "http://[::1",
        "http://:80",
        "https://ho st",
    ],
)
def test_what_is_no_base_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="base URL"):
        endpoint({"ANTHROPIC_BASE_URL": url}, api_key="k")


def test_an_empty_base_url_in_the_environment_counts_as_none() -> None:
    assert endpoint({"ANTHROPIC_BASE_URL": ""}, api_key="k").base_url == "https://api.anthropic.com"

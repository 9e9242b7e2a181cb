"""The official SDK is the yardstick: for the same conversation and settings, both send the same request."""

from typing import Any

import pytest
from anthropic import AsyncAnthropic
from loopback import Conversation, Recorded, Server, serving
from provider_replies import REQUEST, STREAM

from antiphon.providers.anthropic import AnthropicProvider

LEFT_OUT = {
    "user-agent": "names the client",
    "content-length": "the order of keys and the spelling of characters may differ; the JSON is compared",
}


def compared(request: Recorded) -> dict[str, Any]:
    """Return what both are to have in common. `x-stainless-*` are the SDK's telemetry."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return {
        "method": request.method,
        "target": request.target,
        "headers": {
            name: value
            for name, value in headers.items()
            if name not in LEFT_OUT and not name.startswith("x-stainless-")
        },
        "body": request.json(),
    }


async def answer(call: Conversation) -> None:
    await call.stream(STREAM)


async def ask_with_the_sdk(server: Server, path: str = "", betas: tuple[str, ...] = (), **settings: Any) -> None:
    async with AsyncAnthropic(base_url=server.url + path, max_retries=0, **settings) as client:
        resource: Any = client.beta.messages if betas else client.messages
        more = {"betas": list(betas)} if betas else {}
        async for _ in await resource.create(**REQUEST.json(), **more, stream=True):
            pass


async def ask_with_ours(server: Server, path: str = "", **settings: Any) -> None:
    provider = AnthropicProvider(base_url=server.url + path, **settings)
    async with provider.stream(REQUEST) as events:
        async for _ in events:
            pass
    await provider.aclose()


KEY: dict[str, Any] = {"api_key": "sk-1"}
CASES: list[Any] = [
    pytest.param(KEY, {}, id="api key"),
    pytest.param({"auth_token": "token"}, {}, id="auth token"),
    pytest.param({}, {"ANTHROPIC_API_KEY": "sk-env"}, id="api key of the environment"),
    pytest.param({}, {"ANTHROPIC_AUTH_TOKEN": "env"}, id="auth token of the environment"),
    pytest.param({}, {"ANTHROPIC_API_KEY": "sk-env", "ANTHROPIC_AUTH_TOKEN": "env"}, id="both of the environment"),
    pytest.param({}, {"ANTHROPIC_API_KEY": "", "ANTHROPIC_AUTH_TOKEN": "env"}, id="an empty api key counts as none"),
    pytest.param({"auth_token": "t"}, {"ANTHROPIC_API_KEY": "sk-env"}, id="arguments keep the environment out"),
    pytest.param(KEY, {"ANTHROPIC_CUSTOM_HEADERS": "X-One: 1\nx-two : a:b \nnonsense\n"}, id="custom headers"),
    pytest.param(KEY, {"ANTHROPIC_CUSTOM_HEADERS": "anthropic-version: 2023-06-01"}, id="a custom header wins"),
    pytest.param(KEY, {"ANTHROPIC_CUSTOM_HEADERS": "Authorization: Bearer other"}, id="custom authorization"),
]


@pytest.mark.parametrize(("settings", "environment"), CASES)
async def test_both_send_the_same_request(
    settings: dict[str, Any], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    async with serving(answer) as server:
        await ask_with_the_sdk(server, **settings)
        await ask_with_ours(server, **settings)
    theirs, ours = map(compared, server.requests)
    assert ours == theirs


async def test_both_send_the_same_betas() -> None:
    betas = ("thinking-binding-controls-2026-08-01", "context-1m-2025-08-07")
    async with serving(answer) as server:
        await ask_with_the_sdk(server, betas=betas, **KEY)
        await ask_with_ours(server, betas=betas, **KEY)
    theirs, ours = map(compared, server.requests)
    assert ours == theirs


async def test_headers_given_as_argument_are_sent_by_both_and_win_over_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-one: environment")
    async with serving(answer) as server:
        await ask_with_the_sdk(server, default_headers={"X-One": "argument"}, **KEY)
        await ask_with_ours(server, headers={"X-One": "argument"}, **KEY)
    theirs, ours = map(compared, server.requests)
    assert ours == theirs
    assert ours["headers"]["x-one"] == "argument"


@pytest.mark.parametrize(
    ("path", "same_as"),
    [("/", ""), ("/gateway/anthropic", "/gateway/anthropic"), ("/v1", ""), ("/v1/", ""), ("/gateway/v1", "/gateway")],
)
async def test_a_base_url_may_end_with_a_slash_or_with_the_version(path: str, same_as: str) -> None:
    async with serving(answer) as server:
        await ask_with_the_sdk(server, same_as, **KEY)
        await ask_with_ours(server, path, **KEY)
    theirs, ours = map(compared, server.requests)
    assert ours == theirs


async def test_the_base_url_of_the_environment_is_used_by_both(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answer) as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url + "/somewhere")
        async with AsyncAnthropic(**KEY) as client:
            async for _ in await client.messages.create(**REQUEST.json(), stream=True):
                pass
        provider = AnthropicProvider(**KEY)
        async with provider.stream(REQUEST) as events:
            async for _ in events:
                pass
        await provider.aclose()
    theirs, ours = map(compared, server.requests)
    assert ours == theirs
    assert ours["target"] == "/somewhere/v1/messages"


async def test_what_is_left_out_of_the_comparison_is_what_we_say_it_is() -> None:
    async with serving(answer) as server:
        await ask_with_the_sdk(server, **KEY)
        await ask_with_ours(server, **KEY)
    theirs, ours = ({name.lower() for name in request.headers} for request in server.requests)
    assert not any(name.startswith("x-stainless-") for name in ours)
    assert {name for name in theirs if not name.startswith("x-stainless-")} == ours
    agent = {name.lower(): value for name, value in server.requests[1].headers.items()}["user-agent"]
    assert agent.startswith("antiphon/")

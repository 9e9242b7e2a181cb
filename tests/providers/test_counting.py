"""Tokens counted by the API: over HTTP by each client, and what happens where nobody counts."""

from typing import Any

import pytest
from anthropic import AsyncAnthropic
from anthropic.lib.bedrock import AsyncAnthropicBedrock
from loopback import Conversation, serving

from antiphon.emulator import Emulator
from antiphon.errors import Overloaded, ProviderError, Rejected, SettingsError, Unreachable
from antiphon.protocol.encoding import Request
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.providers.base import CountsTokens
from antiphon.providers.scripted import ScriptedProvider
from antiphon.providers.sdk import SdkProvider

TOOL = {"name": "look", "description": "Look.", "input_schema": {"type": "object"}}
WHOLE = Request(
    {
        "model": "claude-opus-4-6",
        "max_tokens": 1000,
        "system": "Be brief.",
        "tools": [TOOL],
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
        "thinking": {"type": "adaptive"},
    },
    [{"role": "user", "content": "hello"}],
)
PROMPT_ONLY = {
    "model": "claude-opus-4-6",
    "system": "Be brief.",
    "tools": [TOOL],
    "thinking": {"type": "adaptive"},
    "messages": [{"role": "user", "content": "hello"}],
}


async def test_both_clients_send_what_makes_up_the_prompt_and_nothing_else() -> None:
    async with Emulator([]) as emulator, AsyncAnthropic(api_key="k", base_url=emulator.url) as client:
        ours = AnthropicProvider(api_key="k", base_url=emulator.url)
        found = [await ours.count_tokens(WHOLE), await SdkProvider(client).count_tokens(WHOLE)]
        await ours.aclose()
    assert found[0] == found[1] > 20
    assert emulator.refused == []
    assert [record.body for record in emulator.records] == [PROMPT_ONLY, PROMPT_ONLY]


async def test_what_is_counted_is_what_the_reply_is_then_said_to_have_read() -> None:
    async with Emulator(["hi"]) as emulator:
        provider = AnthropicProvider(api_key="k", base_url=emulator.url)
        counted = await provider.count_tokens(WHOLE)
        async with provider.stream(WHOLE) as events:
            async for _ in events:
                pass
        await provider.aclose()
        usage = (emulator.requests[0].message or {})["usage"]
    assert counted == usage["input_tokens"]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (404, b'{"type":"error","error":{"type":"not_found_error","message":"Not Found"}}', Rejected),
        (405, b"", Rejected),
        (529, b"", Overloaded),
        (200, b"<html>welcome</html>", Rejected),
        (200, b'{"tokens":7}', Rejected),
        (200, b'{"input_tokens":"7"}', Rejected),
        (200, b'{"input_tokens":-1}', Rejected),
        (200, b"[]", Rejected),
    ],
)
async def test_a_server_that_does_not_count_is_told_as_such(status: int, body: bytes, kind: type[Rejected]) -> None:
    async def script(call: Conversation) -> None:
        await call.answer(status, body, content_type="application/json")

    async with serving(script) as server:
        provider = AnthropicProvider(api_key="k", base_url=server.url)
        with pytest.raises(Rejected) as caught:
            await provider.count_tokens(WHOLE)
        await provider.aclose()
    assert type(caught.value) is kind


async def test_failures_of_the_sdk_get_our_names() -> None:
    async def script(call: Conversation) -> None:
        await call.answer(404, b'{"type":"error","error":{"type":"not_found_error","message":"no such place"}}')

    async with serving(script) as server, AsyncAnthropic(api_key="k", base_url=server.url) as client:
        with pytest.raises(Rejected, match="no such place"):
            await SdkProvider(client).count_tokens(WHOLE)
    async with AsyncAnthropic(api_key="k", base_url=server.url) as client:
        with pytest.raises(Unreachable):
            await SdkProvider(client).count_tokens(WHOLE)


async def test_a_cloud_whose_client_cannot_count_is_told_as_such() -> None:
    async with AsyncAnthropicBedrock(aws_access_key="a", aws_secret_key="b", aws_region="us-east-1") as client:
        with pytest.raises(Rejected, match="Bedrock"):
            await SdkProvider(client).count_tokens(WHOLE)


async def test_a_client_without_credentials_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    async with AsyncAnthropic(base_url="http://127.0.0.1:9") as client:
        with pytest.raises(SettingsError, match="credentials"):
            await SdkProvider(client).count_tokens(WHOLE)


async def test_the_scripted_provider_counts_by_characters_or_as_it_is_told() -> None:
    provider = ScriptedProvider([])
    assert isinstance(provider, CountsTokens)
    assert await provider.count_tokens(WHOLE) == len(str(PROMPT_ONLY)) // 4 + 1
    assert provider.counted == [PROMPT_ONLY]
    assert await ScriptedProvider([], tokens=lambda body: len(body["messages"])).count_tokens(WHOLE) == 1
    with pytest.raises(Rejected):
        await provider.count_tokens(Request({"model": "m"}, [{"role": "user", "content": ""}]))

    def nobody(_body: Any) -> int:
        raise Unreachable("nobody is there")

    with pytest.raises(ProviderError, match="nobody"):
        await ScriptedProvider([], tokens=nobody).count_tokens(WHOLE)

"""A client of the official SDK, brought by the caller, against a server on loopback."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anthropic import AsyncAnthropic
from anthropic.lib.bedrock import AsyncAnthropicBedrock
from anthropic.lib.vertex import AsyncAnthropicVertex
from loopback import Conversation, Script, Server, serving
from provider_replies import EVENTS, REQUEST, WIRE

from antiphon.errors import Overloaded, ProviderError, Rejected, SettingsError, StreamBroken, Unreachable
from antiphon.protocol.encoding import Request
from antiphon.protocol.streaming import ReplyEnded, ReplyEvent
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.providers.sdk import SdkProvider


@asynccontextmanager
async def connected(script: Script) -> AsyncGenerator[tuple[SdkProvider, Server], None]:
    async with serving(script) as server, AsyncAnthropic(api_key="k", base_url=server.url, timeout=5) as client:
        with anyio.fail_after(20):
            yield SdkProvider(client), server


async def told(provider: SdkProvider | AnthropicProvider, request: Request = REQUEST) -> list[ReplyEvent]:
    async with provider.stream(request) as events:
        return [event async for event in events]


async def failing(script: Script) -> ProviderError:
    async with connected(script) as (provider, server):
        with pytest.raises(ProviderError) as caught:
            await told(provider)
    assert len(server.requests) == 1, "the SDK's own retries are off"
    return caught.value


async def stream_all(call: Conversation) -> None:
    await call.stream(*WIRE)


async def stream_decoded(call: Conversation) -> None:
    """As Bedrock does: not server-sent events by their type, so that the SDK decodes them."""
    await call.head(200, content_type="application/vnd.amazon.eventstream", transfer_encoding="chunked")
    for event, piece in zip(EVENT_NAMES, WIRE, strict=True):
        await call.chunk(piece.replace(b"event: x", f"event: {event}".encode()))
    await call.end_stream()


EVENT_NAMES = [
    "message_start",
    *["content_block_start", "content_block_delta", "content_block_stop"] * 2,
    "message_delta",
    "message_stop",
]


@pytest.mark.parametrize("script", [stream_all, stream_decoded])
async def test_events_are_told_verbatim_and_the_connection_is_used_again(script: Script) -> None:
    async with connected(script) as (provider, server):
        for _ in range(2):
            assert await told(provider) == EVENTS
    assert [request.connection for request in server.requests] == [1, 1]


async def test_the_same_request_is_sent_as_by_our_own_client() -> None:
    odd = Request(
        {**REQUEST.params, "thread": {"type": "create"}, "new_parameter": 1, "stream": False}, REQUEST.messages
    )
    async with connected(stream_all) as (provider, server):
        await told(provider, odd)
        ours = AnthropicProvider(api_key="k", base_url=server.url)
        await told(ours, odd)
        await ours.aclose()
    assert server.requests[0].json() == server.requests[1].json()
    assert server.requests[0].json()["stream"] is True


async def test_leaving_a_reply_early_reaches_the_server() -> None:
    async def script(call: Conversation) -> None:
        await call.begin_stream()
        await call.chunk(WIRE[0])

    async with connected(script) as (provider, server):
        async with provider.stream(REQUEST) as events:
            async for _ in events:
                break
        await server.hung_up.wait()


async def test_a_reply_that_came_whole_is_told() -> None:
    async def script(call: Conversation) -> None:
        body = b'{"role":"assistant","content":[],"stop_reason":"end_turn","usage":{}}'
        await call.answer(200, body, content_type="application/json")

    async with connected(script) as (provider, _):
        assert isinstance((await told(provider))[-1], ReplyEnded)


async def test_the_client_stays_open_when_the_provider_is_closed() -> None:
    async with connected(stream_all) as (provider, _):
        await provider.aclose()
        assert await told(provider) == EVENTS


async def test_refusals_become_our_errors() -> None:
    async def refused(call: Conversation) -> None:
        error = b'{"type":"error","error":{"type":"invalid_request_error","message":"messages: bad"}}'
        await call.answer(400, error, request_id="req_1")

    async def overloaded(call: Conversation) -> None:
        await call.answer(529, b'{"error":{"type":"overloaded_error","message":"Overloaded"}}', Retry_After="2")

    error = await failing(refused)
    assert isinstance(error, Rejected)
    assert (str(error), error.request_id, error.retryable) == ("messages: bad", "req_1", False)
    error = await failing(overloaded)
    assert isinstance(error, Overloaded)
    assert (error.retry_after, error.retryable) == (2.0, True)


async def test_connection_failures_become_our_errors() -> None:
    async def hangs_up(call: Conversation) -> None:
        await call.socket.aclose()

    assert isinstance(await failing(hangs_up), Unreachable)
    async with AsyncAnthropic(api_key="k", base_url="http://127.0.0.1:1") as client:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1 cannot be reached"):
            await told(SdkProvider(client))


async def test_a_server_that_does_not_answer_is_given_up() -> None:
    async def silent(call: Conversation) -> None:
        pass

    async with serving(silent) as server, AsyncAnthropic(api_key="k", base_url=server.url, timeout=0.1) as client:
        with pytest.raises(Unreachable, match="did not answer"):
            await told(SdkProvider(client))


ERROR = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'


@pytest.mark.parametrize("kind", ["text/event-stream", "application/vnd.amazon.eventstream"])
@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        ([WIRE[0], ERROR], "Overloaded"),
        ([WIRE[0]], "without message_stop"),
        ([WIRE[0], b"event: error\ndata: gone\n\n"], "gone"),
        ([WIRE[0], b"event: message_stop\ndata: {\n\n"], ""),
    ],
)
async def test_a_broken_stream_becomes_our_error(kind: str, pieces: list[bytes], text: str) -> None:
    async def script(call: Conversation) -> None:
        await call.head(200, content_type=kind, transfer_encoding="chunked", request_id="req_3")
        for piece in pieces:
            await call.chunk(piece.replace(b"event: x", b"event: message_start"))
        await call.end_stream()

    error = await failing(script)
    assert isinstance(error, StreamBroken)
    assert error.retryable
    assert text in str(error)


@pytest.mark.parametrize("kind", ["text/event-stream", "application/vnd.amazon.eventstream"])
async def test_a_connection_that_breaks_inside_the_stream_becomes_our_error(kind: str) -> None:
    async def script(call: Conversation) -> None:
        await call.head(200, content_type=kind, transfer_encoding="chunked")
        await call.chunk(WIRE[0])
        await call.socket.aclose()

    assert isinstance(await failing(script), StreamBroken)


async def test_a_client_without_credentials_is_a_setting_to_change(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AsyncAnthropic(base_url="http://127.0.0.1:1") as client:
        with pytest.raises(SettingsError, match="credentials"):
            await told(SdkProvider(client))


CLOUDS: list[Any] = [
    pytest.param(lambda: AsyncAnthropicBedrock(api_key="k", aws_region="eu-west-1"), "bedrock", id="bedrock"),
    pytest.param(lambda: AsyncAnthropicVertex(region="eu", project_id="p", access_token="t"), "anthropic", id="vertex"),
]


@pytest.mark.parametrize(("make", "dialect"), CLOUDS)
async def test_the_dialect_is_that_of_the_clients_cloud(make: Any, dialect: str) -> None:
    async with make() as client:
        assert SdkProvider(client).dialect.name == dialect


async def test_a_vertex_client_asks_at_the_models_address() -> None:
    async with serving(stream_all) as server:
        client = AsyncAnthropicVertex(region="eu", project_id="p", access_token="t", base_url=server.url)
        async with client:
            assert await told(SdkProvider(client)) == EVENTS
    assert server.requests[0].target == (
        "/projects/p/locations/eu/publishers/anthropic/models/claude-opus-4-8:streamRawPredict"
    )
    assert "model" not in server.requests[0].json()

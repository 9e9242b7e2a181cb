"""Connections: proxies, trust, long bodies, and what comes between requests."""

import ssl
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import anyio
import pytest
from anyio.lowlevel import checkpoint
from loopback import Conversation, serving
from provider_replies import EVENTS, REQUEST, STREAM

from antiphon.errors import SettingsError, Unreachable
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.providers.transport import MOST_IDLE, HttpTransport

PEM = Path(__file__).with_name("untrusted.pem")


def server_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(PEM)
    return context


async def answer(call: Conversation) -> None:
    await call.stream(STREAM)


async def ask(base_url: str) -> None:
    provider = AnthropicProvider(api_key="k", base_url=base_url)
    try:
        with anyio.fail_after(20):
            async with provider.stream(REQUEST) as events:
                assert [event async for event in events] == EVENTS
    finally:
        await provider.aclose()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answer) as proxy:
        monkeypatch.setenv(name, proxy.url)
        await ask("http://api.localhost")
    assert [request.target for request in proxy.requests] == ["http://api.localhost/v1/messages"]


async def test_a_host_that_needs_no_proxy_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answer) as server, serving(answer) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        await ask(server.url)
    assert (len(server.requests), len(proxy.requests)) == (1, 0)


async def test_a_proxy_that_is_not_there_is_told() -> None:
    async def refuse(call: Conversation) -> None:
        await call.answer(502, b"<title>No such host</title>")

    with pytest.MonkeyPatch.context() as environment:
        async with serving(refuse) as proxy:
            environment.setenv("HTTPS_PROXY", proxy.url)
            with pytest.raises(Unreachable, match="proxy") as caught:
                await ask("https://api.example")
    assert proxy.requests[0].method == "CONNECT"
    assert caught.value.retryable


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "gopher://127.0.0.1:1"])
async def test_a_proxy_of_a_kind_that_is_not_supported_is_a_setting_to_change(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(SettingsError, match="proxy"):
        await ask("https://api.example")


async def test_a_certificate_that_does_not_hold_is_told_and_not_tried_again() -> None:
    async with serving(answer, server_context()) as server:
        with pytest.raises(Unreachable, match="certificate") as caught:
            await ask(server.url)
        assert not caught.value.retryable
    assert server.requests == []


async def read(transport: HttpTransport, url: str, body: bytes = b"{}") -> tuple[int, bytes]:
    with anyio.fail_after(20):
        async with transport.post(f"{url}/v1/messages", {}, body) as found:
            return found.status, b"".join([chunk async for chunk in found.chunks])


async def test_a_certificate_that_the_environment_trusts_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(PEM))
    async with serving(answer, server_context()) as server:
        transport = HttpTransport(5.0)
        for _ in range(3):
            assert await read(transport, server.url) == (200, STREAM)
        await transport.aclose()
    assert [request.connection for request in server.requests] == [1, 1, 1]


async def test_a_long_request_and_a_long_answer_get_through() -> None:
    async def echo(call: Conversation) -> None:
        await call.answer(200, call.request.body)

    body = b"0123456789abcdef" * 400_000
    async with serving(echo) as server:
        transport = HttpTransport(5.0)
        assert await read(transport, server.url, body) == (200, body)
        await transport.aclose()


async def test_a_server_is_held_back_while_nobody_reads() -> None:
    sent = 0
    piece = b"x" * 100_000

    async def flood(call: Conversation) -> None:
        nonlocal sent
        await call.head(200, content_length=str(len(piece) * 1000))
        for _ in range(1000):
            await call.send(piece)
            sent += len(piece)

    async with serving(flood) as server:
        transport = HttpTransport(5.0)
        with anyio.fail_after(20):
            async with transport.post(server.url, {}, b"") as found:
                while sent == 0 or sent != await _later(lambda: sent):
                    pass
                assert sent < 50_000_000
                assert sum([len(chunk) async for chunk in found.chunks]) == 100_000_000
        await transport.aclose()


async def _later(value: Callable[[], int]) -> int:
    """Return a value after the loop was idle for many rounds."""
    for _ in range(1000):
        await checkpoint()
    return value()


async def test_only_so_many_idle_connections_are_kept() -> None:
    async with serving(answer) as server, AsyncExitStack() as stack:
        transport = HttpTransport(5.0)
        answers = [await stack.enter_async_context(transport.post(server.url, {}, b"")) for _ in range(MOST_IDLE + 3)]
        for found in answers:
            assert b"".join([chunk async for chunk in found.chunks]) == STREAM
        await stack.aclose()
        for _ in range(MOST_IDLE + 3):
            assert await read(transport, server.url) == (200, STREAM)
        assert server.connections == MOST_IDLE + 3
        await transport.aclose()


async def test_what_a_server_says_on_an_idle_connection_is_not_taken_for_an_answer() -> None:
    said = anyio.Event()

    async def script(call: Conversation) -> None:
        await call.stream(STREAM)
        if call.request.connection == 1:
            await call.answer(408, b"You are idle.")
            said.set()

    async with serving(script) as server:
        transport = HttpTransport(5.0)
        assert await read(transport, server.url) == (200, STREAM)
        await said.wait()
        assert await read(transport, server.url) == (200, STREAM)
        await transport.aclose()
    assert [request.connection for request in server.requests] == [1, 2]

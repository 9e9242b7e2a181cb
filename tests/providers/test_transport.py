"""Connections beyond the plain one: proxies of the environment, and servers that must not be trusted."""

import ssl
from pathlib import Path

import anyio
import pytest
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSListener
from loopback import Conversation, serving
from provider_replies import EVENTS, REQUEST, STREAM

from antiphon.errors import SettingsError, Unreachable
from antiphon.providers.anthropic import AnthropicProvider


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
        await ask("http://api.example")
    assert [request.target for request in proxy.requests] == ["http://api.example/v1/messages"]


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
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("untrusted.pem"))
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(SocketAttribute.local_port)

    async def never(_stream: ByteStream) -> None:
        pytest.fail("the client went on without trust")

    async with TLSListener(listener, context) as secure, anyio.create_task_group() as tasks:
        tasks.start_soon(secure.serve, never)
        with pytest.raises(Unreachable, match="certificate") as caught:
            await ask(f"https://127.0.0.1:{port}")
        assert not caught.value.retryable
        tasks.cancel_scope.cancel()

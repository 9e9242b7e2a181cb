"""Our client against a server on loopback: what is told, how connections live and die, what failures are called."""

import gzip
import socket
import struct
import zlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint
from loopback import Conversation, Script, Server, serving
from provider_replies import EVENTS, REQUEST, STREAM, WIRE

from antiphon.errors import Overloaded, ProviderError, Rejected, StreamBroken, Unreachable
from antiphon.protocol.streaming import BlockClosed, OtherEvent, ReplyEnded, ReplyEvent, ReplyStarted, TextDelta
from antiphon.providers.anthropic import AnthropicProvider

EXPLAINED = b'{"type":"error","error":{"type":"invalid_request_error","message":"messages: bad"},"request_id":"req_b"}'


@asynccontextmanager
async def connected(script: Script, timeout: float = 5.0) -> AsyncGenerator[tuple[AnthropicProvider, Server], None]:  # noqa: ASYNC109  (the provider's)
    async with serving(script) as server:
        provider = AnthropicProvider(api_key="k", base_url=server.url, timeout=timeout)
        try:
            with anyio.fail_after(20):
                yield provider, server
        finally:
            await provider.aclose()


async def told(provider: AnthropicProvider) -> list[ReplyEvent]:
    async with provider.stream(REQUEST) as events:
        return [event async for event in events]


async def gather(events: AsyncIterator[ReplyEvent], found: list[ReplyEvent]) -> None:
    async for event in events:
        found.append(event)  # noqa: PERF401  (what came before a failure is to be kept)


async def failing(script: Script, timeout: float = 5.0) -> ProviderError:  # noqa: ASYNC109  (the provider's)
    async with connected(script, timeout) as (provider, _):
        with pytest.raises(ProviderError) as caught:
            await told(provider)
    return caught.value


async def stream_all(call: Conversation) -> None:
    await call.stream(*WIRE)


# What is told


async def test_a_reply_is_told_as_it_is_read_and_its_connection_is_used_again() -> None:
    async with connected(stream_all) as (provider, server):
        for _ in range(3):
            assert await told(provider) == EVENTS
    assert [request.connection for request in server.requests] == [1, 1, 1]
    assert [request.json() for request in server.requests] == [{**REQUEST.json(), "stream": True}] * 3


async def test_each_event_is_told_as_soon_as_it_has_arrived() -> None:
    heard = anyio.Event()

    async def script(call: Conversation) -> None:
        nonlocal heard
        await call.begin_stream()
        # `message_delta` completes nothing: it comes with the end.
        for piece in (*WIRE[:-2], b"".join(WIRE[-2:])):
            heard = anyio.Event()
            # In two halves, cut inside the data.
            await call.chunk(piece[:30])
            await call.chunk(piece[30:])
            # Nothing more is sent until the client has told what it got.
            await heard.wait()
        await call.end_stream()

    async with connected(script) as (provider, _), provider.stream(REQUEST) as events:
        found: list[ReplyEvent] = []
        async for event in events:
            found.append(event)
            heard.set()
    assert found == EVENTS


async def test_bytes_that_drip_one_by_one_give_the_same_events() -> None:
    async def script(call: Conversation) -> None:
        await call.stream(*(STREAM[at : at + 1] for at in range(len(STREAM))))

    async with connected(script) as (provider, _):
        assert await told(provider) == EVENTS


async def test_pings_are_told_so_that_a_surface_can_show_life() -> None:
    async def script(call: Conversation) -> None:
        await call.stream(WIRE[0], b'event: ping\ndata: {"type":"ping"}\n\n', *WIRE[1:])

    async with connected(script) as (provider, _):
        assert (await told(provider))[1] == OtherEvent({"type": "ping"})


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_compressed_stream_is_read(encoding: str) -> None:
    async def script(call: Conversation) -> None:
        body = gzip.compress(STREAM) if encoding == "gzip" else zlib.compress(STREAM)
        await call.begin_stream(content_encoding=encoding)
        for at in range(0, len(body), 50):
            await call.chunk(body[at : at + 50])
        await call.end_stream()

    async with connected(script) as (provider, _):
        assert await told(provider) == EVENTS


async def test_a_stream_of_known_length_is_read() -> None:
    async def script(call: Conversation) -> None:
        await call.answer(200, STREAM, content_type="text/event-stream; charset=utf-8")

    async with connected(script) as (provider, _):
        assert await told(provider) == EVENTS


async def test_a_stream_that_ends_with_its_connection_is_read() -> None:
    async def script(call: Conversation) -> None:
        await call.head(200, content_type="text/event-stream", connection="close")
        await call.send(STREAM)
        await call.socket.aclose()

    async with connected(script) as (provider, _):
        assert await told(provider) == EVENTS


@pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
async def test_a_reply_from_a_server_that_does_not_stream_is_told_whole(kind: str) -> None:
    body = b'\n{"role":"assistant","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","usage":{}}'

    async def script(call: Conversation) -> None:
        await call.answer(200, body, **({"content_type": kind} if kind else {}))

    async with connected(script) as (provider, _):
        found = await told(provider)
    assert [type(event) for event in found[:1]] == [ReplyStarted]
    assert TextDelta(0, "Hi") in found
    assert BlockClosed(0, {"type": "text", "text": "Hi"}) in found
    assert isinstance(found[-1], ReplyEnded)


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", ""])
async def test_a_stream_that_does_not_say_that_it_is_one_is_read(kind: str) -> None:
    async def script(call: Conversation) -> None:
        await call.head(200, transfer_encoding="chunked", **({"content_type": kind} if kind else {}))
        for piece in (b"\n", *WIRE):
            await call.chunk(piece)
        await call.end_stream()

    async with connected(script) as (provider, _):
        assert await told(provider) == EVENTS


async def test_a_redirect_is_followed_with_the_same_body() -> None:
    async def script(call: Conversation) -> None:
        if call.request.target == "/v1/messages":
            await call.answer(307, b"", location="/moved")
        else:
            await stream_all(call)

    async with connected(script) as (provider, server):
        assert await told(provider) == EVENTS
        assert await told(provider) == EVENTS
    # A redirect shows that the short way is none, which is then not tried again.
    assert [request.target for request in server.requests][-4:] == ["/v1/messages", "/moved"] * 2
    assert len({request.body for request in server.requests}) == 1


# Connections


async def test_leaving_a_reply_early_reaches_the_server() -> None:
    async def script(call: Conversation) -> None:
        await call.begin_stream()
        await call.chunk(WIRE[0])

    async with connected(script) as (provider, server):
        async with provider.stream(REQUEST) as events:
            async for _ in events:
                break
        await server.hung_up.wait()


async def test_cancelling_a_reply_reaches_the_server() -> None:
    async def script(call: Conversation) -> None:
        await call.begin_stream()
        await call.chunk(WIRE[0])

    async with connected(script) as (provider, server):
        with anyio.CancelScope() as scope:
            async with provider.stream(REQUEST) as events:
                async for _ in events:
                    scope.cancel()
        assert scope.cancelled_caught
        await server.hung_up.wait()


async def test_cancelling_before_the_answer_reaches_the_server() -> None:
    asked = anyio.Event()

    async def script(call: Conversation) -> None:
        asked.set()

    async with connected(script) as (provider, server):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(told, provider)
            await asked.wait()
            tasks.cancel_scope.cancel()
        await server.hung_up.wait()


async def test_a_reply_may_be_cancelled_at_any_moment() -> None:
    async with connected(stream_all) as (provider, server):
        for moments in range(0, 80, 2):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(told, provider)
                for _ in range(moments):
                    await checkpoint()
                tasks.cancel_scope.cancel()
            # Nothing of what was cancelled is left in the way of the next request, or taken for its answer.
            assert await told(provider) == EVENTS
    assert all(request.json()["stream"] for request in server.requests)


async def test_the_provider_is_usable_after_a_reply_was_left_or_failed() -> None:
    async def script(call: Conversation) -> None:
        match len(server.requests):
            case 1:
                await call.begin_stream()
                await call.chunk(WIRE[0])
            case 2:
                await call.answer(400, EXPLAINED)
            case 3:
                await call.stream(WIRE[0])
            case _:
                await stream_all(call)

    async with connected(script) as (provider, server):
        async with provider.stream(REQUEST) as events:
            async for _ in events:
                break
        with pytest.raises(Rejected):
            await told(provider)
        with pytest.raises(StreamBroken):
            await told(provider)
        assert await told(provider) == EVENTS
    # Only the answer that was left before its end cost its connection.
    assert [request.connection for request in server.requests] == [1, 2, 2, 2]


async def test_a_server_that_keeps_the_connection_open_after_the_reply_does_not_hold_it_up() -> None:
    async def script(call: Conversation) -> None:
        await call.begin_stream()
        await call.chunk(STREAM)

    async with connected(script) as (provider, _):
        assert await told(provider) == EVENTS


async def test_two_replies_at_once_use_two_connections() -> None:
    async with (
        connected(stream_all) as (provider, server),
        provider.stream(REQUEST) as first,
        provider.stream(REQUEST) as second,
    ):
        assert [event async for event in second] == EVENTS
        assert [event async for event in first] == EVENTS
    assert sorted(request.connection for request in server.requests) == [1, 2]


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again() -> None:
    async def script(call: Conversation) -> None:
        await stream_all(call)
        await call.socket.aclose()

    async with connected(script) as (provider, server):
        assert await told(provider) == EVENTS
        await server.hung_up.wait()
        assert await told(provider) == EVENTS


# Failures


async def test_a_refused_request_is_rejected_in_the_servers_words() -> None:
    async def script(call: Conversation) -> None:
        await call.answer(400, EXPLAINED, request_id="req_h")

    error = await failing(script)
    assert isinstance(error, Rejected)
    assert (str(error), error.status, error.request_id, error.retryable) == ("messages: bad", 400, "req_h", False)


async def test_an_overloaded_server_says_when_to_come_back() -> None:
    async def script(call: Conversation) -> None:
        await call.answer(529, b'{"error":{"type":"overloaded_error","message":"Overloaded"}}', Retry_After="3")

    error = await failing(script)
    assert isinstance(error, Overloaded)
    assert (error.error_type, error.retryable, error.retry_after) == ("overloaded_error", True, 3.0)


async def test_a_refusal_that_breaks_off_or_never_ends_is_still_one() -> None:
    async def breaks_off(call: Conversation) -> None:
        await call.head(503, content_length="1000")
        await call.send(b"<title>Sorry")
        await call.socket.aclose()

    async def never_ends(call: Conversation) -> None:
        await call.head(503, transfer_encoding="chunked")
        while True:
            await call.chunk(b"x" * 10_000)

    for script in (breaks_off, never_ends):
        error = await failing(script)
        assert isinstance(error, Overloaded)
        assert "status 503" in str(error)


async def test_a_web_page_instead_of_a_reply_is_not_asked_for_again() -> None:
    async def script(call: Conversation) -> None:
        await call.answer(200, b"<html><title>Log in</title></html>", content_type="text/html")

    error = await failing(script)
    assert isinstance(error, StreamBroken)
    assert not error.retryable
    assert "Check the base URL" in str(error)


async def test_an_error_inside_the_stream_breaks_the_reply() -> None:
    said = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'

    async def script(call: Conversation) -> None:
        await call.stream(*WIRE[:3], said, request_id="req_9")

    error = await failing(script)
    assert isinstance(error, StreamBroken)
    assert (str(error), error.retryable, error.request_id) == ("Overloaded", True, "req_9")


async def test_what_came_before_a_break_is_told() -> None:
    async def script(call: Conversation) -> None:
        await call.stream(*WIRE[:4])

    found: list[ReplyEvent] = []
    async with connected(script) as (provider, _), provider.stream(REQUEST) as events:
        with pytest.raises(StreamBroken, match="without message_stop"):
            await gather(events, found)
    assert found == EVENTS[: len(found)]
    assert isinstance(found[-1], BlockClosed)


def reset(call: Conversation) -> None:
    """Close a connection so that the other side gets a reset."""
    raw: socket.socket = call.socket.extra(anyio.abc.SocketAttribute.raw_socket)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def test_a_reset_or_a_close_inside_the_stream_breaks_the_reply() -> None:
    async def resets(call: Conversation) -> None:
        await call.begin_stream(request_id="req_7")
        await call.chunk(WIRE[0])
        reset(call)
        await call.socket.aclose()

    async def closes(call: Conversation) -> None:
        await call.begin_stream(request_id="req_7")
        await call.chunk(WIRE[0])
        await call.socket.aclose()

    for script in (resets, closes):
        error = await failing(script)
        assert isinstance(error, StreamBroken)
        assert error.retryable
        assert error.request_id == "req_7"
        assert "connection broke" in str(error)


@pytest.mark.parametrize("rubbish", [b"data: {\n\n", b"event: message_start\ndata: []\n\n", b'data: "\xff"\n\n'])
async def test_rubbish_inside_the_stream_breaks_the_reply(rubbish: bytes) -> None:
    async def script(call: Conversation) -> None:
        await call.stream(WIRE[0], rubbish, *WIRE[1:])

    error = await failing(script)
    assert isinstance(error, StreamBroken)
    assert error.retryable


async def test_bytes_that_are_no_http_inside_the_stream_break_the_reply() -> None:
    async def script(call: Conversation) -> None:
        await call.begin_stream()
        await call.chunk(WIRE[0])
        await call.send(b"no chunk at all\r\n")
        await call.socket.aclose()

    assert isinstance(await failing(script), StreamBroken)


async def test_bytes_that_do_not_decompress_break_the_reply() -> None:
    async def script(call: Conversation) -> None:
        await call.stream(b"not gzip at all", content_encoding="gzip")

    assert isinstance(await failing(script), StreamBroken)


async def test_a_reply_that_falls_silent_is_given_up() -> None:
    async def script(call: Conversation) -> None:
        await call.begin_stream()
        await call.chunk(WIRE[0])

    error = await failing(script, timeout=0.1)
    assert isinstance(error, StreamBroken)
    assert "The reply stopped" in str(error)


async def test_a_server_that_does_not_answer_is_given_up() -> None:
    async def script(call: Conversation) -> None:
        pass

    error = await failing(script, timeout=0.1)
    assert isinstance(error, Unreachable)
    assert "did not answer within 0.1 seconds" in str(error)


@pytest.mark.parametrize("answer", [b"", b"220 smtp.example ESMTP\r\n"])
async def test_a_server_that_hangs_up_or_talks_something_else_is_unreachable(answer: bytes) -> None:
    async def script(call: Conversation) -> None:
        await call.send(answer)
        await call.socket.aclose()

    error = await failing(script)
    assert isinstance(error, Unreachable)
    assert error.retryable
    assert str(error).startswith("127.0.0.1:")


async def test_a_port_where_nobody_listens_is_unreachable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        provider = AnthropicProvider(api_key="k", base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1:\d+ cannot be reached") as caught:
            await told(provider)
        await provider.aclose()
    assert caught.value.retryable


async def test_a_request_that_is_not_json_is_not_sent() -> None:
    async with connected(stream_all) as (provider, server):
        with pytest.raises(ValueError, match="JSON"):
            async with provider.stream(type(REQUEST)({"temperature": float("nan")}, [])):
                pass
    assert server.requests == []

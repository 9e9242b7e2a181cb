"""Clients that vanish, dawdle or talk nonsense: the upstream is let go, everybody else is served, nothing is left.

`world` looks after each test whether anything was: tasks, files, connections, bytes, requests under way.
"""

import json
import socket

import anyio
import pytest
from anyio.abc import SocketStream
from chaos import EVENTS, LAST, answer_in, chunk, everything, request, until, world
from talk import Json
from upstreams import OK, Hang, reset_on_close

from antiphon.proxy import Limits

BODY = b'{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}'
ASKED = request("POST /v1/messages", body=BODY)
EVENT = chunk(b"data: 1\n\n")


async def leave(stream: SocketStream, *, broken: bool) -> None:
    """Close a connection, or break it."""
    if broken:
        reset_on_close(stream)
    await stream.aclose()


@pytest.mark.parametrize("broken", [False, True], ids=["closes", "breaks"])
@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /v1/mess", ASKED[:60], ASKED[:-5]],
    ids=["nothing", "half a request line", "half the headers", "half the body"],
)
async def test_a_client_that_leaves_before_it_has_asked_costs_the_upstream_nothing(
    sent: bytes, *, broken: bool
) -> None:
    async with world() as here:
        stream = await here.connect()
        if sent:
            await stream.send(sent)
        await here.settled()
        await leave(stream, broken=broken)
        assert (await here.ask(ASKED)).status == 200
        assert len(here.api.seen) == 1


@pytest.mark.parametrize("broken", [False, True], ids=["closes", "breaks"])
@pytest.mark.parametrize("answer", [[Hang()], [EVENTS, EVENT, Hang()]], ids=["waiting", "reading"])
@pytest.mark.parametrize("path", ["/v1/messages", "/v1/other"])
async def test_the_upstream_is_let_go_within_a_second_after_its_client_left(
    path: str, answer: list[bytes | Hang], *, broken: bool
) -> None:
    async with world(answer) as here:
        stream = await here.connect()
        await stream.send(ASKED.replace(b"/v1/messages", path.encode()))
        await until(lambda: len(here.api.seen) == 1)
        if len(answer) > 1:
            await stream.receive()
        await leave(stream, broken=broken)
        await until(lambda: here.api.open == 0, seconds=1)
        await until(lambda: [one.outcome for one in here.told] == ["gone"])


async def test_a_client_that_closes_its_half_is_answered_or_hung_up_on_and_the_upstream_let_go() -> None:
    async with world([Hang()]) as here, await here.connect() as stream:
        await stream.send(ASKED)
        await until(lambda: len(here.api.seen) == 1)
        await stream.send_eof()
        assert await everything(stream) == b""
        await until(lambda: here.api.open == 0, seconds=1)


async def test_a_client_that_never_says_what_it_wants_is_hung_up_on() -> None:
    async with world(limits=Limits(headers=0.1)) as here, await here.connect() as stream:
        async with anyio.create_task_group() as tasks:

            async def drip() -> None:
                try:
                    for byte in b"POST /v1/messages HTTP/1.1\r\n" + b"X: y\r\n" * 10_000:
                        await stream.send(bytes([byte]))
                        await anyio.sleep(0.005)
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    pass

            tasks.start_soon(drip)
            assert await everything(stream) == b""
            tasks.cancel_scope.cancel()
        assert here.api.seen == []


async def test_a_body_that_comes_too_slowly_is_answered_and_hung_up_on() -> None:
    async with world(limits=Limits(upload=0.1)) as here, await here.connect() as stream:
        await stream.send(ASKED[:-5])
        got = answer_in(await everything(stream, until=b"}}"))
        assert (got.status, got.whole, got.headers["connection"]) == (408, True, "close")
        assert here.api.seen == []


async def test_a_client_that_does_not_read_is_hung_up_on_and_the_upstream_let_go() -> None:
    flood = chunk(b"data: " + b"x" * 65536 + b"\n\n") * 400
    async with world([EVENTS, flood, Hang()], limits=Limits(stalled=0.2)) as here, await here.connect() as stream:
        await stream.send(ASKED)
        await until(lambda: here.api.open == 0 and len(here.api.seen) == 1)
        assert not answer_in(await everything(stream)).whole


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", 400, id="TLS"),
        pytest.param(b"nonsense\r\n\r\n", 400, id="nonsense"),
        pytest.param(b"GET / HTTP/9.9\r\nHost: localhost\r\n\r\n", 400, id="a version nobody knows"),
        pytest.param(request("POST /v1/messages", "Content-Length: -1"), 400, id="a negative length"),
        pytest.param(request("POST /v1/messages", "Content-Length: 2", "Content-Length: 3"), 400, id="two lengths"),
        pytest.param(
            request("POST /v1/messages", "Content-Length: 2", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
            400,
            id="a length and chunks",
        ),
        pytest.param(request("GET /v1/models", "X: " + "x" * 100_000), 400, id="a header without end"),
        pytest.param(request("GET /" + "x" * 100_000), 400, id="a path without end"),
        pytest.param(request("GET /v1/models", *[f"X-{n}: 1" for n in range(1000)]), 400, id="headers without end"),
    ],
)
async def test_nonsense_is_answered_and_goes_nowhere(sent: bytes, status: int) -> None:
    async with world() as here:
        got = await here.ask(sent)
        assert (got.status, got.whole) == (status, True)
        assert here.api.seen == []


@pytest.mark.parametrize("bad", [b"zz\r\n", b"-1\r\n", b"3\r\nabcdef"])
async def test_a_body_that_stops_being_one_is_answered_like_one_that_stops(bad: bytes) -> None:
    async with world(limits=Limits(upload=0.1)) as here, await here.connect() as stream:
        await stream.send(request("POST /v1/messages", "Transfer-Encoding: chunked", close=False) + chunk(b"abc"))
        await here.settled()
        await stream.send(bad)
        assert answer_in(await everything(stream, until=b"}}")).status == 408
        assert here.api.seen == []


@pytest.mark.parametrize("then", [b"", b"zz\r\n"], ids=["stops", "stops being one"])
async def test_an_upload_that_goes_no_further_is_answered_and_the_upstream_let_go(then: bytes) -> None:
    async with world(limits=Limits(upload=0.2)) as here, await here.connect() as stream:
        await stream.send(request("POST /v1/files", "Transfer-Encoding: chunked", close=False) + chunk(b"abc") + then)
        # Nonsense is noticed at once where it comes with the head, and else once nothing more comes.
        assert answer_in(await everything(stream, until=b"}}")).status in {400, 408}
        await until(lambda: here.api.open == 0, seconds=1)
        assert here.api.seen == []


async def test_an_upload_may_take_its_time_as_long_as_it_goes_on() -> None:
    async with world(limits=Limits(upload=0.2)) as here, await here.connect() as stream:
        await stream.send(request("POST /v1/files", "Transfer-Encoding: chunked"))
        for _ in range(10):
            await anyio.sleep(0.05)
            await stream.send(chunk(b"abc"))
        await stream.send(LAST)
        assert answer_in(await everything(stream)).status == 200
        assert here.api.seen[0].body == b"abc" * 10


async def test_requests_that_come_at_once_on_one_connection_are_answered_in_their_order() -> None:
    answers = [[OK.replace(b"{}", b"%02d" % number)] for number in range(5)]
    async with world(*answers) as here:
        raw = request("POST /v1/messages", body=BODY, close=False) * 4 + ASKED
        async with await here.connect() as stream:
            await stream.send(raw)
            got = await everything(stream)
    bodies = [part[:2] for part in got.split(b"\r\n\r\n")[1:]]
    assert bodies == [b"%02d" % number for number in range(5)]


async def test_who_leaves_while_it_waits_for_room_gives_its_place_away() -> None:
    size = 1000
    limits = Limits(body=size, in_flight=size, admission=10)
    filled = json.dumps({"messages": [], "pad": "x" * 900}).encode()
    async with world([Hang()], [OK], limits=limits) as here:
        holder, waiting = await here.connect(), await here.connect()
        await holder.send(request("POST /v1/messages", f"Content-Length: {size}", close=False) + filled)
        await until(lambda: here.proxy.metrics.active == 1)
        await waiting.send(request("POST /v1/messages", body=filled))
        await until(lambda: here.proxy.metrics.active == 2)
        await waiting.aclose()
        await until(lambda: here.proxy.metrics.active == 1)
        await holder.aclose()
        await until(lambda: here.proxy.metrics.active == 0)
        assert here.api.seen == []
        assert await here.metric("bytes_in_flight") == 0


@pytest.mark.parametrize("calls", [1, 2], ids=["valid", "repaired"])
async def test_the_room_a_request_takes_is_that_of_its_bodies(calls: int) -> None:
    said: list[Json] = [
        {"type": "tool_use", "id": f"toolu_{number}", "name": "f", "input": {}} for number in range(calls)
    ]
    answered = [{"type": "tool_result", "tool_use_id": "toolu_0", "content": "x"}]
    messages: list[Json] = [{"role": "user", "content": "go"}, {"role": "assistant", "content": said}]
    whole: Json = {"model": "m", "max_tokens": 9, "messages": [*messages, {"role": "user", "content": answered}]}
    body = json.dumps({**whole, "tools": [{"name": "f", "input_schema": {"type": "object"}}]}).encode()
    async with world([Hang()]) as here:
        async with await here.connect() as stream:
            await stream.send(request("POST /v1/messages", body=body))
            await until(lambda: len(here.api.seen) == 1)
            sent = here.api.seen[0].body
            assert (sent == body) is (calls == 1)
            # A repair that adds something takes a little more than is reserved for it.
            assert await here.metric("bytes_in_flight") == len(body) * calls
        await until(lambda: here.proxy.metrics.active == 0)


async def test_a_small_window_does_not_keep_others_from_being_served() -> None:
    """A client that takes a byte at a time, and a hundred that hurry."""
    flood = chunk(b"data: " + b"x" * 65536 + b"\n\n") * 100
    async with world([EVENTS, flood, Hang()], [OK]) as here:
        slow = await here.connect()
        raw: socket.socket = slow.extra(anyio.abc.SocketAttribute.raw_socket)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await slow.send(ASKED)
        await slow.receive(1)
        for _ in range(100):
            assert (await here.ask(ASKED)).status == 200
            await slow.receive(1)
        await leave(slow, broken=True)
        await until(lambda: here.proxy.metrics.active == 0)

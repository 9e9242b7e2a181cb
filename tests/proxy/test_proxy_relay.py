"""What has nothing to do with conversations passes as it is."""

import gzip
import json

import anyio
import httpx2
import pytest
from upstreams import OK, Cut, Hang, exchange, unchunked, upstream

from antiphon.proxy import Limits, Options, Proxy
from antiphon.testing.emulator import Emulator

EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def request(line: str, *fields: str, body: bytes = b"") -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", *fields, "", ""]).encode() + body


@pytest.mark.parametrize(
    "path", ["/v1/models?limit=2&after_id=a%2Fb", "/v1/files/a%20b", "/", "/a//b/../c", "/x?q=%zz"]
)
async def test_the_target_of_a_request_is_passed_on_letter_by_letter(path: str) -> None:
    async with upstream() as api, Proxy(api.url) as proxy:
        await exchange(proxy.url, request(f"GET {path}"), until=b"{}")
        assert api.seen[0].line == f"GET {path} HTTP/1.1"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "POST"])
async def test_every_method_passes_with_its_body(method: str) -> None:
    async with upstream() as api, Proxy(api.url) as proxy:
        await exchange(proxy.url, request(f"{method} /v1/batches", "Content-Length: 3", body=b"\0\xff{"), until=b"{}")
        assert (api.seen[0].line, api.seen[0].body) == (f"{method} /v1/batches HTTP/1.1", b"\0\xff{")


async def test_headers_keep_their_order_and_doublets_and_those_of_the_connection_stay_behind() -> None:
    fields = (
        "x-api-key: k",
        "Anthropic-Beta: one",
        "X-Stainless-Lang: js",
        "anthropic-beta: two",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Connection: keep-alive, X-Hop",
        "X-Hop: 1",
        "TE: trailers",
        "Proxy-Authorization: Basic eA==",
        "User-Agent: mine",
    )
    async with upstream() as api, Proxy(api.url) as proxy:
        await exchange(proxy.url, request("GET /v1/models", *fields), until=b"{}")
        host = api.url.removeprefix("http://")
        assert api.seen[0].headers == [
            ("Host", host),
            ("x-api-key", "k"),
            ("Anthropic-Beta", "one"),
            ("X-Stainless-Lang", "js"),
            ("Anthropic-Beta", "two"),
            ("Accept-Encoding", "gzip, deflate, br, zstd"),
            ("User-Agent", "mine"),
        ]


async def test_no_header_is_made_up() -> None:
    async with upstream() as api, Proxy(api.url) as proxy:
        await exchange(proxy.url, request("GET /v1/models"), until=b"{}")
        assert [name for name, _ in api.seen[0].headers] == ["Host"]


async def test_an_upload_passes_while_it_is_still_coming() -> None:
    async with upstream() as api, Proxy(api.url) as proxy:
        host, _, port = proxy.url.removeprefix("http://").partition(":")
        async with await anyio.connect_tcp(host, int(port)) as stream:
            await stream.send(request("POST /v1/files", "Transfer-Encoding: chunked") + chunk(b"first"))
            with anyio.fail_after(5):
                while not api.connections:
                    await anyio.lowlevel.checkpoint()
            await stream.send(chunk(b"second") + b"0\r\n\r\n")
            await stream.receive()
        assert api.seen[0].body == b"firstsecond"


async def test_an_answer_comes_as_it_is_with_its_encoding_and_its_cookies() -> None:
    zipped = gzip.compress(b'{"data":[]}')
    head = (
        b"HTTP/1.1 418 I am a teapot\r\nServer: theirs\r\nDate: Mon, 23 Nov 2026 09:00:00 GMT\r\n"
        b"Content-Encoding: gzip\r\nSet-Cookie: a=1\r\nrequest-id: req_1\r\nSet-Cookie: b=2\r\n"
        b"Keep-Alive: timeout=5\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(zipped)
    )
    async with upstream([head + zipped]) as api, Proxy(api.url) as proxy:
        answer = await exchange(proxy.url, request("GET /v1/models", "Connection: close"))
    expected = head.replace(b"Keep-Alive: timeout=5\r\n", b"").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    assert answer == expected + zipped


async def test_a_redirect_is_an_answer_like_any_other(client: httpx2.AsyncClient) -> None:
    moved = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n"
    async with upstream([moved]) as api, Proxy(api.url) as proxy:
        answer = await client.get(f"{proxy.url}/v1/models")
        assert (answer.status_code, answer.headers["location"], len(api.seen)) == (307, "http://evil.example/", 1)


async def test_a_probe_of_the_base_url_is_answered_by_the_upstream(client: httpx2.AsyncClient) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\nContent-Type: text/html\r\n\r\n"
    async with upstream([head]) as api, Proxy(api.url) as proxy:
        answer = await client.head(f"{proxy.url}/")
        assert (answer.status_code, answer.headers["content-length"]) == (200, "1234")
        assert api.seen[0].line == "HEAD / HTTP/1.1"


async def test_each_event_goes_on_before_the_next_one_has_come(client: httpx2.AsyncClient) -> None:
    more = [anyio.Event() for _ in range(3)]
    answer = [EVENTS, chunk(b"data: 1\n\n"), more[0], chunk(b"data: 2\n\n"), more[1], chunk(b"data: 3\n\n"), more[2]]
    async with upstream([*answer, b"0\r\n\r\n"]) as api, Proxy(api.url) as proxy:
        url = f"{proxy.url}/v1/messages"
        arrived: list[bytes] = []
        with anyio.fail_after(5):
            async with client.stream("POST", url, json={"stream": True}) as response:
                async for data in response.aiter_raw():
                    arrived.append(data)
                    more[len(arrived) - 1].set()
    assert arrived == [b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"]


async def test_headers_arrive_before_the_first_event_does(client: httpx2.AsyncClient) -> None:
    first = anyio.Event()
    async with (
        upstream([EVENTS, first, chunk(b"data: 1\n\n"), b"0\r\n\r\n"]) as api,
        Proxy(api.url) as proxy,
        client.stream("POST", f"{proxy.url}/v1/messages", json={}) as response,
    ):
        assert response.status_code == 200
        first.set()
        assert await response.aread() == b"data: 1\n\n"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/whatever"])
@pytest.mark.parametrize("answer", [[EVENTS, chunk(b"data: 1\n\n"), Hang()], [Hang()]])
async def test_a_client_that_leaves_is_gone_upstream_too(path: str, answer: list[bytes | Hang]) -> None:
    async with upstream(answer) as api, Proxy(api.url) as proxy:
        host, _, port = proxy.url.removeprefix("http://").partition(":")
        async with await anyio.connect_tcp(host, int(port)) as stream:
            await stream.send(request(f"POST {path}", "Content-Length: 2", body=b"{}"))
            if len(answer) > 1:
                await stream.receive()
            else:
                with anyio.fail_after(5):
                    while not api.seen:
                        await anyio.lowlevel.checkpoint()
        with anyio.fail_after(1):
            await api.gone.wait()


@pytest.mark.parametrize("end", [Cut(), chunk(b"data: 2\n\n")[:6] + b""])
async def test_a_stream_that_breaks_off_does_not_end_as_if_it_were_whole(end: Cut | bytes) -> None:
    told: list[str] = []
    broken = [EVENTS, chunk(b"data: 1\n\n"), end, Cut()]
    async with upstream(broken) as api, Proxy(api.url, told=lambda one: told.append(one.outcome)) as proxy:
        answer = await exchange(proxy.url, request("POST /v1/messages", "Content-Length: 2", body=b"{}"))
    body = answer.partition(b"\r\n\r\n")[2]
    assert not body.endswith(b"0\r\n\r\n")
    assert unchunked(body).startswith(b"data: 1\n\n")
    assert told == ["broken"]


async def test_an_answer_shorter_than_it_says_stays_too_short() -> None:
    short = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{}"
    async with upstream([short, Cut()]) as api, Proxy(api.url) as proxy:
        answer = await exchange(proxy.url, request("GET /v1/models"))
    assert b"Content-Length: 20" in answer
    assert answer.endswith(b"\r\n\r\n{}")


async def test_errors_of_the_upstream_come_as_they_are(client: httpx2.AsyncClient) -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    head = b"HTTP/1.1 529 Overloaded\r\nretry-after: 7\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with upstream([head + body]) as api, Proxy(api.url) as proxy:
        answer = await client.post(f"{proxy.url}/v1/messages", json={})
        assert (answer.status_code, answer.content, answer.headers["retry-after"]) == (529, body, "7")
        assert len(api.seen) == 1


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/messages", {"type": "error", "error": {"type": "api_error"}}),
        ("/v1/models", {"type": "error", "error": {"type": "api_error"}}),
        ("/v1/chat/completions", {"error": {"type": "api_error", "param": None, "code": None}}),
    ],
)
async def test_an_upstream_that_is_not_there_is_a_502_in_the_shape_clients_read(
    client: httpx2.AsyncClient, path: str, shape: dict[str, dict[str, str]]
) -> None:
    async with upstream() as api:
        url = api.url
    async with Proxy(url) as proxy:
        answer = await client.post(f"{proxy.url}{path}", json={})
    error = answer.json()
    text = error["error"].pop("message")
    assert (answer.status_code, error) == (502, shape)
    assert "cannot be reached" in text


async def test_a_connection_that_breaks_before_the_answer_is_a_502_and_the_request_is_not_sent_again(
    client: httpx2.AsyncClient,
) -> None:
    async with upstream([OK], [Cut()]) as api, Proxy(api.url) as proxy:
        assert (await client.post(f"{proxy.url}/v1/messages", json={})).status_code == 200
        assert (await client.post(f"{proxy.url}/v1/messages", json={})).status_code == 502
        assert len(api.seen) == 2


async def test_an_upstream_that_says_nothing_is_a_504(client: httpx2.AsyncClient) -> None:
    async with upstream([Hang()]) as api, Proxy(api.url, options=Options(limits=Limits(read=0.05))) as proxy:
        answer = await client.post(f"{proxy.url}/v1/messages", json={})
        assert (answer.status_code, answer.json()["error"]["type"]) == (504, "timeout_error")


async def test_a_client_that_asks_first_is_told_to_go_on() -> None:
    async with upstream() as api, Proxy(api.url) as proxy:
        host, _, port = proxy.url.removeprefix("http://").partition(":")
        async with await anyio.connect_tcp(host, int(port)) as stream:
            await stream.send(request("POST /v1/messages", "Content-Length: 2", "Expect: 100-continue"))
            assert await stream.receive() == b"HTTP/1.1 100 Continue\r\n\r\n"
            await stream.send(b"{}")
            assert (await stream.receive()).startswith(b"HTTP/1.1 200 OK\r\n")
        assert api.seen[0].header("expect") == []


async def test_it_serves_from_a_thread_as_well(start_emulator: type[Emulator]) -> None:
    emulator = start_emulator(["Hello."])
    with Proxy(emulator.url) as proxy:
        asked = {"model": "claude-sonnet-4-5", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        answer = httpx2.post(
            f"{proxy.url}/v1/messages", json=asked, headers={"anthropic-version": "2023-06-01", "x-api-key": "k"}
        )
    assert json.loads(answer.content)["content"] == [{"type": "text", "text": "Hello."}]

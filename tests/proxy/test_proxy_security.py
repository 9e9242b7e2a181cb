"""Who may talk to the proxy, and what never leaves it."""

import base64
import json

import anyio
import httpx2
import pytest
from talk import asked, calls
from upstreams import OK, exchange, upstream

from antiphon.errors import SettingsError
from antiphon.proxy import Exchange, Limits, Options, Proxy
from antiphon.proxy.telling import as_json, as_text


def get(path: str, *fields: str, host: str = "localhost") -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *fields, "", ""]).encode()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8787", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8787", 200),
        ("LOCALHOST", 200),
        ("proxy.internal:8787", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example:8787", 421),
        ("", 421),
    ],
)
async def test_only_names_of_this_machine_are_answered(host: str, status: int) -> None:
    options = Options(hosts=frozenset({"proxy.internal"}))
    async with upstream() as api, Proxy(api.url, options=options) as proxy:
        assert status_of(await exchange(proxy.url, get("/v1/models", host=host))) == status
        assert len(api.seen) == (status == 200)


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/v1/models", ["Origin: http://evil.example"], 403),
        ("/v1/models", ["Origin: null"], 403),
        ("/v1/models", ["Origin: http://localhost"], 403),
        ("/v1/models", ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
        ("/v1/models", ["Sec-Fetch-Site: none"], 200),
        ("/antiphon/status", ["Origin: http://localhost"], 200),
        ("/antiphon/status", ["Origin: https://evil.example"], 403),
        ("/antiphon/status", ["Sec-Fetch-Site: same-origin"], 200),
        ("/antiphon/notes", ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"], 403),
        ("/antiphon/", ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"], 200),
    ],
)
async def test_other_web_pages_are_not_answered(path: str, fields: list[str], status: int) -> None:
    async with upstream() as api, Proxy(api.url) as proxy:
        assert status_of(await exchange(proxy.url, get(path, *fields))) == status


@pytest.mark.parametrize("line", ["GET http://evil.example/v1/models", "CONNECT evil.example:443", "GET *"])
async def test_nobody_chooses_another_upstream(line: str) -> None:
    async with upstream() as api, Proxy(api.url) as proxy:
        answer = await exchange(proxy.url, f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert status_of(answer) == 400
        assert not api.seen


def test_an_address_that_others_can_reach_wants_a_token() -> None:
    with pytest.raises(SettingsError, match="give it a token"):
        Proxy(options=Options(host="0.0.0.0"))
    Proxy(options=Options(host="0.0.0.0", token="secret"))


async def test_with_a_token_only_health_is_for_everybody(client: httpx2.AsyncClient) -> None:
    async with upstream() as api, Proxy(api.url, options=Options(token="secret")) as proxy:
        for path in ("/v1/models", "/antiphon/", "/antiphon/metrics", "/antiphon/notes"):
            for wrong in (b"", b"wrong", "secre\xe9".encode("latin-1")):
                shown = {b"antiphon-token": wrong} if wrong else {}
                assert (await client.get(f"{proxy.url}{path}", headers=shown)).status_code == 401
            assert (await client.get(f"{proxy.url}{path}", headers={"antiphon-token": "secret"})).status_code == 200
        for path in ("/antiphon/health", "/antiphon/health/live", "/antiphon/health/ready"):
            assert (await client.get(f"{proxy.url}{path}")).status_code == 200
        # As a browser does that has asked for a password.
        password = {"authorization": "Basic " + base64.b64encode(b"any:secret").decode()}
        assert (await client.get(f"{proxy.url}/antiphon/", headers=password)).status_code == 200
        assert (await client.get(f"{proxy.url}/v1/models", headers=password)).status_code == 401
        # The token is the proxy's, and does not go further.
        assert [seen.header("antiphon-token") for seen in api.seen] == [[]]


async def test_keys_and_content_are_in_no_log_note_or_metric(client: httpx2.AsyncClient) -> None:
    canaries = ("canary-key", "canary-text", "canary-query", "canary-id")
    told: list[Exchange] = []
    body = asked(calls("canary-id"), system="canary-text")
    async with upstream() as api, Proxy(api.url, profile="anthropic", told=told.append) as proxy:
        url = f"{proxy.url}/v1/messages?key=canary-query"
        await client.post(url, json=body, headers={"x-api-key": "canary-key", "authorization": "Bearer canary-key"})
        await client.post(f"{proxy.url}/nowhere", content=b"canary-text", headers={"origin": "canary-key"})
        pages = [(await client.get(f"{proxy.url}/antiphon{path}")).text for path in ("/notes", "/metrics", "/status")]
    shown = [*pages, *(as_json(one) for one in told), *(as_text(one) for one in told)]
    assert told[0].repaired
    assert not [canary for canary in canaries for text in shown if canary in text]
    assert json.loads(api.seen[0].body)["system"] == "canary-text"


async def test_a_client_that_never_says_what_it_wants_is_let_go() -> None:
    async with upstream() as api, Proxy(api.url, options=Options(limits=Limits(headers=0.05))) as proxy:
        assert await exchange(proxy.url, b"GET / HTTP/1.1\r\nHost: loc") == b""


async def test_a_client_whose_body_never_comes_is_told_and_let_go() -> None:
    async with upstream() as api, Proxy(api.url, options=Options(limits=Limits(upload=0.05))) as proxy:
        head = b"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"
        answer = await exchange(proxy.url, head, until=b"}}")
        assert (status_of(answer), len(api.seen)) == (408, 0)


async def test_a_client_that_does_not_read_is_let_go_and_the_upstream_with_it() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n" + b"x" * 20_000_000
    limits = Limits(stalled=0.1)
    async with upstream([endless]) as api, Proxy(api.url, options=Options(limits=limits)) as proxy:
        host, _, port = proxy.url.removeprefix("http://").partition(":")
        async with await anyio.connect_tcp(host, int(port)) as stream:
            await stream.send(get("/v1/files/1/content"))
            with anyio.fail_after(5):
                await api.gone.wait()


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000, b"GET /" + b"x" * 100_000])
async def test_headers_without_end_are_refused(head: bytes) -> None:
    async with upstream() as api, Proxy(api.url) as proxy:
        assert status_of(await exchange(proxy.url, head + b" HTTP/1.1\r\n\r\n")) == 400
        assert not api.seen


async def test_what_is_not_http_is_refused() -> None:
    async with upstream([OK]) as api, Proxy(api.url) as proxy:
        assert status_of(await exchange(proxy.url, b"\x16\x03\x01\x02\0 nonsense\r\n\r\n")) == 400

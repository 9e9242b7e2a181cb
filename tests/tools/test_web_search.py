"""Searching the web: against a server on this machine, and against ddgs as it is without a network."""

import json
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any, ClassVar

import anyio
import pytest
from anyio.abc import AnyByteStream, SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from web_site import serving

from antiphon.engine.events import READS_NOTHING_LOCAL, Result
from antiphon.tools.base import ToolContext
from antiphon.tools.web_search import WebSearch


@asynccontextmanager
async def answering(status: str, body: bytes) -> AsyncGenerator[tuple[str, list[str]]]:
    """Answer every request so, and note what was asked for."""
    targets: list[str] = []

    async def serve(stream: SocketStream) -> None:
        async with stream:
            head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", 16_384)
            targets.append(head.split(b" ")[1].decode())
            length = str(len(body)).encode()
            await stream.send(
                b"HTTP/1.1 "
                + status.encode()
                + b"\r\nconnection: close\r\ncontent-length: "
                + length
                + b"\r\n\r\n"
                + body
            )

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}", targets
        tasks.cancel_scope.cancel()
    await listener.aclose()


async def search(engine: str, **arguments: Any) -> Result:
    tool = WebSearch(engine)
    return await tool.run(tool.parse({"query": "cats & dogs", **arguments}), ToolContext())


async def test_results_of_a_searxng_server_are_numbered_with_address_and_snippet() -> None:
    hits = [
        {"title": "Cats", "url": "https://cats.example", "content": "All\n about   cats"},
        {"title": "", "url": "https://dogs.example"},
        {"title": "no address"},
    ]
    async with answering("200 OK", json.dumps({"results": hits}).encode()) as (url, targets):
        result = await search(url + "/")
    assert targets == ["/search?q=cats+%26+dogs&format=json"]
    assert result == Result(
        "1. Cats\n   https://cats.example\n   All about cats\n2. (no title)\n   https://dogs.example\n   "
    )


async def test_no_more_results_than_asked_for() -> None:
    hits = [{"title": str(number), "url": f"https://{number}.example"} for number in range(30)]
    async with answering("200 OK", json.dumps({"results": hits}).encode()) as (url, _):
        result = await search(url, max_results=2)
    assert str(result.content).count("https://") == 2


async def test_what_is_no_result_is_left_out() -> None:
    async with answering("200 OK", b'{"results": ["x", null, 1, {"url": "https://a.example", "title": 3}]}') as (
        url,
        _,
    ):
        assert await search(url) == Result("1. 3\n   https://a.example\n   ")


async def test_an_answer_without_an_end_is_given_up() -> None:
    async def endless(stream: AnyByteStream) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await stream.send(b" " * 100_000)

    async with serving({"/search?q=cats+%26+dogs&format=json": endless}) as site:
        result = await search(f"http://127.0.0.1:{site.port}")
    assert result.is_error


async def test_a_server_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(stream: AnyByteStream) -> None:
        del stream
        await anyio.sleep_forever()

    monkeypatch.setattr("antiphon.tools.web_search.SEARCH_TIMEOUT", 0.2)
    async with serving({"/search?q=cats+%26+dogs&format=json": silent}) as site:
        result = await search(f"http://127.0.0.1:{site.port}")
    assert result.is_error


@pytest.mark.parametrize("engine", ["http://[", "http://", "https://a b"])
async def test_an_address_that_is_none_is_a_failure(engine: str) -> None:
    assert (await search(engine)).is_error


async def test_a_search_without_results_says_so() -> None:
    async with answering("200 OK", b'{"results": []}') as (url, _):
        assert await search(url) == Result("(no results for 'cats & dogs')")


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        ("500 Internal Server Error", b"", "500"),
        ("200 OK", b"<html>", "SearXNG's JSON"),
        ("200 OK", b"[]", "SearXNG's JSON"),
        ("200 OK", b'{"answers": []}', "SearXNG's JSON"),
        ("200 OK", b'{"results": 1}', "SearXNG's JSON"),
        ("200 OK", b'{"results": "\\ud800"}', "SearXNG's JSON"),
        ("200 OK", b"[" * 100_000, "SearXNG's JSON"),
    ],
)
async def test_a_server_that_fails_or_answers_something_else_is_a_failure_that_says_why(
    status: str, body: bytes, told: str
) -> None:
    async with answering(status, body) as (url, _):
        result = await search(url)
    assert result.is_error
    assert told in str(result.content)


async def test_a_server_that_is_not_there_is_a_failure() -> None:
    async with answering("200 OK", b"") as (url, _):
        pass
    result = await search(url)
    assert result.is_error
    assert "The search failed" in str(result.content)


def ddgs_that(text: Callable[..., list[dict[str, str]]]) -> ModuleType:
    """A module with ddgs's interface, so that what we ask of it can be seen."""

    class DDGS:
        made: ClassVar[list[Any]] = []

        def __init__(self, timeout: int) -> None:
            self.made.append(timeout)

        def text(self, query: str, max_results: int) -> list[dict[str, str]]:
            return text(query, max_results)

    module = ModuleType("ddgs")
    module.__dict__["DDGS"] = DDGS
    return module


async def test_ddgs_is_asked_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def text(query: str, max_results: int) -> list[dict[str, str]]:
        asked.append((query, max_results))
        return [{"title": "Cats", "href": "https://cats.example", "body": "about cats"}]

    monkeypatch.setitem(sys.modules, "ddgs", ddgs_that(text))
    assert await search("ddgs", max_results=3) == Result("1. Cats\n   https://cats.example\n   about cats")
    assert asked == [("cats & dogs", 3)]


async def test_what_ddgs_raises_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def text(_query: str, _max_results: int) -> list[dict[str, str]]:
        raise RuntimeError("no engine answered")

    monkeypatch.setitem(sys.modules, "ddgs", ddgs_that(text))
    assert await search("ddgs") == Result("The search failed: no engine answered", is_error=True)


async def test_without_ddgs_the_model_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ddgs", None)
    result = await search("ddgs")
    assert result.is_error
    assert "antiphon[search]" in str(result.content)


def test_the_api_searches_itself_where_that_is_chosen() -> None:
    assert WebSearch("anthropic").server_definition() == {"type": "web_search_20260318", "name": "web_search"}
    assert WebSearch("ddgs").server_definition() is None


def test_searches_read_nothing_local_and_may_start_early() -> None:
    tool = WebSearch()
    assert tool.access(tool.parse({"q": "cats"})) == READS_NOTHING_LOCAL


def test_an_engine_that_is_none_is_refused_with_what_is_wanted() -> None:
    with pytest.raises(ValueError, match="SearXNG"):
        WebSearch("altavista")

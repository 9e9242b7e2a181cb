"""The search engine of the demo: a loopback server that answers as SearXNG does, one of its answers slowly.

So the demo's web search is the real tool, doing real HTTP, and still needs no network.
"""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

_LONGEST_HEAD = 16_384


@dataclass(frozen=True, slots=True)
class Page:
    """One search result."""

    title: str
    url: str
    content: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query that holds a certain word is answered: pages, after some seconds."""

    pages: tuple[Page, ...]
    seconds: float


@asynccontextmanager
async def search_engine(answers: Mapping[str, Answer]) -> AsyncGenerator[str]:
    """Serve answers, by a word of the query, on a free port of this machine, and give the address."""

    async def serve(stream: SocketStream) -> None:
        # A client that goes away is no reason for the engine to stop.
        with suppress(anyio.BrokenResourceError, anyio.IncompleteRead, anyio.DelimiterNotFound):
            async with stream:
                await answer(stream)

    async def answer(stream: SocketStream) -> None:
        head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", _LONGEST_HEAD)
        target = head.split(b" ", 2)[1].decode("ascii", "replace")
        query = parse_qs(urlsplit(target).query).get("q", [""])[0]
        found = next((answers[word] for word in answers if word in query.lower()), Answer((), 0.0))
        await anyio.sleep(found.seconds)
        results = [{"title": page.title, "url": page.url, "content": page.content} for page in found.pages]
        body = json.dumps({"query": query, "number_of_results": len(results), "results": results}).encode()
        await stream.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n"
            b"content-length: " + str(len(body)).encode() + b"\r\n\r\n" + body
        )

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port: int = listener.extra(SocketAttribute.local_port)  # noqa: S610  (not Django)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        yield f"http://127.0.0.1:{port}"
        tasks.cancel_scope.cancel()

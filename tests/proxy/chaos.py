"""A proxy in a bad world, and a look at what it left behind when the world has calmed down."""

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import SocketStream
from upstreams import Piece, Upstream, unchunked, upstream

from antiphon.proxy import Exchange, Limits, Options, Proxy
from antiphon.testing.leftovers import Leftovers

PATIENCE = 10.0
"""How long anything is waited for that must happen."""


@dataclass
class World:
    """A proxy, its upstream, and what it told."""

    api: Upstream
    proxy: Proxy
    told: list[Exchange] = field(default_factory=list[Exchange])

    async def ask(self, *sent: bytes) -> "Answer":
        """Send raw bytes and read what comes back, to the end of the connection."""
        async with await self.connect() as stream:
            for part in sent:
                await stream.send(part)
            return answer_in(await everything(stream))

    async def connect(self) -> SocketStream:
        """Open a connection to the proxy."""
        host, _, port = self.proxy.url.removeprefix("http://").partition(":")
        return await anyio.connect_tcp(host, int(port))

    async def settled(self) -> None:
        """Wait until nobody has anything left to do but to wait for others."""
        await anyio.wait_all_tasks_blocked()

    async def metric(self, name: str) -> float:
        """Return a figure that the proxy tells of itself."""
        lines = (await self.ask(request("GET /antiphon/metrics"))).body.decode().splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"antiphon_{name} "))


@asynccontextmanager
async def world(
    *answers: Sequence[Piece], limits: Limits | None = None, profile: str | None = None
) -> AsyncGenerator[World]:
    """Run a proxy and an upstream; see to it that nothing of what was done with them is left in the end."""
    leftovers, files = Leftovers(), _files()
    async with upstream(*answers) as api:
        told: list[Exchange] = []
        options = Options(limits=limits or Limits())
        async with Proxy(api.url, options=options, profile=profile, told=told.append) as proxy:
            made = World(api, proxy, told)
            yield made
            await until(lambda: proxy.metrics.active == 0)
            assert await made.metric("bytes_in_flight") == 0
            assert sum(proxy.metrics.outcomes.values()) == sum(proxy.metrics.requests.values())
        await until(lambda: api.open == 0)
    assert await leftovers.after(PATIENCE) == ""
    await until(lambda: _files() == files)


def _files() -> int:
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208  (counted)


async def everything(stream: SocketStream, until: bytes = b"") -> bytes:
    """Read to the end of a connection, to where it breaks, or until something stands at its end."""
    arrived = bytearray()
    with anyio.fail_after(PATIENCE):
        try:
            while not until or not arrived.endswith(until):
                arrived += await stream.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            pass
    return bytes(arrived)


async def until(holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something holds."""
    with anyio.fail_after(seconds):
        while not holds():  # noqa: ASYNC110  (what others do with sockets tells no event)
            await anyio.sleep(0.002)


@dataclass
class Answer:
    """An answer as it came over the wire.

    Attributes:
        whole: it ended as it said it would.
        rest: what came behind it.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    whole: bool
    rest: bytes = b""


def answer_in(raw: bytes) -> Answer:
    """Read an answer, whole or not; one without a status line has the status 0."""
    head, mark, body = raw.partition(b"\r\n\r\n")
    if not mark:
        return Answer(0, {}, b"", whole=False)
    line, *fields = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (text.partition(":") for text in fields)}
    status = int(line.split()[1])
    if headers.get("transfer-encoding") == "chunked":
        whole = body.endswith(b"\r\n0\r\n\r\n") or body == b"0\r\n\r\n"
        return Answer(status, headers, unchunked(body), whole)
    length = int(headers.get("content-length", "0"))
    return Answer(status, headers, body[:length], len(body) >= length, body[length:])


def request(line: str, *fields: str, body: bytes = b"", close: bool = True) -> bytes:
    """Return a request with its body, after which the connection is closed."""
    named = ["Host: localhost", *fields, *([f"Content-Length: {len(body)}"] if body else [])]
    return "\r\n".join([f"{line} HTTP/1.1", *named, *(["Connection: close"] if close else []), "", ""]).encode() + body


def chunk(data: bytes) -> bytes:
    """Return a piece of a body as it stands in chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"

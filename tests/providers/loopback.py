"""A small HTTP server on loopback that records what it is sent and answers with the bytes it is told."""

import json
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.abc import ByteStream, Listener, SocketAttribute
from anyio.streams.tls import TLSListener


@dataclass
class Recorded:
    """One request, as it came over the wire."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    def json(self) -> Any:
        return json.loads(self.body)


Script = Callable[["Conversation"], Awaitable[None]]


@dataclass
class Conversation:
    """One request and the way to answer it."""

    request: Recorded
    socket: ByteStream

    async def send(self, data: bytes) -> None:
        await self.socket.send(data)

    async def head(self, status: int = 200, **headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Whatever", *(f"{name.replace('_', '-')}: {headers[name]}" for name in headers)]
        await self.send("\r\n".join([*lines, "", ""]).encode())

    async def answer(self, status: int, body: bytes, **headers: str) -> None:
        await self.head(status, content_length=str(len(body)), **headers)
        await self.send(body)

    async def begin_stream(self, **headers: str) -> None:
        await self.head(200, content_type="text/event-stream", transfer_encoding="chunked", **headers)

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def end_stream(self) -> None:
        await self.send(b"0\r\n\r\n")

    async def stream(self, *chunks: bytes, **headers: str) -> None:
        await self.begin_stream(**headers)
        for chunk in chunks:
            await self.chunk(chunk)
        await self.end_stream()


@dataclass
class Server:
    """What the server was sent, and where it is."""

    port: int
    script: Script
    requests: list[Recorded] = field(default_factory=list[Recorded])
    connections: int = 0
    hung_up: anyio.Event = field(default_factory=anyio.Event)
    """Set when a client closed a connection."""

    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, socket: ByteStream) -> None:
        self.connections += 1
        number = self.connections
        async with socket:
            try:
                while (request := await _read_request(socket, number)) is not None:
                    self.requests.append(request)
                    await self.script(Conversation(request, socket))
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass
            self.hung_up.set()


async def _read_request(socket: ByteStream, connection: int) -> Recorded | None:
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            data += await socket.receive()
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        length = int({name.lower(): value for name, value in headers.items()}.get("content-length", "0"))
        while len(body) < length:
            body += await socket.receive()
    except anyio.EndOfStream:
        return None
    method, target, _ = first.split(" ")
    return Recorded(method, target, headers, body, connection)


@asynccontextmanager
async def serving(
    script: Script, context: ssl.SSLContext | None = None, *, port: int = 0
) -> AsyncGenerator[Server, None]:
    """Serve on loopback while the context lasts, by TLS where that is given; the script answers every request."""
    plain = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port)
    server = Server(plain.extra(SocketAttribute.local_port), script, scheme="https" if context else "http")
    listener: Listener[Any] = TLSListener(plain, context, standard_compatible=False) if context else plain
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, server.serve)
        yield server
        tasks.cancel_scope.cancel()

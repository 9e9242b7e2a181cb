"""A server on this machine and a client of the sandbox's proxy, for tests."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
from anyio.abc import ByteStream, SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

from antiphon.policy.sandbox.network import DomainProxy

PAGE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
Serve = Callable[[ByteStream], Awaitable[None]]


@dataclass
class Server:
    """A server on this machine that answers every request with the same bytes, and what it was asked."""

    answer: bytes = PAGE
    serve: Serve | None = None
    heads: list[str] = field(default_factory=list[str])
    port: int = 0

    async def handle(self, stream: SocketStream) -> None:
        async with stream:
            if self.serve is not None:
                await self.serve(stream)
                return
            head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", 65_536)
            self.heads.append(head.decode())
            await stream.send(self.answer)


@asynccontextmanager
async def serving(answer: bytes = PAGE, serve: Serve | None = None, host: str = "127.0.0.1") -> AsyncGenerator[Server]:
    server = Server(answer, serve)
    (listener,) = (await anyio.create_tcp_listener(local_host=host)).listeners
    server.port = listener.extra(SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, server.handle)
        yield server
        tasks.cancel_scope.cancel()


class Names:
    """A name service that answers from a table; each list is used up but for its last entry. Keeps what was asked."""

    def __init__(self, **table: list[str]) -> None:
        self.table = {name.replace("__", "-").replace("_", "."): answers for name, answers in table.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self.table.get(host, [host])
        return [answers.pop(0) if len(answers) > 1 else answers[0]]


async def asked(proxy: DomainProxy, *requests: bytes) -> bytes:
    """Send requests on one connection and return all that comes until its end."""
    async with await anyio.connect_unix(proxy.socket) as stream:
        with anyio.fail_after(20):
            for request in requests:
                await stream.send(request)
            return b"".join([part async for part in stream])


def get(place: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET http://{place} HTTP/1.1", "host: x", *headers, "", ""]).encode()


def connect(place: str) -> bytes:
    return f"CONNECT {place} HTTP/1.1\r\nhost: {place}\r\n\r\n".encode()


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])

"""An upstream that notes every byte it gets, and answers with the bytes it is told."""

import socket
import struct
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from anyio.abc import SocketStream, TaskStatus

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Hang:
    """Says nothing more, until the client is gone."""


class Cut:
    """Closes the connection."""


class Reset(Cut):
    """Breaks the connection: the other side gets an error, not an end."""


Piece = bytes | anyio.Event | Hang | Cut
"""Bytes to send, an event to wait for, or something else to do."""


@dataclass
class Seen:
    """One request, as it came."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def header(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Upstream:
    """What was asked, and what is answered: the n-th request gets the n-th answer, the last one again and again.

    Attributes:
        answers: in the order of the requests.
        seen: all requests that came whole.
        url: where it is.
        gone: a client has gone.
        connections: how many there were.
        open: how many there are.
        greeting: is sent and the connection closed before anything is read.
        choose: says what a request is answered, if it does not go by their order.
    """

    answers: Sequence[Sequence[Piece]] = ((OK,),)
    seen: list[Seen] = field(default_factory=list[Seen])
    url: str = ""
    gone: anyio.Event = field(default_factory=anyio.Event)
    connections: int = 0
    open: int = 0
    greeting: bytes = b""
    choose: "Callable[[Seen], Sequence[Piece]] | None" = None

    async def handle(self, stream: SocketStream) -> None:
        self.connections += 1
        self.open += 1
        try:
            await self._handle(stream)
        finally:
            self.open -= 1

    async def _handle(self, stream: SocketStream) -> None:
        held = bytearray()
        async with stream:
            if self.greeting:
                await stream.receive()
                await stream.send(self.greeting)
                return
            try:
                while await self._one(stream, held):
                    pass
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                self.gone.set()

    async def _one(self, stream: SocketStream, held: bytearray) -> bool:
        while b"\r\n\r\n" not in held:
            held += await stream.receive()
        head, _, rest = bytes(held).partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        named = [(name, value.strip()) for name, _, value in (text.partition(":") for text in fields)]
        seen = Seen(line, named)
        if seen.header("transfer-encoding"):
            while not rest.endswith(b"0\r\n\r\n"):
                rest += await stream.receive()
            seen.body, rest = unchunked(rest), b""
        else:
            length = int((seen.header("content-length") or ["0"])[0])
            while len(rest) < length:
                rest += await stream.receive()
            seen.body, rest = rest[:length], rest[length:]
        held[:] = rest
        self.seen.append(seen)
        answer = self.choose(seen) if self.choose else self.answers[min(len(self.seen), len(self.answers)) - 1]
        for piece in answer:
            if isinstance(piece, anyio.Event):
                await piece.wait()
            elif isinstance(piece, Hang):
                await stream.receive()
            elif isinstance(piece, Cut):
                if isinstance(piece, Reset):
                    reset_on_close(stream)
                return False
            else:
                await stream.send(piece)
        return True


def reset_on_close(stream: SocketStream) -> None:
    """Have a connection break when it is closed, with whatever was not read or sent yet."""
    raw: socket.socket = stream.extra(anyio.abc.SocketAttribute.raw_socket)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def unchunked(data: bytes) -> bytes:
    """Return the body that came in chunks."""
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]
    return body


@asynccontextmanager
async def upstream(*answers: Sequence[Piece]) -> AsyncGenerator[Upstream]:
    """Run an upstream."""
    made = Upstream(answers or ((OK,),))
    async with anyio.create_task_group() as tasks:
        made.url = await tasks.start(_listen, made)
        try:
            yield made
        finally:
            tasks.cancel_scope.cancel()


async def _listen(made: Upstream, *, task_status: TaskStatus[str]) -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener:
        port: Any = listener.extra(anyio.abc.SocketAttribute.local_port)
        task_status.started(f"http://127.0.0.1:{port}")
        await listener.serve(made.handle)


async def exchange(url: str, request: bytes, *, until: bytes = b"") -> bytes:
    """Send raw bytes and return the raw answer: up to some bytes, or to the end of the connection."""
    host, _, port = url.removeprefix("http://").partition(":")
    async with await anyio.connect_tcp(host, int(port)) as stream:
        await stream.send(request)
        arrived = bytearray()
        with anyio.fail_after(10):
            try:
                while not until or until not in arrived:
                    arrived += await stream.receive()
            except anyio.EndOfStream:
                pass
        return bytes(arrived)

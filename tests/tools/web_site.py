"""A web site on this machine, for tests of what fetches pages."""

import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from anyio.abc import AnyByteStream, SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener

CERTIFICATE = Path(__file__).with_name("site.test.pem")
"""Of the host `site.test`, signed by itself; good for nothing else."""

Answer = bytes | Callable[[AnyByteStream], Awaitable[None]]


def answer(body: bytes = b"", status: str = "200 OK", content_type: str | None = "text/html", **headers: str) -> bytes:
    """Return an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close"]
    if content_type is not None:
        lines.append(f"content-type: {content_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def moved(to: str) -> bytes:
    """Return an answer that sends its reader elsewhere."""
    return answer(status="302 Found", location=to)


@dataclass
class Site:
    """What a site answers by path, and the heads of the requests it got."""

    answers: Mapping[str, Answer]
    requests: list[str] = field(default_factory=list[str])
    port: int = 0
    connections: int = 0

    async def serve(self, stream: AnyByteStream) -> None:
        self.connections += 1
        async with stream:
            try:
                head = await BufferedByteReceiveStream(stream).receive_until(b"\r\n\r\n", 65_536)
                self.requests.append(head.decode())
                given = self.answers.get(head.split(b" ")[1].decode(), answer(status="404 Not Found"))
                if isinstance(given, bytes):
                    await stream.send(given)
                else:
                    await given(stream)
            except (anyio.BrokenResourceError, anyio.IncompleteRead, anyio.EndOfStream):
                pass


@asynccontextmanager
async def serving(answers: Mapping[str, Answer], *, tls: bool = False) -> AsyncGenerator[Site]:
    """Serve these answers on this machine."""
    site = Site(answers)
    (listener,) = (await anyio.create_tcp_listener(local_host="127.0.0.1")).listeners
    site.port = listener.extra(SocketAttribute.local_port)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    async with listener, anyio.create_task_group() as tasks:
        if tls:
            tasks.start_soon(TLSListener(listener, context, standard_compatible=False).serve, site.serve)
        else:
            tasks.start_soon(listener.serve, site.serve)
        yield site
        tasks.cancel_scope.cancel()

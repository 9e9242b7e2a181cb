"""Clients for the proxy's benchmarks: bare asyncio protocols that send one request after the other and note times."""

import asyncio
import re
import time
from dataclasses import dataclass, field

_SENT = re.compile(rb"sent=(\d+);")
_LAST_CHUNK = b"0\r\n\r\n"


@dataclass
class Load:
    """What clients ask, and what they saw.

    Attributes:
        request: the bytes of one request.
        latencies: seconds of each request until its answer was whole.
        firsts: seconds until its first byte was there.
        delays: seconds that each event of a paced stream was on its way.
        wrong: answers that were no 200, and connections that broke.
        seconds: how long it took in all.
    """

    request: bytes
    latencies: list[float] = field(default_factory=list[float])
    firsts: list[float] = field(default_factory=list[float])
    delays: list[float] = field(default_factory=list[float])
    wrong: int = 0
    seconds: float = 0.0

    async def run(self, port: int, connections: int, *, seconds: float = 0.0) -> None:
        """Ask on so many connections at once: once each, and again and again until the time is over."""
        loop = asyncio.get_running_loop()
        clients = [Client(self) for _ in range(connections)]
        for client in clients:
            await loop.create_connection(lambda made=client: made, "127.0.0.1", port)
        started = time.perf_counter()
        for client in clients:
            client.begin(started + seconds)
        await asyncio.wait([client.done for client in clients])
        self.seconds = time.perf_counter() - started
        for client in clients:
            client.close()


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, load: Load) -> None:
        """Ask as this load says."""
        self._load = load
        self._until = 0.0
        self._transport: asyncio.Transport | None = None
        self._asked = 0.0
        self._head: bytes | None = b""
        self._missing = 0
        self._chunked = False
        self._tail = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the connection."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Count a connection that broke before its time."""
        del exc
        if not self.done.done():
            self._load.wrong += 1
            self.done.set_result(None)

    def begin(self, until: float) -> None:
        """Send the first request; the last one at this time."""
        self._until = until
        self._send()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        """Read one answer; ask again when it is whole."""
        now = time.perf_counter()
        if self._head is not None:
            if not self._head:
                self._load.firsts.append(now - self._asked)
            self._begun(self._head + data)
        elif self._chunked:
            self._stream(data)
        else:
            self._missing -= len(data)
        if self._head is not None or self._missing > 0:
            return
        self._load.latencies.append(now - self._asked)
        if now < self._until:
            self._send()
        elif not self.done.done():
            self.done.set_result(None)

    def _begun(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._head = data
            return
        self._head, rest = None, data[end + 4 :]
        head = data[:end].lower()
        self._load.wrong += not head.startswith(b"http/1.1 200")
        at = head.find(b"\r\ncontent-length:")
        self._chunked = at < 0
        if self._chunked:
            self._stream(rest)
        else:
            self._missing = int(head[at + 17 :].split(b"\r\n", 1)[0]) - len(rest)

    def _stream(self, data: bytes) -> None:
        if b"sent=" in data:
            now = time.monotonic_ns()
            self._load.delays.extend((now - int(sent)) / 1e9 for sent in _SENT.findall(data))
        self._tail = (self._tail + data)[-len(_LAST_CHUNK) :]
        self._missing = self._tail != _LAST_CHUNK

    def _send(self) -> None:
        if self._transport is not None:
            self._head, self._tail, self._missing = b"", b"", 0
            self._asked = time.perf_counter()
            self._transport.write(self._load.request)

"""One HTTP request and its streamed answer over a connection of our own: the short way, for what is asked every turn.

It knows one method, one version of HTTP and one hop. For whatever else comes up (a proxy, a redirect, a user in the
address, another event loop) there is the long way, `transport.py`, which stands on httpx2.
"""

import asyncio
import os
import ssl
import sys
import time
import zlib
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import anyio
from anyio.lowlevel import checkpoint

from antiphon.errors import StreamBroken, Unreachable
from antiphon.providers.answer import CONNECT_TIMEOUT, LONGEST_IDLE, MOST_IDLE, Answer
from antiphon.providers.connection import Connection
from antiphon.providers.http1 import BadResponse, ResponseReader

if TYPE_CHECKING:
    from antiphon.providers.transport import HttpTransport

_NEXT_ADDRESS_AFTER = 0.25
"""Seconds after which a host's next address is tried as well (RFC 8305 wants 100 ms to 2 s, and suggests this)."""


def is_direct(base_url: str) -> bool:
    """Return whether the short way leads to an address: nothing stands between, and asyncio runs."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return base_url.isascii() and "@" not in base_url and not _has_proxy()


class DirectTransport:
    """Sends requests over kept connections of its own."""

    def __init__(self, timeout: float) -> None:
        """Prepare a transport that waits `timeout` seconds for the next bytes of an answer."""
        self._timeout = timeout
        self._idle: list[tuple[float, str, Connection]] = []
        self._context: ssl.SSLContext | None = None
        self._long_way: HttpTransport | None = None

    @asynccontextmanager
    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> AsyncGenerator[Answer, None]:
        """Send a request and yield its answer as soon as the headers are there.

        Leaving the context before the body has ended closes the connection.

        Raises:
            Unreachable: no answer arrived.
        """
        if self._long_way is not None:
            async with self._long_way.post(url, headers, body) as answer:
                yield answer
            return
        address = urlsplit(url)
        origin = f"{address.scheme}://{address.netloc}"
        connection = self._kept(origin) or await self._connect(address)
        try:
            connection.send(_head(address, headers, len(body)) + body)
            response = await self._response(connection, address.netloc)
            if not (300 <= response.status < 400 and "location" in response.headers):
                async with aclosing(self._chunks(connection, response)) as chunks:
                    yield Answer(address.netloc, response.status, response.headers, chunks)
                return
        finally:
            self._keep(origin, connection)
        from antiphon.providers.transport import HttpTransport  # noqa: PLC0415  (hardly anybody is redirected)

        self._long_way = HttpTransport(self._timeout)
        async with self._long_way.post(url, headers, body) as answer:
            yield answer

    async def aclose(self) -> None:
        """Close idle connections."""
        for _, _, connection in self._idle:
            connection.abort()
        self._idle.clear()
        if self._long_way is not None:
            await self._long_way.aclose()
        # Connections end in the loop's next round.
        await checkpoint()

    def _kept(self, origin: str) -> Connection | None:
        now = time.monotonic()
        for place in reversed(range(len(self._idle))):
            since, where, connection = self._idle[place]
            if where == origin:
                del self._idle[place]
                if connection.is_free and now - since < LONGEST_IDLE:
                    return connection
                connection.abort()
        return None

    def _keep(self, origin: str, connection: Connection) -> None:
        if not connection.is_free:
            connection.abort()
            return
        self._idle.append((time.monotonic(), origin, connection))
        if len(self._idle) > MOST_IDLE:
            self._idle.pop(0)[2].abort()

    async def _connect(self, address: SplitResult) -> Connection:
        loop = asyncio.get_running_loop()
        secure = address.scheme == "https"
        more: dict[str, Any] = {"ssl": self._trust()} if secure else {}
        if isinstance(loop, asyncio.BaseEventLoop):
            more["happy_eyeballs_delay"] = _NEXT_ADDRESS_AFTER  # other loops do not know it
        port = address.port or (443 if secure else 80)
        try:
            with anyio.fail_after(CONNECT_TIMEOUT):
                _, connection = await loop.create_connection(Connection, address.hostname or "", port, **more)
        except TimeoutError as error:
            text = f"{address.netloc} cannot be reached: no connection within {CONNECT_TIMEOUT:g} seconds."
            raise Unreachable(text) from error
        except OSError as error:
            found = Unreachable(f"{address.netloc} cannot be reached: {error}.")
            # A certificate that does not hold stays so.
            found.retryable = not isinstance(error, ssl.SSLCertVerificationError)
            raise found from error
        return connection

    async def _response(self, connection: Connection, server: str) -> ResponseReader:
        try:
            return await connection.head(self._timeout)
        except TimeoutError as error:
            raise Unreachable(f"{server} did not answer within {self._timeout:g} seconds.") from error
        except (OSError, BadResponse) as error:
            raise Unreachable(f"{server} did not answer: {error}.") from error

    async def _chunks(self, connection: Connection, response: ResponseReader) -> AsyncGenerator[bytes, None]:
        try:
            encoding = response.headers.get("content-encoding", "identity").lower()
            inflate = _inflate(encoding)
            while chunk := await connection.read(self._timeout):
                if plain := chunk if inflate is None else inflate(chunk):
                    yield plain
        except TimeoutError as error:
            raise StreamBroken(f"The reply stopped: nothing more arrived within {self._timeout:g} seconds.") from error
        except (OSError, BadResponse, zlib.error) as error:
            raise StreamBroken(f"The connection broke while the reply arrived: {error}.") from error

    def _trust(self) -> ssl.SSLContext:
        if self._context is None:
            # Which authorities to trust differs between systems, and httpx2 knows where each keeps them.
            import httpx2  # noqa: PLC0415  (plain addresses do without it)

            self._context = httpx2.create_ssl_context()
            self._context.set_alpn_protocols(["http/1.1"])
        return self._context


def _head(address: SplitResult, headers: Mapping[str, str], length: int) -> bytes:
    fields = {
        "host": address.netloc,
        "accept-encoding": "gzip, deflate",
        "connection": "keep-alive",
        **headers,
        "content-length": str(length),
    }
    lines = [f"POST {address.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode("ascii")


def _inflate(encoding: str) -> Callable[[bytes], bytes] | None:
    if encoding == "identity":
        return None
    if encoding in ("gzip", "deflate"):
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress  # 32: either, by what the data begins with
    raise zlib.error(f"it is compressed as {encoding}, which was not asked for")


def _has_proxy() -> bool:
    if sys.platform in ("darwin", "win32"):
        # Theirs are settings of the system as well.
        from urllib.request import getproxies  # noqa: PLC0415  (imports much)

        return bool(getproxies())
    names = ("http_proxy", "https_proxy", "all_proxy")
    return any(value and name.lower() in names for name, value in os.environ.items())

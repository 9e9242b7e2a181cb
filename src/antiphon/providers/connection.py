"""One connection to a server, on the event loop itself: bytes out, the body of one response after another in.

A reply comes as very many small events, and each layer between the socket and its reader is paid for every one of them.
Here there is none: the loop hands over bytes, they are read at once, and whoever waits is woken once.
"""

import asyncio
import select
import socket
from typing import cast

from antiphon.providers.http1 import BadResponse, ResponseReader

_FULL = 1_000_000
"""Bytes that may wait for a slow reader before the server is held back."""
_SILENCE_BEFORE_PROBE = 60
"""Seconds. A model may think for minutes without a byte, and routers forget connections that are silent."""


class Connection(asyncio.Protocol):
    """A connection, used by one request at a time.

    Attributes:
        response: the response that is being read.
        is_closed: nothing more can be sent or will arrive.
    """

    def __init__(self) -> None:
        self.response = ResponseReader()
        self.is_closed = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._error: Exception | None = None
        self._body: list[bytes] = []
        self._waiting_bytes = 0
        self._is_asked = False
        self._is_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unsent = 0

    @property
    def is_free(self) -> bool:
        """Whether another request may be sent, on the loop that runs now."""
        return (
            self.response.is_over
            and self.response.keeps_alive
            and not self.is_closed
            and not self._body
            and self._loop is asyncio.get_running_loop()
            and self._is_quiet()
        )

    def send(self, request: bytes) -> None:
        """Send a request; what arrives from now on is its response."""
        self.response = ResponseReader()
        self._error = None
        self._is_asked = True
        if self._transport is not None:
            self._transport.write(request)

    async def head(self, timeout: float) -> ResponseReader:  # noqa: ASYNC109  (restarts with each byte that moves)
        """Wait until the head of the response is there.

        Raises:
            TimeoutError: nothing was sent or received for so many seconds.
            OSError: the connection broke.
            BadResponse: the server answered with something else, or not at all.
        """
        while not self.response.status:
            self._raise_error()
            await self._wait(timeout)
        return self.response

    async def read(self, timeout: float) -> bytes:  # noqa: ASYNC109  (restarts with each byte that moves)
        """Return what there is of the body, waiting for it where there is nothing; empty at its end.

        Raises:
            TimeoutError, OSError, BadResponse: as for `head`.
        """
        while not self._body:
            self._raise_error()
            if self.response.is_over:
                return b""
            await self._wait(timeout)
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body = []
        self._waiting_bytes = 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return body

    def abort(self) -> None:
        """Close the connection at once."""
        self.is_closed = True
        if self._transport is not None and not self._loop.is_closed():
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)
        _probe_when_silent(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if not self._is_asked:
            # Servers may say goodbye before they close an idle connection. Whatever it is, it answers nothing.
            self.abort()
            return
        try:
            body = self.response.feed(data)
        except BadResponse as error:
            self._error = error
            self.abort()
        else:
            if body:
                self._body.append(body)
                self._waiting_bytes += len(body)
                if self._waiting_bytes > _FULL and not self._is_paused and self._transport is not None:
                    self._is_paused = True
                    self._transport.pause_reading()
            self._is_asked = not self.response.is_over
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self.is_closed = True
        if self._error is None and not self.response.is_over:
            try:
                self.response.end()
            except BadResponse as error:
                self._error = exc or error
        self._wake()

    def _is_quiet(self) -> bool:
        """Return whether nothing is left to send (the server may refuse a request half-way) or to be read."""
        if self._transport is None or self._transport.get_write_buffer_size():
            return False
        # What there is to read of an idle connection is the server's goodbye, on its way through the loop to us.
        connected = self._transport.get_extra_info("socket")
        if not hasattr(select, "poll"):
            return not select.select([connected], [], [], 0)[0]
        poll = select.poll()
        poll.register(connected, select.POLLIN)
        return not poll.poll(0)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    async def _wait(self, timeout: float) -> None:  # noqa: ASYNC109  (see `head`)
        self._waiter = self._loop.create_future()
        # A timer of the loop, not a cancel scope: this happens for every piece of a reply.
        self._timer = self._loop.call_later(timeout, self._expire, timeout)
        try:
            await self._waiter
        finally:
            self._timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _expire(self, timeout: float) -> None:
        unsent = self._transport.get_write_buffer_size() if self._transport is not None else 0
        if unsent and unsent != self._unsent:
            # A long request over a slow line: it moves.
            self._unsent = unsent
            self._timer = self._loop.call_later(timeout, self._expire, timeout)
        elif self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(TimeoutError())


def _probe_when_silent(connected: socket.socket | None) -> None:
    if connected is None or connected.family not in (socket.AF_INET, socket.AF_INET6):
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name in ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL"):
        option = getattr(socket, name, None)  # which of them there are differs between systems
        if option is not None:
            connected.setsockopt(socket.IPPROTO_TCP, option, _SILENCE_BEFORE_PROBE)

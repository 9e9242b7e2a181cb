"""Ends connections of clients that do not say what they want, or do not read what they asked for.

A client that is slow holds a few kilobytes and a place; this bounds for how long.
"""

import asyncio
import time


class Patience:
    """Looks after all connections with one timer.

    Attributes:
        ended: how many connections it had to end.
    """

    def __init__(self, headers: float, stalled: float) -> None:
        """Take how many seconds a client may take to make its first request, and to read some bytes of a reply."""
        self._headers = headers
        self._stalled = stalled
        self._silent: dict[asyncio.Transport, float] = {}
        self._writing: dict[asyncio.Transport, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.ended = 0

    def start(self) -> None:
        """Begin to look, in the running event loop."""
        every = max(min(self._headers, self._stalled) / 4, 0.01)

        def look() -> None:
            self._look(time.monotonic())
            self._timer = loop.call_later(every, look)

        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(every, look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def connected(self, connection: asyncio.Transport) -> None:
        """Expect a first request on a connection."""
        self._silent[connection] = time.monotonic() + self._headers

    def heard(self, connection: asyncio.Transport) -> None:
        """Take note of a request."""
        self._silent.pop(connection, None)

    def gone(self, connection: asyncio.Transport) -> None:
        """Forget a connection that is closed."""
        self._silent.pop(connection, None)
        self._writing.pop(connection, None)

    def writes(self, connection: asyncio.Transport) -> None:
        """Expect that some bytes are taken, from now on."""
        self._writing[connection] = time.monotonic() + self._stalled

    def wrote(self, connection: asyncio.Transport) -> None:
        """Take note that they are taken."""
        self._writing.pop(connection, None)

    def _look(self, now: float) -> None:
        for waiting in (self._silent, self._writing):
            for connection in [found for found, until in waiting.items() if until < now]:
                del waiting[connection]
                self.ended += 1
                # Not `close`, which waits until the client has read what was sent.
                connection.abort()

"""A stream over a Unix socket whose reading may be cancelled at any moment.

anyio's own (4.16) reports `InvalidStateError` to the event loop when a cancelled read and what was waited for come in
the same turn of the loop, as when a command ends and the proxy with it. This one waits with `wait_readable`, which
knows of that. https://github.com/agronholm/anyio/issues/1267 is about a sibling of the problem.
"""

import socket

import anyio
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint


class UnixStream(ByteStream):
    """A connected Unix socket; one reader and one writer at a time."""

    def __init__(self, raw: socket.socket) -> None:
        """Take over a connected socket that does not block."""
        self._raw = raw

    async def receive(self, max_bytes: int = 65536) -> bytes:
        """Return what has come, or wait for it.

        Raises:
            EndOfStream: the other side has ended.
            BrokenResourceError: the connection is broken, or was closed by us.
        """
        await checkpoint()
        while True:
            try:
                data = self._raw.recv(max_bytes)
            except BlockingIOError:
                await anyio.wait_readable(self._raw)
            except OSError as error:
                raise anyio.BrokenResourceError from error
            else:
                if not data:
                    raise anyio.EndOfStream
                return data

    async def send(self, item: bytes) -> None:
        """Send all of it.

        Raises:
            BrokenResourceError: the connection is broken, or was closed by us.
        """
        await checkpoint()
        left = memoryview(item)
        while left:
            try:
                left = left[self._raw.send(left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._raw)
            except OSError as error:
                raise anyio.BrokenResourceError from error

    async def send_eof(self) -> None:
        """End what we send; what the other side sends still arrives.

        Raises:
            BrokenResourceError: the connection is broken.
        """
        try:
            self._raw.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        """Close the socket."""
        self._raw.close()
        await checkpoint()

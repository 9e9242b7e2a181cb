"""The emulator's socket and its connections.

Uses uvicorn's protocol without its main loop, so that starting and stopping need no polling, and gives the application
a way to take a connection away, which ASGI has not.
"""

import asyncio
import socket
import struct
from typing import Any, cast

import anyio
import anyio.lowlevel
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from antiphon.emulator.app import App
from antiphon.errors import SettingsError

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_KEEP_ALIVE = 3600


class _Connection(H11Protocol):
    """One connection, which can be cut by the application."""

    def __init__(self, config: Config, state: ServerState) -> None:
        super().__init__(config, state, {"connection": self})
        self.made = anyio.Event()
        self.closed = anyio.Event()

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]  (as the base class does)
        super().connection_made(transport)
        # What was sent has left when `send` returns the next time, so that a cut comes where the script wants it.
        transport.set_write_buffer_limits(high=0)
        self.made.set()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.closed.set()

    async def cut(self, *, reset: bool) -> None:
        """Take the connection away, once what was sent has left."""
        await self.flow.drain()
        if not reset:
            self.transport.close()
            return
        peer: socket.socket = self.transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.transport.abort()


class Listener:
    """A listening socket and its connections."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._config = Config(
            cast("Any", app),
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE,
        )
        self._config.load()
        self._state = ServerState()
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> str:
        """Listen, and return the URL."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._accept, host, port, backlog=2048)
        except OSError as error:
            raise SettingsError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
        address, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{f'[{address}]' if ':' in address else address}:{port}"

    async def close(self) -> None:
        """Stop listening, close every connection, and wait until each is closed and its task has ended."""
        if self._server is None:
            return
        # Accepting ends one round of the loop before the server closes: a client that was accepted in this round could
        # not be attached to a closed server, and its socket would be lost.
        for listening in self._server.sockets:
            asyncio.get_running_loop().remove_reader(listening)
        await anyio.lowlevel.checkpoint()
        self._server.close()
        self._app.stop()
        for connection in list(self._connections):
            await connection.made.wait()
            connection.transport.abort()
            await connection.closed.wait()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks)
        await self._server.wait_closed()

    def _accept(self) -> _Connection:
        self._connections = {connection for connection in self._connections if not connection.closed.is_set()}
        connection = _Connection(self._config, self._state)
        self._connections.add(connection)
        return connection

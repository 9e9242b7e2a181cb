"""The emulator on a socket of this machine: in a running event loop, in a thread of its own, or until a signal.

Uses uvicorn's protocol without its main loop, so that starting and stopping need no polling.
"""

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast

import anyio
import anyio.lowlevel
from anyio.from_thread import start_blocking_portal
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from antiphon.emulator.api import Api
from antiphon.emulator.app import App
from antiphon.emulator.records import Record, Records
from antiphon.emulator.script import ScriptSource, to_script
from antiphon.errors import SettingsError
from antiphon.protocol.dialects import DIALECTS, in_strict_order
from antiphon.protocol.rule import Dialect

DialectName = Literal["anthropic", "bedrock", "compatible"]

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)
_KEEP_ALIVE = 3600


class Emulator:
    """A strict fake of the Messages API on this machine.

    Start it with `async with` in a running event loop, or with `with` in a thread of its own::

        async with Emulator(["Hello."]) as emulator:
            client = anthropic.AsyncAnthropic(base_url=emulator.url, api_key="any")

    Attributes:
        records: all requests and their answers, in the order they arrived.
    """

    def __init__(
        self,
        script: ScriptSource = None,
        *,
        dialect: DialectName | Dialect = "anthropic",
        strict_order: bool = False,
        clock: Callable[[], float] = time.monotonic,
        seed: int = 0,
        latency: float = 0.0,
        log: str | PathLike[str] | None = None,
        told: Callable[[Record], None] | None = None,
        keep: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """Prepare an emulator; nothing listens yet.

        Args:
            script: what the model says: a `Script`, a list of replies, a function, YAML text, or a path.
            dialect: whose rules hold.
            strict_order: results must stand in the order of their calls, as some servers want it.
            clock: seconds for prompt caches and records.
            seed: of identifiers and of the key that signs thinking.
            latency: seconds added before every answer.
            log: a file that gets a line of JSON for each request.
            told: is called with each finished record.
            keep: how many of the last requests are kept whole; of older ones only the verdict. All of them unless said,
                which for long conversations is a lot: every request holds what the one before held.
            host: where to listen.
            port: 0 takes a free one.

        Raises:
            SettingsError: the script cannot be used.
        """
        chosen = DIALECTS[dialect] if isinstance(dialect, str) else dialect
        if strict_order:
            chosen = in_strict_order(chosen)
        self._log = Records(None if log is None else Path(log), told, keep)
        self._api = Api(to_script(script), chosen, clock, seed)
        self._app = App(self._api, self._log, clock, latency)
        self._address = (host, port)
        self._listener: _Listener | None = None
        self._url = ""
        self._thread: ExitStack | None = None
        for created in _watching:
            created.append(self)

    @property
    def url(self) -> str:
        """The base URL: what `ANTHROPIC_BASE_URL` has to be."""
        if self._listener is None:
            raise RuntimeError("the emulator is not started: use it in a `with` or `async with` statement")
        return self._url

    @property
    def records(self) -> list[Record]:
        """All requests, probes and the like included, in the order they arrived."""
        return self._log.all

    @property
    def requests(self) -> list[Record]:
        """The requests for a message, in the order they arrived: `emulator.requests[1]["messages"][-1]`."""
        return [record for record in self._log.all if record.path.rstrip("/") == "/v1/messages"]

    @property
    def refused(self) -> list[Record]:
        """The requests that were answered with 400 because of what they held."""
        return [record for record in self._log.all if record.refused and record.status == 400]

    @property
    def app(self) -> App:
        """The ASGI application, for servers and clients that want one."""
        return self._app

    def play(self, script: ScriptSource) -> None:
        """Go on with another script, from its beginning."""
        self._api.play(to_script(script))

    def remember(self, request: dict[str, Any], content: list[dict[str, Any]]) -> None:
        """Take `content` for what was replied to `request`, as if it had been."""
        self._api.memory.remember(request, content)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something about the records holds (a client is gone). Only in the emulator's own loop."""
        await self._log.until(condition)

    async def start(self) -> str:
        """Listen, and return the URL.

        Raises:
            SettingsError: the address cannot be had, or the log cannot be written.
        """
        self._log.open()
        listener = _Listener(self._app)
        self._url = await listener.open(*self._address)
        self._listener = listener
        return self._url

    async def stop(self) -> None:
        """Stop listening and end what is still being sent. Returns when all connections are closed."""
        listener, self._listener = self._listener, None
        if listener is not None:
            await listener.close()
        self._log.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with anyio.CancelScope(shield=True):
            await self.stop()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal())
            portal.call(self.start)
            stack.callback(portal.call, self.stop)
            self._thread = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.close()


_watching: list[list[Emulator]] = []


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


class _Listener:
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


@contextmanager
def created_emulators() -> Generator[list[Emulator]]:
    """Collect the emulators that are made meanwhile, for whoever wants to look at their records afterwards."""
    created: list[Emulator] = []
    _watching.append(created)
    try:
        yield created
    finally:
        _watching.remove(created)


async def serve(emulator: Emulator, ready: Callable[[str], None], until: anyio.Event) -> None:
    """Run an emulator until `until` is set; `ready` gets the URL."""
    async with emulator:
        ready(emulator.url)
        await until.wait()

"""The emulator as its users know it: in a running event loop, in a thread of its own, or until it is told to stop."""

import time
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import anyio
from anyio.from_thread import start_blocking_portal

from antiphon.emulator.api import Api
from antiphon.emulator.app import App
from antiphon.emulator.listener import Listener
from antiphon.emulator.loading import to_script
from antiphon.emulator.records import Record, Records
from antiphon.emulator.script import ScriptSource
from antiphon.errors import SettingsError
from antiphon.protocol.context import Dialect
from antiphon.protocol.dialects import dialect as dialect_of
from antiphon.protocol.dialects import in_strict_order

DialectName = Literal["anthropic", "vertex", "bedrock", "compatible", "template"]


class Emulator:
    """A strict fake of the Messages API on this machine.

    Start it with `async with` in a running event loop, or with `with` in a thread of its own::

        async with Emulator(["Hello."]) as emulator:
            client = anthropic.AsyncAnthropic(base_url=emulator.url, api_key="any")
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
            ValueError: there is no such dialect.
        """
        chosen = dialect_of(dialect) if isinstance(dialect, str) else dialect
        if strict_order:
            chosen = in_strict_order(chosen)
        self._log = Records(None if log is None else Path(log), told, keep)
        self._api = Api(to_script(script), chosen, clock, seed)
        self._app = App(self._api, self._log, clock, latency)
        self._address = (host, port)
        self._listener: Listener | None = None
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
        listener = Listener(self._app)
        try:
            self._url = await listener.open(*self._address)
        except SettingsError:
            self._log.close()
            raise
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

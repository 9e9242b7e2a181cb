"""The proxy as its users know it: in a running event loop, in a thread of its own, or until it is told to stop."""

import asyncio
import errno
import logging
import os
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack, ExitStack
from types import TracebackType
from typing import Self

import anyio
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from anyio.from_thread import start_blocking_portal

from antiphon.errors import SettingsError
from antiphon.proxy.admission import Admission
from antiphon.proxy.app import App
from antiphon.proxy.connection import open_session
from antiphon.proxy.memory import Memory
from antiphon.proxy.metrics import Metrics
from antiphon.proxy.notes import Exchange, Notes
from antiphon.proxy.options import Options
from antiphon.proxy.pages import Pages
from antiphon.proxy.patience import Patience
from antiphon.proxy.recorder import Recorder
from antiphon.proxy.retrying import Retries
from antiphon.proxy.security import Gate, is_loopback
from antiphon.proxy.sending import Sending
from antiphon.proxy.upstream import Upstream, parse_upstreams

_LINE, _FIELD, _FIELDS = 16 * 1024, 32 * 1024, 200
_EVERYWHERE = frozenset({"", "0.0.0.0", "::", "[::]"})  # noqa: S104  (names them, does not bind to them)

# aiohttp logs what clients do wrong, with their bytes. What matters is in the notes.
_silent = logging.getLogger("antiphon.proxy.http")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class Proxy:
    """Stands between clients and an API; repairs what would be refused, and passes all else on.

    Start it with `async with` in a running event loop, or with `with` in a thread of its own::

        async with Proxy("https://api.anthropic.com") as proxy:
            client = anthropic.AsyncAnthropic(base_url=proxy.url)
    """

    def __init__(
        self,
        *upstreams: str | Upstream,
        options: Options | None = None,
        profile: str | None = None,
        told: Callable[[Exchange], None] | None = None,
    ) -> None:
        """Prepare a proxy; nothing listens yet.

        Args:
            upstreams: `URL` or `/PREFIX=URL`, each with ` as PROFILE` or without; none means the first-party API.
            options: how it behaves.
            profile: of all upstreams that do not name one; found out from their hosts where it is None.
            told: is called with each exchange that has ended.

        Raises:
            SettingsError: an upstream cannot be used, or the address wants a token.
        """
        self.options = options or Options()
        self.upstreams = _read(upstreams, profile)
        if not is_loopback(self.options.host) and not self.options.token:
            raise SettingsError(
                f"on the address {self.options.host} others can reach the proxy: give it a token that they have to"
                " show, with --token or ANTIPHON_PROXY_TOKEN."
            )
        self.metrics = Metrics()
        self.notes = Notes(self.options.limits.notes)
        self._told = told
        self._running: AsyncExitStack | None = None
        self._url = ""
        self._thread: ExitStack | None = None

    @property
    def url(self) -> str:
        """The base URL: what `ANTHROPIC_BASE_URL` of clients has to be."""
        if self._running is None:
            raise RuntimeError("the proxy is not started: use it in a `with` or `async with` statement")
        return self._url

    async def start(self) -> str:
        """Listen, and return the URL.

        Raises:
            SettingsError: the address cannot be had, or nothing can be recorded where that was asked for.
        """
        options, limits = self.options, self.options.limits
        async with AsyncExitStack() as stack:
            hosted = all(upstream.url.startswith("https:") for upstream in self.upstreams)
            session = await stack.enter_async_context(open_session(limits, hosted=hosted))
            patience = Patience(limits.headers, limits.stalled)
            patience.start()
            stack.callback(patience.stop)
            recorder = None
            if options.record is not None:
                recorder = Recorder(options.record, self.metrics.recordings)
                recorder.open()
                stack.push_async_callback(recorder.close, limits.grace)
            sending = Sending(
                session,
                options,
                self.metrics,
                patience,
                Admission(limits.in_flight, limits.admission),
                Memory(limits.memory),
                Retries(options.retries),
                recorder=recorder,
            )
            pages = Pages(self.metrics, self.notes, self.upstreams, cache=options.cache)
            hosts = options.hosts if options.host in _EVERYWHERE else options.hosts | {options.host}
            app = App(Gate(hosts, options.token), self.upstreams, sending, pages, self.notes, patience, self._told)
            runner = web.ServerRunner(_Server(app, patience, limits.idle), shutdown_timeout=limits.grace)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            try:
                await web.TCPSite(runner, options.host, options.port, backlog=1024).start()
            except OSError as error:
                reason = os.strerror(error.errno) if error.errno else error
                hint = " (port 0 takes a free one)" if error.errno == errno.EADDRINUSE else ""
                raise SettingsError(f"cannot listen on {options.host} port {options.port}: {reason}{hint}") from error
            host, port = runner.addresses[0][:2]
            self._url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            pages.ready = True
            self._running = stack.pop_all()
        return self._url

    async def stop(self) -> None:
        """Stop listening; what is under way gets a moment to end, then it is cut off."""
        running, self._running = self._running, None
        if running is not None:
            await running.aclose()

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


def _read(upstreams: Iterable[str | Upstream], profile: str | None) -> tuple[Upstream, ...]:
    given = list(upstreams)
    texts = [text for text in given if isinstance(text, str)]
    made = tuple(upstream for upstream in given if isinstance(upstream, Upstream))
    return (*made, *parse_upstreams(texts, profile)) if texts or not made else made


class _Server(web.Server):
    """aiohttp's server, with an eye on new connections."""

    def __init__(self, app: App, patience: Patience, idle: float) -> None:
        super().__init__(
            app.handle,
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
            logger=_silent,
            keepalive_timeout=idle,
            max_line_size=_LINE,
            max_field_size=_FIELD,
            max_headers=_FIELDS,
        )
        self._patience = patience

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._patience.connected(transport)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        transport = self._connections.get(handler)
        if transport is not None:
            self._patience.gone(transport)
        super().connection_lost(handler, exc)


async def serve(proxy: Proxy, ready: Callable[[str], None], until: anyio.Event) -> None:
    """Run a proxy until `until` is set; `ready` gets the URL."""
    async with proxy:
        ready(proxy.url)
        await until.wait()

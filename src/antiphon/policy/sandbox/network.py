"""The way out of a sandbox: a proxy that reaches the hosts the user named, and no other.

A command in a sandbox has no network of its own. What it may reach it reaches through this proxy: over a Unix socket
where the sandbox has a network namespace (see `forwarded`), or at a port of this machine with a password.
"""

import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

import anyio
from anyio import AsyncContextManagerMixin, Semaphore
from anyio.abc import SocketAttribute, SocketListener, SocketStream

from antiphon.policy.addresses import Resolve, resolve_by_system
from antiphon.policy.sandbox.forwarder import proxy_environment
from antiphon.policy.sandbox.network_connection import USER, ProxyConnection, Waits
from antiphon.policy.sandbox.network_domains import Domains
from antiphon.policy.sandbox.network_stream import UnixStream

FORWARDER = Path(__file__).with_name("forwarder.py")
"""The program that `forwarded` starts; the sandbox must show it, and this Python."""
_MOST_CONNECTIONS = 100
"""Served at once; further ones wait."""
_MOST_REFUSALS = 1000
"""Hosts that are remembered."""
_LONGEST_SOCKET_PATH = 100
"""Bytes that every system takes as the path of a socket (104 on macOS, 108 on Linux, each with a NUL)."""


class DomainProxy(AsyncContextManagerMixin):
    """An HTTP proxy that reaches some hosts and listens while its context is open.

    It looks names up itself, refuses addresses that are not public, and connects to the very address that it checked.
    Every request is judged, also a second one on the same connection. Of encrypted traffic it sees host and port. It
    keeps and logs nothing but the hosts that it refused.

    Attributes:
        socket: where it listens, in a directory that only this user can enter.
        url: where else it listens, with the password in it; None unless `port` was asked for.
    """

    socket: Path
    url: str | None = None

    def __init__(
        self,
        domains: Sequence[str],
        *,
        port: bool = False,
        resolve: Resolve = resolve_by_system,
        waits: Waits | None = None,
    ) -> None:
        """Make a proxy that does not listen yet.

        Args:
            domains: the hosts, as in the setting `sandbox_domains`.
            port: listen at a port of this machine too, for sandboxes without a network namespace.
            resolve: looks names up.
            waits: how long it waits for what.

        Raises:
            SettingsError: one of the domains cannot be understood.
        """
        self._domains = Domains(domains, resolve)
        self._with_port = port
        self._waits = waits or Waits()
        self._room = Semaphore(_MOST_CONNECTIONS)
        self._password = secrets.token_urlsafe(24)
        self._last_refusal: dict[str, int] = {}
        self._refusals = 0

    @property
    def direct(self) -> str:
        """The hosts that commands reach without the proxy, for `no_proxy`: the sandbox's own loopback."""
        return self._domains.direct

    @property
    def refusals(self) -> int:
        """How many connections were refused so far: remember it, and ask `refused` later for those since."""
        return self._refusals

    def refused(self, since: int = 0) -> tuple[str, ...]:
        """Return the hosts that were refused, as `sandbox_domains` would name them, each once.

        Commands that run at the same time share the proxy, so a refusal may be another one's.
        """
        return tuple(host for host, number in self._last_refusal.items() if number > since)

    def environment(self) -> Mapping[str, str]:
        """Return the variables that lead programs to the port. They hold the password: only for the sandbox.

        Raises:
            ValueError: there is no port.
        """
        if self.url is None:
            raise ValueError("the proxy does not listen at a port")
        return proxy_environment(self.url, self.direct)

    @asynccontextmanager
    async def __asynccontextmanager__(self) -> AsyncGenerator[Self]:
        directory = _private_directory()
        failure: Exception | None = None
        try:
            async with anyio.create_task_group() as tasks:
                self.socket = directory / "proxy"
                listener = await anyio.create_unix_listener(self.socket, mode=0o600)
                tasks.start_soon(self._listen, listener, None, name="sandbox proxy")
                if self._with_port:
                    raw = socket.create_server(("127.0.0.1", 0))
                    at_port = await SocketListener.from_socket(raw)
                    self.url = f"http://{USER}:{self._password}@127.0.0.1:{raw.getsockname()[1]}"
                    tasks.start_soon(self._listen, at_port, self._password, name="sandbox proxy's port")
                try:
                    yield self
                except Exception as error:  # noqa: BLE001  (raised below, where it is itself and no group)
                    failure = error
                tasks.cancel_scope.cancel()
        finally:
            self.url = None
            shutil.rmtree(directory, ignore_errors=True)
        if failure is not None:
            raise failure

    async def _listen(self, listener: SocketListener, password: str | None) -> None:
        """Accept connections, not more than can be served: each keeps files of the agent open."""
        async with listener, anyio.create_task_group() as tasks:
            while True:
                await self._room.acquire()
                try:
                    stream = await listener.accept()
                except (anyio.BrokenResourceError, OSError):  # gone before it was accepted, or no file is left to open
                    self._room.release()
                    await anyio.sleep(0.1)
                except BaseException:
                    self._room.release()
                    raise
                else:
                    tasks.start_soon(self._serve, stream, password, name="sandbox proxy: connection")

    async def _serve(self, stream: SocketStream, password: str | None) -> None:
        try:
            async with stream:
                raw: socket.socket = stream.extra(SocketAttribute.raw_socket)  # noqa: S610  (not Django)
                led = UnixStream(raw) if raw.family == socket.AF_UNIX else stream
                await ProxyConnection(led, self._domains, self._waits, self._note, password).serve()
        finally:
            self._room.release()

    def _note(self, host: str) -> None:
        self._refusals += 1
        if host in self._last_refusal or len(self._last_refusal) < _MOST_REFUSALS:
            self._last_refusal[host] = self._refusals


def forwarded(argv: Sequence[str], place: Path, *, direct: str) -> tuple[str, ...]:
    """Return a command that runs `argv` where loopback is all the network there is, with a way to the proxy.

    Exit code and signals are those of `argv`.

    Args:
        argv: program and arguments.
        place: where the proxy's socket is in the sandbox.
        direct: `DomainProxy.direct`.
    """
    return (sys.executable, "-I", "-S", str(FORWARDER), str(place), direct, "--", *argv)


def _private_directory() -> Path:
    """Make a directory that only this user can enter, with a path that is short enough for a socket."""
    directory = Path(tempfile.mkdtemp(prefix="antiphon-net-")).resolve()
    if len(bytes(directory / "proxy")) <= _LONGEST_SOCKET_PATH:
        return directory
    directory.rmdir()
    return Path(tempfile.mkdtemp(prefix="antiphon-net-", dir="/tmp")).resolve()

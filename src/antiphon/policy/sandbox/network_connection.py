"""One connection to the proxy of a sandbox: its requests, each judged, and where they are led.

HTTP/1.1 as a proxy speaks it: `CONNECT host:port`, and requests with a whole `http://` address. Knows who may be
reached from `network_domains.py`.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from hmac import compare_digest

import anyio
import h11
from anyio.abc import ByteStream, SocketStream

from antiphon.policy.addresses import ForbiddenAddress
from antiphon.policy.sandbox.network_domains import Domains, NotListed, Place, place_of

USER = "antiphon"
"""Whose password a port asks for."""
_LONGEST_HEAD = 64 << 10
_CHUNK = 64 << 10
_ADDRESS = re.compile(rb"http://([^/?#@\s\\]+)(/[^#\s]*|\?[^#\s]*)?", re.IGNORECASE)
# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1: meant for us, not for who comes behind us. `expect` is answered
# here, `host` follows from the address.
_OURS = frozenset(
    {
        *(b"connection", b"proxy-connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"expect", b"host"),
        *(b"proxy-authenticate", b"proxy-authorization"),
    }
)

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Waits:
    """How long the proxy waits, in seconds.

    Attributes:
        request: for the whole head of a request.
        lookup: for the addresses of a host.
        connect: for one address to answer.
        silence: until somebody says something, in either direction.
    """

    request: float = 20.0
    lookup: float = 10.0
    connect: float = 5.0
    silence: float = 300.0


class _Answered(Exception):
    """The request is not carried out; this is what the client is told."""

    def __init__(self, status: int, text: str, headers: Headers = ()) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers


_BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError, h11.ProtocolError)


class ProxyConnection:
    """A connection of a command in a sandbox."""

    def __init__(
        self,
        stream: ByteStream,
        domains: Domains,
        waits: Waits,
        refused: Callable[[str], None],
        password: str | None = None,
    ) -> None:
        """Make ready to serve.

        Args:
            stream: the connection; whoever made it closes it.
            domains: who may be reached.
            waits: how long to wait.
            refused: is told of every place that is not.
            password: what the client has to know.
        """
        self._stream = stream
        self._domains = domains
        self._waits = waits
        self._refused = refused
        self._expected = None if password is None else b"Basic " + b64encode(f"{USER}:{password}".encode())
        self._client = h11.Connection(h11.SERVER, max_incomplete_event_size=_LONGEST_HEAD)

    async def serve(self) -> None:
        """Serve requests until either side has enough. Never raises for what the other sides do."""
        with suppress(*_BROKEN):
            try:
                while await self._serve_one():
                    self._client.start_next_cycle()
            except _Answered as answered:
                await self._answer(answered)

    async def _serve_one(self) -> bool:
        """Serve one request; return whether another may follow."""
        request = await self._request()
        if request is None:
            return False
        self._require_password(request)
        if request.method == b"CONNECT":
            place = place_of(request.target.decode("ascii", "replace"), None)
            if place is None:
                raise _Answered(400, "CONNECT wants a host and a port.")
            async with await self._connected(place) as remote:
                await self._tunnel(remote)
            return False
        match = _ADDRESS.fullmatch(request.target)
        place = place_of(match[1].decode("ascii", "replace"), 80) if match else None
        if match is None or place is None:
            raise _Answered(400, "This is a proxy: it wants CONNECT, or a whole address that begins with http://.")
        path = match[2] or b"/"
        async with await self._connected(place) as remote:
            await self._forward(request, match[1], path if path.startswith(b"/") else b"/" + path, remote)
        return self._client.our_state is h11.DONE and self._client.their_state is h11.DONE

    async def _request(self) -> h11.Request | None:
        try:
            with anyio.fail_after(self._waits.request):
                event = await _next_event(self._client, self._stream)
        except h11.RemoteProtocolError as error:
            raise _Answered(error.error_status_hint, f"That is no request: {error}.") from error
        return event if isinstance(event, h11.Request) else None

    def _require_password(self, request: h11.Request) -> None:
        if self._expected is None:
            return
        given = b"".join(value for name, value in request.headers if name == b"proxy-authorization")
        if not compare_digest(given, self._expected):
            asked = [(b"proxy-authenticate", b'Basic realm="sandbox"')]
            raise _Answered(407, "This proxy is for commands in a sandbox.", asked)

    async def _connected(self, place: Place) -> SocketStream:
        """Connect to a place, at an address that was checked."""
        try:
            with anyio.fail_after(self._waits.lookup):
                addresses = await self._domains.addresses(place)
        except NotListed as refusal:
            self._refused(place.entry)
            told = f'{refusal} The setting sandbox_domains allows it: sandbox_domains = ["{place.entry}"]'
            raise _Answered(403, told) from refusal
        except ForbiddenAddress as refusal:
            self._refused(place.entry)
            told = f"{refusal}. The setting sandbox_domains allows an address if it lists the address itself."
            raise _Answered(403, told) from refusal
        except (OSError, UnicodeError) as error:
            raise _Answered(502, f"{place.host} was not found ({str(error) or 'no answer'}).") from error
        failure = ""
        for address in addresses:
            try:
                with anyio.fail_after(self._waits.connect):
                    return await anyio.connect_tcp(address, place.port)
            except OSError as error:
                failure = str(error) or "no answer"
        raise _Answered(502, f"{place.host} could not be reached ({failure or 'it has no address'}).")

    async def _tunnel(self, remote: SocketStream) -> None:
        """Pass on bytes both ways until both sides have ended."""
        await self._send(h11.Response(status_code=200, headers=[], reason=b"Connection established"))
        early, _ = self._client.trailing_data
        if early:
            await remote.send(early)
        patience = _Patience(self._waits.silence)

        async def pump(source: ByteStream, target: ByteStream) -> None:
            try:
                async for data in source:
                    patience.renew()
                    await target.send(data)
                await target.send_eof()
            except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
                patience.scope.cancel()  # broken one way is broken both ways

        with patience.scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(pump, remote, self._stream, name="sandbox proxy: answers")
                await pump(self._stream, remote)

    async def _forward(self, request: h11.Request, authority: bytes, path: bytes, remote: SocketStream) -> None:
        """Send one request on, and its answer back. Its connection serves no other."""
        upstream = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LONGEST_HEAD)
        # The host is the one that was judged, whatever the client says in its header.
        headers = [(b"host", authority), *_passed_on(request.headers), (b"connection", b"close")]
        if self._client.they_are_waiting_for_100_continue:
            await self._send(h11.InformationalResponse(status_code=100, headers=[]))
        try:
            await remote.send(_bytes(upstream, h11.Request(method=request.method, target=path, headers=headers)))
        except h11.LocalProtocolError as error:
            raise _Answered(400, f"That is no request: {error}.") from error
        failure: Exception | None = None
        patience = _Patience(self._waits.silence)
        with patience.scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send_body, upstream, remote, patience, name="sandbox proxy: request")
                try:
                    await self._relay(upstream, remote, patience)
                except (_Answered, *_BROKEN) as error:
                    failure = error  # raised below, where it is itself and no group
                tasks.cancel_scope.cancel()
        if patience.scope.cancelled_caught:
            failure = _Answered(504, "Nothing was heard of the server for too long.")
        if failure is not None:
            raise failure

    async def _send_body(self, upstream: h11.Connection, remote: SocketStream, patience: "_Patience") -> None:
        """Send the body of the request on. What goes wrong is seen where the answer is read."""
        with suppress(*_BROKEN):
            while True:
                event = await _next_event(self._client, self._stream)
                patience.renew()
                if isinstance(event, h11.Data):
                    await remote.send(_bytes(upstream, h11.Data(data=event.data)))
                elif isinstance(event, h11.EndOfMessage):
                    await remote.send(_bytes(upstream, h11.EndOfMessage()))
                    return
                else:
                    return

    async def _relay(self, upstream: h11.Connection, remote: SocketStream, patience: "_Patience") -> None:
        """Send the answer back."""
        try:
            event = await _next_event(upstream, remote)
            while isinstance(event, h11.InformationalResponse):
                event = await _next_event(upstream, remote)
            if not isinstance(event, h11.Response):
                raise _Answered(502, "The server broke off before it answered.")
        except _BROKEN as error:
            raise _Answered(
                502, f"The server did not answer as HTTP wants it ({str(error) or 'it broke off'})."
            ) from error
        headers = _passed_on(event.headers)
        await self._send(h11.Response(status_code=event.status_code, headers=headers, reason=event.reason))
        while not isinstance(event, h11.EndOfMessage):
            patience.renew()
            event = await _next_event(upstream, remote)
            if isinstance(event, h11.Data):
                await self._send(h11.Data(data=event.data))
            elif isinstance(event, h11.EndOfMessage):
                await self._send(h11.EndOfMessage())
            else:
                raise anyio.EndOfStream  # broken off: the client sees a body that lacks its end

    async def _send(self, event: h11.Event) -> None:
        with anyio.fail_after(self._waits.silence):
            await self._stream.send(_bytes(self._client, event))

    async def _answer(self, answered: _Answered) -> None:
        """Say why there is no answer of the host's, and end the connection so that it is heard."""
        if self._client.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            return
        body = f"{answered.text}\n".encode("utf-8", "replace")
        headers = [
            *((b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))),
            *((b"connection", b"close"), *answered.headers),
        ]
        await self._send(h11.Response(status_code=answered.status, headers=headers))
        await self._send(h11.Data(data=body))
        await self._stream.send_eof()
        # Who closes while the other still sends destroys what it said: https://www.rfc-editor.org/rfc/rfc9112#section-9.6
        with anyio.move_on_after(min(1.0, self._waits.silence)):
            async for _ in self._stream:
                pass


class _Patience:
    """A scope that ends when nothing was heard for some time, in either direction."""

    def __init__(self, seconds: float) -> None:
        self.scope = anyio.CancelScope()
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Somebody said something: wait as long again."""
        self.scope.deadline = anyio.current_time() + self._seconds


async def _next_event(connection: h11.Connection, stream: ByteStream) -> h11.Event | None:
    """Return what comes next; None when the other side may not go on yet."""
    while True:
        event = connection.next_event()
        if event is h11.PAUSED:
            return None
        if isinstance(event, h11.Event):
            return event
        try:
            data = await stream.receive(_CHUNK)
        except anyio.EndOfStream:
            data = b""
        connection.receive_data(data)


def _bytes(connection: h11.Connection, event: h11.Event) -> bytes:
    return connection.send(event) or b""


def _passed_on(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the headers that concern the other end."""
    listed = {
        word.strip().lower() for name, value in headers if name == b"connection" for word in value.split(b",")
    } - {b"content-length", b"transfer-encoding"}
    return [(name, value) for name, value in headers if name not in _OURS and name not in listed]

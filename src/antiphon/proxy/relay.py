"""The bytes of an answer on their way to the client, chunk by chunk as they come.

Nothing is held back. An answer that breaks off upstream breaks off here, too: it never ends as if it were whole.
"""

from collections.abc import Callable
from typing import Protocol

import aiohttp
from aiohttp import ClientResponse, web
from multidict import CIMultiDict

from antiphon.proxy.headers import SERVER, Headers
from antiphon.proxy.naming import Namer
from antiphon.proxy.patience import Patience


class Follower(Protocol):
    """Reads an answer along."""

    def feed(self, data: bytes) -> None:
        """Take some bytes of it, as they came. Never raises."""
        ...

    def close(self) -> None:
        """Hear that it has ended as it should. Never raises."""
        ...


class Broken(Exception):
    """The upstream broke an answer off, after it began; `response` is what the client has of it."""

    def __init__(self, text: str, response: "Relayed") -> None:
        super().__init__(text)
        self.response = response


class Relayed(web.StreamResponse):
    """An answer that is passed on.

    Attributes:
        broken: it broke off; the connection is closed without the end that a whole answer has.
    """

    broken = False

    # aiohttp sends headers at once, in a packet of their own; `pass_on` does so where there is nothing to go with them.
    _send_headers_immediately = False

    async def write_eof(self, data: bytes = b"") -> None:
        """Say that the answer is whole, unless it is not."""
        if not self.broken:
            await super().write_eof(data)


def relayed(answer: ClientResponse, headers: Headers) -> Relayed:
    """Return an answer, about to be passed on, with its own status and these headers."""
    named = CIMultiDict(headers)
    named.setdefault("Server", SERVER)
    return Relayed(status=answer.status, reason=answer.reason, headers=named)


async def pass_on(
    answer: ClientResponse,
    response: Relayed,
    request: web.BaseRequest,
    patience: Patience,
    *,
    start: bytes = b"",
    watcher: Follower | None = None,
    namer: Namer | None = None,
    began: Callable[[], None] = lambda: None,
) -> None:
    """Pass an answer on to the client, to its end.

    Args:
        answer: of the upstream, its headers read.
        response: goes to the client.
        request: whom it answers.
        patience: watches that the client reads.
        start: what was read of it already.
        watcher: gets each chunk after it has gone on.
        namer: changes what goes on.
        began: is called when the headers have gone on.

    Raises:
        Broken: the upstream broke it off.
        OSError: the client is gone.
    """
    writer = _Writer(response, request, patience)
    await response.prepare(request)
    if not start and not answer.content.is_eof():
        request.writer.send_headers()
    began()
    await writer.write(start)
    while chunk := await _next(answer, response):
        await writer.write(chunk if namer is None else namer.feed(chunk))
        if watcher is not None:
            watcher.feed(chunk)
    if namer is not None:
        await writer.write(namer.close())
    if watcher is not None:
        watcher.close()
    await response.write_eof()


async def _next(answer: ClientResponse, response: Relayed) -> bytes:
    """Return what has come of an answer, nothing at its end."""
    try:
        return await answer.content.readany()
    except (aiohttp.ClientError, OSError) as error:
        response.broken = True
        response.force_close()
        raise Broken(str(error) or type(error).__name__, response) from error


class _Writer:
    """Writes to a client, and has somebody look whether it reads."""

    def __init__(self, response: Relayed, request: web.BaseRequest, patience: Patience) -> None:
        self._response = response
        self._transport = request.transport
        self._patience = patience

    async def write(self, data: bytes) -> None:
        if not data:
            return
        transport = self._transport
        if transport is None:
            raise aiohttp.ClientConnectionResetError("the client is gone")
        self._patience.writes(transport)
        await self._response.write(data)
        self._patience.wrote(transport)

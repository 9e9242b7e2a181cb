"""Connections to upstreams: one request, one answer, bytes as they are."""

import asyncio
import os
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import aiohttp
from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from antiphon.proxy.answers import Refused
from antiphon.proxy.headers import Headers
from antiphon.proxy.options import Limits
from antiphon.proxy.upstream import Target

_OURS_NOT = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
# Idle connections are let go sooner than servers do (Node and uvicorn 5 s; hosted APIs a minute and more): a request on
# a connection that the server is just closing fails, and is not sent again unasked.
_KEPT = 4.5
_KEPT_HOSTED = 45.0
_HEADER_SIZE = 64 * 1024
# aiohttp wants larger bodies in pieces, so that it never copies them whole.
_PIECE = 2**20

Body = bytes | AsyncIterable[bytes] | None


class Unreachable(Exception):
    """No answer came: what happened, and whether it was a timeout."""

    def __init__(self, text: str, *, timeout: bool = False) -> None:
        super().__init__(text)
        self.timeout = timeout


def open_session(limits: Limits, *, hosted: bool) -> ClientSession:
    """Return the one client of all upstreams, `hosted` if all are services; whoever opens it closes it."""
    return ClientSession(
        # As many connections as there are requests: how many that may be is decided where they come in.
        connector=TCPConnector(limit=0, keepalive_timeout=_KEPT_HOSTED if hosted else _KEPT, ttl_dns_cache=60),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        timeout=ClientTimeout(total=None, sock_connect=limits.connect, sock_read=limits.read),
        max_line_size=_HEADER_SIZE,
        max_field_size=_HEADER_SIZE,
    )


async def send(session: ClientSession, target: Target, method: str, headers: Headers, body: Body) -> ClientResponse:
    """Send one request and return the answer once its headers are there. Redirects are answers like others.

    Raises:
        Unreachable: there was no answer.
        Refused: these headers cannot be sent.
    """
    try:
        answer = await session.request(
            method,
            URL(target.url, encoded=True),
            headers=headers,
            data=_Pieces(body) if isinstance(body, bytes) and len(body) > _PIECE else body,
            allow_redirects=False,
            skip_auto_headers=_OURS_NOT,
            proxy=target.upstream.proxy,
        )
    except TimeoutError as error:
        raise Unreachable(f"{target.upstream.url} did not answer in time", timeout=True) from error
    except aiohttp.ClientConnectorError as error:
        raise Unreachable(f"{target.upstream.url} cannot be reached: {_reason(error)}") from error
    except (aiohttp.ClientError, OSError) as error:
        raise Unreachable(f"{target.upstream.url} did not answer: {_reason(error)}") from error
    except (UnicodeError, ValueError) as error:
        raise Refused(400, "invalid_request_error", f"This request cannot be passed on: {error}") from error
    _end_with_connection(answer)
    return answer


async def beginning(answer: ClientResponse, most: int) -> bytes:
    """Return the body of an answer, or its beginning where it is long; the rest can still be read.

    Raises:
        Unreachable: it broke off.
    """
    parts: list[bytes] = []
    size = 0
    try:
        while size <= most and (part := await answer.content.readany()):
            parts.append(part)
            size += len(part)
    except BaseException as error:
        answer.close()
        if isinstance(error, aiohttp.ClientError | OSError):
            raise Unreachable(f"the answer broke off: {_reason(error)}") from error
        raise
    return b"".join(parts)


def _end_with_connection(answer: ClientResponse) -> None:
    """See to it that an answer whose connection is lost does not leave its reader waiting.

    aiohttp closes the connection when it cannot parse a body, and tells nobody who is already reading.
    """
    connection, content = answer.connection, answer.content
    protocol = None if connection is None else connection.protocol
    if protocol is None:
        return  # it is here, whole
    closed = protocol.closed

    def lost(_: object = None) -> None:
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the upstream sent what is no HTTP"))

    if closed is None:
        lost()
        return
    # A connection is used again and again: what was added to its future goes before it is.
    closed.remove_done_callback(_heard)
    closed.add_done_callback(_heard)
    closed.add_done_callback(lost)

    def over() -> None:
        closed.remove_done_callback(lost)

    content.on_eof(over)


def _heard(closed: "asyncio.Future[None]") -> None:
    """Take note of how a connection ended, so that nobody complains that nobody did."""
    if not closed.cancelled():
        closed.exception()


def _reason(error: BaseException) -> str:
    cause: Any = getattr(error, "os_error", None)
    number: Any = getattr(cause, "errno", None)
    if isinstance(number, int) and number > 0:
        # asyncio has its own text for these, which names a call and a tuple.
        return os.strerror(number)
    return str(getattr(cause, "strerror", None) or error) or type(error).__name__


class _Pieces:
    """A large body, piece by piece."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), _PIECE):
            yield self._body[start : start + _PIECE]

"""The Anthropic Messages API, or any server that speaks it, over HTTP.

Our own thin client: the stream is read by `protocol.streaming`, one request is one attempt, and what is sent is what
the official SDK sends. Two things differ, on purpose: the `x-stainless-*` headers are left out, for they tell its
makers about that SDK and the machine and mean nothing to the API; and `user-agent` names Antiphon.
"""

import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio

from antiphon.errors import Rejected, StreamBroken
from antiphon.protocol.decoding import decode
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.protocol.encoding import Request
from antiphon.protocol.rule import Dialect
from antiphon.protocol.streaming import ReplyEnded, ReplyEvent, ReplyFailed, ReplyReader, message_events
from antiphon.providers.credentials import endpoint
from antiphon.providers.refusals import broken, refusal

if TYPE_CHECKING:
    from antiphon.providers.transport import Answer, HttpTransport

DEFAULT_TIMEOUT = 600.0
"""Seconds without a byte after which a reply is given up. While the model works the API sends a ping now and then."""

_LONGEST_REFUSAL = 100_000
_LAST_BYTES_TIMEOUT = 0.05


class AnthropicProvider:
    """Serves the models of an Anthropic Messages API."""

    def __init__(
        self,
        *,
        api_key: str | None = None,
        auth_token: str | None = None,
        base_url: str | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        dialect: Dialect = ANTHROPIC,
        headers: Mapping[str, str] | None = None,
        betas: Sequence[str] = (),
    ) -> None:
        """Prepare a client; nothing is sent yet.

        What is not given is taken from `ANTHROPIC_API_KEY`, `ANTHROPIC_AUTH_TOKEN`, `ANTHROPIC_BASE_URL` and
        `ANTHROPIC_CUSTOM_HEADERS`.

        Args:
            api_key: the key; keeps credentials of the environment out.
            auth_token: a bearer token instead.
            base_url: where the API is, with or without `/v1`.
            timeout: seconds to wait for the next bytes.
            dialect: whose rules requests must keep.
            headers: sent with every request; they win over all others.
            betas: values of `anthropic-beta`.

        Raises:
            SettingsError: there is no credential, or a setting cannot be used.
        """
        self._endpoint = endpoint(
            os.environ,
            api_key=api_key,
            auth_token=auth_token,
            base_url=base_url,
            headers=headers,
            betas=betas,
        )
        self._timeout = timeout
        self._dialect = dialect
        self._transport: HttpTransport | None = None

    @property
    def dialect(self) -> Dialect:
        """Whose rules the requests must keep."""
        return self._dialect

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncIterator[ReplyEvent], None]:
        """Send a request and yield the events of its reply as they arrive; the last one is `ReplyEnded`.

        Leaving the context early closes the connection. A connection is kept when the events were read to their end.

        Raises:
            Unreachable: no answer arrived.
            Rejected: the API refused the request; Overloaded where the same request may succeed later.
            StreamBroken: the reply began and failed.
        """
        url = f"{self._endpoint.base_url}/v1/messages"
        body = request.encode(stream=True)
        async with self._connected().post(url, self._endpoint.headers, body) as answer:
            if not 200 <= answer.status < 300:
                raise await self._refusal(answer)
            async with aclosing(_events(answer, self._endpoint.server)) as events:
                yield events

    async def aclose(self) -> None:
        """Close idle connections. The provider cannot be used afterwards."""
        if self._transport is not None:
            await self._transport.aclose()

    def _connected(self) -> "HttpTransport":
        if self._transport is None:
            from antiphon.providers.transport import HttpTransport  # noqa: PLC0415  (see that module's first lines)

            self._transport = HttpTransport(self._timeout)
        return self._transport

    async def _refusal(self, answer: "Answer") -> Rejected:
        body = b""
        # Where the body breaks off, the status and what is there of it say enough.
        with suppress(StreamBroken):
            async for chunk in answer.chunks:
                body += chunk
                if len(body) > _LONGEST_REFUSAL:
                    break
        return refusal(answer.status, answer.headers, body, server=self._endpoint.server, now=time.time())


async def _events(answer: "Answer", server: str) -> AsyncGenerator[ReplyEvent, None]:
    request_id = answer.headers.get("request-id")
    try:
        async with aclosing(_batches(answer, server)) as batches:
            async for batch in batches:
                for event in batch:
                    if isinstance(event, ReplyFailed):
                        raise broken(event, request_id)
                    yield event
    except StreamBroken as error:
        error.request_id = request_id
        raise


async def _batches(answer: "Answer", server: str) -> AsyncGenerator[list[ReplyEvent], None]:
    reader = ReplyReader()
    chunk: bytes | None = b""
    if "text/event-stream" not in answer.headers.get("content-type", ""):
        # Some servers do not stream, and some do not say that they do: the first character tells.
        chunk = await _first_bytes(answer.chunks)
        if chunk.startswith((b"{", b"<")):
            yield _whole(chunk + b"".join([more async for more in answer.chunks]), server)
            return
    while chunk is not None:
        events = reader.feed(chunk)
        yield events
        if events and isinstance(events[-1], ReplyEnded):
            await _finish(answer.chunks)
            return
        chunk = await anext(answer.chunks, None)
    yield reader.close()


async def _first_bytes(chunks: AsyncIterator[bytes]) -> bytes:
    async for chunk in chunks:
        if begun := chunk.lstrip():
            return begun
    return b""


def _whole(body: bytes, server: str) -> list[ReplyEvent]:
    try:
        return message_events(decode(body))
    except ValueError:
        # Asking again will not help: something else than the API lives there.
        text = f"{server} answered with something that is no reply of the API. Check the base URL."
        return [ReplyFailed("not_found_error", text)]


async def _finish(chunks: AsyncIterator[bytes]) -> None:
    # A connection whose answer was read to its end can be used again. The last bytes are there or on their way.
    with anyio.move_on_after(_LAST_BYTES_TIMEOUT), suppress(StreamBroken):
        async for _ in chunks:
            pass

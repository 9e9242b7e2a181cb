"""An HTTP answer read as a reply of the API: its events where it is one, the error it stands for where it is not.

Knows streams, replies that came whole, and refusals. Does not know which library fetched the answer.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass

import anyio

from antiphon.errors import Rejected, StreamBroken
from antiphon.protocol.decoding import decode
from antiphon.protocol.streaming import ReplyEnded, ReplyEvent, ReplyFailed, ReplyReader, message_events
from antiphon.providers.refusals import broken, refusal

_LONGEST_REFUSAL = 100_000
_LAST_BYTES_TIMEOUT = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer whose body is still arriving.

    Attributes:
        server: who answers, to be named in messages.
        status: the HTTP status.
        headers: names in lower case.
        chunks: the body, decompressed, as it arrives. Raises `StreamBroken` when it breaks off.
    """

    server: str
    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]

    @property
    def is_success(self) -> bool:
        """Whether the body is to be a reply."""
        return 200 <= self.status < 300

    @property
    def request_id(self) -> str | None:
        """The API's id of the request."""
        return self.headers.get("request-id")


async def refusal_in(answer: Answer) -> Rejected:
    """Return the error that an answer stands for which is no success."""
    body = b""
    # Where the body breaks off, the status and what there is of it say enough.
    with suppress(StreamBroken):
        async for chunk in answer.chunks:
            body += chunk
            if len(body) > _LONGEST_REFUSAL:
                break
    return refusal(answer.status, answer.headers, body, server=answer.server, now=time.time())


async def events_in(answer: Answer) -> AsyncGenerator[ReplyEvent, None]:
    """Yield the events of the reply that an answer holds; the last one is `ReplyEnded`.

    Raises:
        StreamBroken: the reply failed.
    """
    try:
        async with aclosing(_batches(answer)) as batches:
            async for batch in batches:
                for event in batch:
                    if isinstance(event, ReplyFailed):
                        raise broken(event, answer.request_id)
                    yield event
    except StreamBroken as error:
        error.request_id = answer.request_id
        raise


async def _batches(answer: Answer) -> AsyncGenerator[list[ReplyEvent], None]:
    reader = ReplyReader()
    chunk: bytes | None = b""
    if "text/event-stream" not in answer.headers.get("content-type", ""):
        # Some servers do not stream, and some do not say that they do: the first character tells.
        chunk = await _first_bytes(answer.chunks)
        if chunk.startswith((b"{", b"<")):
            yield _whole(chunk + b"".join([more async for more in answer.chunks]), answer.server)
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

"""Reads the bodies of requests, within bounds."""

from collections.abc import AsyncIterator

import anyio
from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from antiphon.proxy.admission import Admission, Full
from antiphon.proxy.answers import Refused
from antiphon.proxy.options import Limits


class Held:
    """Room that the body of one request takes."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._size = 0

    async def take(self, size: int) -> None:
        """Wait for room.

        Raises:
            Refused: there was none in time.
        """
        try:
            self._size = await self._admission.take(size)
        except Full:
            raise Refused(
                503, "overloaded_error", "The proxy holds as many bytes of requests as it may. Try again soon."
            ) from None

    def shrink(self, size: int) -> None:
        """Give back what turned out not to be needed."""
        kept = min(size, self._size)
        self._admission.give_back(self._size - kept)
        self._size = kept

    def release(self) -> None:
        """Give all of it back."""
        if self._size:
            self.shrink(0)


async def read_body(request: web.BaseRequest, held: Held, limits: Limits) -> bytes:
    """Read the body of a request, once there is room for it and for another one like it.

    Raises:
        Refused: it is too large, came too slowly, or not whole.
    """
    length = request.content_length
    if length is not None and length > limits.body:
        raise _too_large(limits)
    # Of a body that does not say how long it is, the worst is assumed until it is there; and of every one that it will
    # have to be repaired, which makes a second one.
    await held.take(2 * (limits.body if length is None else length))
    if length is not None and request.content.is_eof():
        # It came with the headers, as small ones do: nobody has to wait, and nobody to be watched.
        return request.content.read_nowait()
    await continue_if_asked(request)
    parts: list[bytes] = []
    size = 0
    try:
        with anyio.fail_after(limits.upload):
            while part := await request.content.readany():
                size += len(part)
                if size > limits.body:
                    raise _too_large(limits)
                parts.append(part)
    except TimeoutError:
        raise _too_slow() from None
    except RequestPayloadError as error:
        raise _not_whole(error) from error
    held.shrink(2 * size)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def continue_if_asked(request: web.BaseRequest) -> None:
    """Tell a client that waits for it (`Expect: 100-continue`) to send the body."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # What was written so far is no part of the answer.
        request.writer.output_size = 0


def _too_slow() -> Refused:
    return Refused(408, "invalid_request_error", "The body of this request came too slowly.", close=True)


def _not_whole(error: RequestPayloadError) -> Refused:
    return Refused(400, "invalid_request_error", f"The body of this request is not whole: {error}", close=True)


def _too_large(limits: Limits) -> Refused:
    return Refused(
        413,
        "request_too_large",
        f"The body of this request is larger than the proxy takes: {limits.body} bytes (--max-body).",
        close=True,
    )


class Upload:
    """The body of a request that passes on as it comes: its client may pause, but not for ever.

    Attributes:
        refused: what is to be answered where it stopped being one.
    """

    def __init__(self, request: web.BaseRequest, limits: Limits) -> None:
        """Take the request, and how long its client may pause (`Limits.upload`)."""
        self._content = request.content
        self._patience = limits.upload
        self.refused: Refused | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield it as it comes.

        Raises:
            Refused: its client pauses for too long, or broke it off.
        """
        while part := await self._next():
            yield part

    async def _next(self) -> bytes:
        try:
            with anyio.fail_after(self._patience):
                return await self._content.readany()
        except TimeoutError:
            self.refused = _too_slow()
        except RequestPayloadError as error:
            self.refused = _not_whole(error)
        raise self.refused

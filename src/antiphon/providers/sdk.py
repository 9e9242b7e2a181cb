"""A client of the official `anthropic` SDK that the caller brings: also its clients for Bedrock, Vertex and Foundry.

The SDK makes the connection and signs the request. The reply is read by our own reader, from the bytes where they are
server-sent events, else (Bedrock) from the events that the SDK decodes. Retries stay the agent's: the SDK's are off.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from antiphon.errors import Rejected, SettingsError, StreamBroken, Unreachable
from antiphon.protocol.context import Dialect
from antiphon.protocol.dialects import ANTHROPIC, BEDROCK
from antiphon.protocol.encoding import Request
from antiphon.protocol.messages import Json
from antiphon.protocol.streaming import ReplyEvent, ReplyFailed, ReplyReader
from antiphon.providers.answer import Answer, events_in
from antiphon.providers.counting import to_be_counted
from antiphon.providers.refusals import broken, refusal

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic, AsyncAPIResponse
    from anthropic.lib.bedrock import AsyncAnthropicBedrock
    from anthropic.lib.vertex import AsyncAnthropicVertex

    Client = AsyncAnthropic | AsyncAnthropicBedrock | AsyncAnthropicVertex

_NAMED = frozenset({"model", "max_tokens", "stream"})
_AWS_STREAM = "application/vnd.amazon.eventstream"


class SdkProvider:
    """Serves models through a client of the `anthropic` SDK (2.12 or later).

    Any of its asynchronous clients will do: `AsyncAnthropic`, and those for Bedrock, Vertex and Foundry.
    """

    def __init__(self, client: "Client", *, dialect: Dialect | None = None) -> None:
        """Take a client; it stays the caller's, who also closes it.

        Args:
            client: the client. Its retries are switched off for our requests: the agent retries, and says so.
            dialect: whose rules requests must keep; by default those of the client's cloud.
        """
        # The clients are not related by type, but what is used of them here is the same.
        self._client = cast("AsyncAnthropic", client).with_options(max_retries=0)
        self._dialect = dialect or (BEDROCK if "Bedrock" in type(client).__name__ else ANTHROPIC)

    @property
    def dialect(self) -> Dialect:
        """Whose rules the requests must keep."""
        return self._dialect

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncIterator[ReplyEvent], None]:
        """Send a request and yield the events of its reply as they arrive; the last one is `ReplyEnded`.

        Leaving the context early closes the connection.

        Raises:
            Unreachable: no answer arrived.
            Rejected: the API refused the request; Overloaded where the same request may succeed later.
            StreamBroken: the reply began and failed.
            SettingsError: the client has no credentials.
        """
        async with AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(self._send(request.json()))
            except Exception as error:
                raise self._known(error) from error
            events = await stack.enter_async_context(aclosing(self._events(response)))
            yield events

    async def count_tokens(self, request: Request) -> int:
        """Return the input tokens of a request, as the client's cloud counts them.

        Raises:
            Unreachable: no answer arrived.
            Rejected: the request was refused, or this cloud does not count tokens; Overloaded where the same request
                may succeed later.
            SettingsError: the client has no credentials.
        """
        import anthropic  # noqa: PLC0415  (see `_known`)

        body = to_be_counted(request).json()
        more = {key: value for key, value in body.items() if key not in ("model", "messages")}
        try:
            counted = await self._client.messages.count_tokens(
                model=body.get("model", ""), messages=body["messages"], extra_body=more or None
            )
        except anthropic.APIError as error:
            raise self._known(error) from error
        except anthropic.AnthropicError as error:
            # The clients of clouds without that endpoint say so before they send anything.
            raise Rejected(404, str(error)) from error
        except TypeError as error:
            raise self._known(error) from error
        return counted.input_tokens

    async def aclose(self) -> None:
        """Do nothing: the client is the caller's."""

    def _send(self, body: Json) -> "AbstractAsyncContextManager[AsyncAPIResponse[Any]]":
        # What the SDK has no argument for (yet) goes along as it is.
        more = {key: value for key, value in body.items() if key not in _NAMED and key != "messages"}
        return self._client.messages.with_streaming_response.create(
            model=body.get("model", ""),
            max_tokens=body.get("max_tokens", 0),
            messages=body["messages"],
            stream=True,
            extra_body=more or None,
        )

    def _events(self, response: "AsyncAPIResponse[Any]") -> AsyncGenerator[ReplyEvent, None]:
        from antiphon.providers.transport import chunks_of  # noqa: PLC0415  (httpx2: the client brought it)

        if response.headers.get("content-type", "").startswith(_AWS_STREAM):
            return self._decoded_events(response)
        chunks = chunks_of(response.http_response)
        return events_in(Answer(self._client.base_url.host, response.status_code, response.headers, chunks))

    async def _decoded_events(self, response: "AsyncAPIResponse[Any]") -> AsyncGenerator[ReplyEvent, None]:
        reader = ReplyReader()
        async with aclosing(_wire_events(await response.parse())) as wire_events:
            async for wire_event in wire_events:
                for event in reader.feed_event(wire_event):
                    yield _checked(event, response.request_id)
        for event in reader.close():
            yield _checked(event, response.request_id)

    def _known(self, error: Exception) -> Exception:
        """Return our error for one of the SDK's, and any other as it is."""
        import anthropic  # noqa: PLC0415  (not everybody has it; whoever hands in a client does)

        server = self._client.base_url.host
        match error:
            case anthropic.APIStatusError(response=response):
                return refusal(response.status_code, response.headers, response.content, server=server, now=time.time())
            case anthropic.APITimeoutError():
                return Unreachable(f"{server} did not answer within the client's timeout.")
            case anthropic.APIConnectionError():
                return Unreachable(f"{server} cannot be reached: {error.__cause__ or error}.")
            case anthropic.AnthropicError():
                return SettingsError(str(error))
            case TypeError() if "authentication" in str(error):
                return SettingsError(f"The client has no credentials: {error}")
            case _:
                return error


async def _wire_events(stream: AsyncIterator[Any]) -> AsyncGenerator[Json, None]:
    """Yield the events of the SDK's stream as the JSON they were."""
    import anthropic  # noqa: PLC0415  (see `_known`)

    try:
        async for event in stream:
            yield event.to_dict()
    except anthropic.APIStatusError as error:
        # The SDK raises the stream's error events, with their JSON as body.
        told: Any = error.body
        yield cast("Json", told) if isinstance(told, dict) else {"type": "error", "error": {"message": error.message}}
    except Exception as error:
        raise StreamBroken(f"The connection broke while the reply arrived: {error}.") from error


def _checked(event: ReplyEvent, request_id: str | None) -> ReplyEvent:
    if isinstance(event, ReplyFailed):
        raise broken(event, request_id)
    return event

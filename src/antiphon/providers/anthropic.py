"""The Anthropic Messages API, or any server that speaks it, over HTTP.

Our own thin client: the stream is read by `protocol.streaming`, one request is one attempt, and what is sent is what
the official SDK sends. Two things differ, on purpose: the `x-stainless-*` headers are left out, for they tell its
makers about that SDK and the machine and mean nothing to the API; and `user-agent` names Antiphon.
"""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING

from antiphon.protocol.context import Dialect
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.protocol.encoding import Request
from antiphon.protocol.streaming import ReplyEvent
from antiphon.providers.answer import events_in, refusal_in
from antiphon.providers.counting import to_be_counted, tokens_in
from antiphon.providers.credentials import endpoint
from antiphon.providers.keyring_store import stored_key

if TYPE_CHECKING:
    from antiphon.providers.transport import HttpTransport

DEFAULT_TIMEOUT = 600.0
"""Seconds without a byte after which a reply is given up. While the model works the API sends a ping now and then."""


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
        `ANTHROPIC_CUSTOM_HEADERS`; a key that none of them names, from the system's keyring.

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
            stored=stored_key,
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

        Leaving the context early closes the connection; one whose events were read to their end is kept.

        Raises:
            Unreachable: no answer arrived.
            Rejected: the API refused the request; Overloaded where the same request may succeed later.
            StreamBroken: the reply began and failed.
        """
        url = f"{self._endpoint.base_url}/v1/messages"
        body = request.encode(stream=True)
        async with self._connected().post(url, self._endpoint.headers, body) as answer:
            if not answer.is_success:
                raise await refusal_in(answer)
            async with aclosing(events_in(answer)) as events:
                yield events

    async def count_tokens(self, request: Request) -> int:
        """Return the input tokens of a request, as the API counts them.

        Raises:
            Unreachable: no answer arrived.
            Rejected: the request was refused, or the server does not count tokens; Overloaded where the same request
                may succeed later.
            StreamBroken: the answer broke off.
        """
        url = f"{self._endpoint.base_url}/v1/messages/count_tokens"
        body = to_be_counted(request).encode()
        async with self._connected().post(url, self._endpoint.headers, body) as answer:
            return await tokens_in(answer)

    async def aclose(self) -> None:
        """Close idle connections. The provider cannot be used afterwards."""
        if self._transport is not None:
            await self._transport.aclose()

    def _connected(self) -> "HttpTransport":
        if self._transport is None:
            from antiphon.providers.transport import HttpTransport  # noqa: PLC0415  (see that module's first lines)

            secure = self._endpoint.base_url.startswith("https:")
            self._transport = HttpTransport(self._timeout, secure=secure)
        return self._transport

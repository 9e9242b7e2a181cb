"""What a provider is: a request in, the events of one streamed reply out."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, runtime_checkable

from antiphon.protocol.context import Dialect
from antiphon.protocol.encoding import Request
from antiphon.protocol.streaming import ReplyEvent


class Provider(Protocol):
    """Serves a model. One attempt per call: whether to ask again is the agent's decision."""

    @property
    def dialect(self) -> Dialect:
        """Whose rules the requests must keep."""
        ...

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[ReplyEvent]]:
        """Send a request and yield the events of its reply as they arrive; the last one is `ReplyEnded`.

        Leaving the context early closes the connection.

        Raises:
            Unreachable: no answer arrived.
            Rejected: the API refused the request; Overloaded where the same request may succeed later.
            StreamBroken: the reply began and failed (`ReplyFailed` is raised as this, never yielded).
        """
        ...

    async def aclose(self) -> None:
        """Close idle connections. The provider cannot be used afterwards."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """What a provider may do besides: say how many tokens a request holds, before it is made."""

    async def count_tokens(self, request: Request) -> int:
        """Return the input tokens of a request, as the model would read them.

        One attempt. Parameters that have nothing to do with the prompt are left out.

        Raises:
            Unreachable: no answer arrived.
            Rejected: the request was refused, or tokens are not counted here; Overloaded where the same request may
                succeed later.
            StreamBroken: the answer broke off.
        """
        ...

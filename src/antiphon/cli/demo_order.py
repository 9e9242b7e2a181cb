"""The bug, on purpose: a provider that sends tool results in the order in which the calls finished.

Everything in front of it is right: the agent hands over a valid request. This is what an agent does that appends each
result to the conversation when it arrives.
"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

from antiphon.agent.events import AgentEvent, CallChanged
from antiphon.cli.view import OVER
from antiphon.protocol.context import Dialect
from antiphon.protocol.encoding import Request
from antiphon.protocol.messages import Json, blocks_of
from antiphon.protocol.streaming import ReplyEvent
from antiphon.providers.base import Provider


class CompletionOrder:
    """Sends what it is given, but for the order of tool results.

    Attributes:
        finished: ids of calls, in the order in which they were over. `receive` fills it.
        sent: ids of results, in the order in which they last went out.
    """

    def __init__(self, provider: Provider) -> None:
        """Send through this provider."""
        self._provider = provider
        self.finished: list[str] = []
        self.sent: tuple[str, ...] = ()

    @property
    def dialect(self) -> Dialect:
        """Whose rules the requests must keep."""
        return self._provider.dialect

    def receive(self, event: AgentEvent) -> None:
        """Note who is over."""
        if isinstance(event, CallChanged) and event.state in OVER:
            self.finished.append(event.call.id)

    def stream(self, request: Request) -> AbstractAsyncContextManager[AsyncIterator[ReplyEvent]]:
        """Send the request with its last results in completion order."""
        *before, last = request.messages
        return self._provider.stream(Request(request.params, [*before, self._reordered(last)]))

    async def aclose(self) -> None:
        """Close the provider."""
        await self._provider.aclose()

    def _reordered(self, message: Json) -> Json:
        blocks = blocks_of(message)
        results = [block for block in blocks if block.get("type") == "tool_result"]
        if not results:
            return message
        places = {id_: place for place, id_ in enumerate(self.finished)}
        results.sort(key=lambda block: places.get(str(block.get("tool_use_id")), len(places)))
        self.sent = tuple(str(block.get("tool_use_id")) for block in results)
        return {**message, "content": [*results, *(block for block in blocks if block.get("type") != "tool_result")]}

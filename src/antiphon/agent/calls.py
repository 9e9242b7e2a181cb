"""A smaller door, for people who own their loop: run the calls of one reply, get what to append to the conversation."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

import anyio

from antiphon.agent.incoming import IncomingReply
from antiphon.agent.toolbox import Toolbox, ToolLike
from antiphon.engine.driver import Driver
from antiphon.engine.message import user_message
from antiphon.engine.turn import DEFAULT_LIMIT
from antiphon.engine.workers import Workers
from antiphon.errors import StreamBroken
from antiphon.policy import Approve, Permissions
from antiphon.protocol.call_ids import CallIds
from antiphon.protocol.messages import Json
from antiphon.protocol.streaming import ReplyEvent, ReplyFailed, ReplyReader, message_events
from antiphon.tools.base import Limits, Workspace


@dataclass(frozen=True, slots=True)
class Exchange:
    """An assistant message and its answer, as they go into the conversation.

    Attributes:
        assistant: the reply, fit to be sent back (ids that were missing, double or malformed are settled); None for
            an empty or refused reply, which has no place in a conversation.
        user: the results in request order, or None when nothing was asked for.
    """

    assistant: Json | None
    user: Json | None

    @property
    def messages(self) -> list[Json]:
        """What to append to the conversation."""
        return [message for message in (self.assistant, self.user) if message is not None]


class Calls:
    """Runs the tool calls of one reply while it streams.

    Example:
        >>> async with Calls(tools) as calls:
        ...     async with client.messages.stream(messages=messages, **options) as stream:
        ...         async for event in stream:
        ...             calls.feed(event)
        ...     messages += (await calls.exchange()).messages
    """

    def __init__(
        self,
        tools: Iterable[ToolLike] | Toolbox,
        *,
        messages: Iterable[Json] = (),
        permissions: Permissions | None = None,
        approve: Approve | None = None,
        limits: Limits | None = None,
        workspace: Workspace | None = None,
        max_parallel: int = DEFAULT_LIMIT,
    ) -> None:
        """Prepare for one reply.

        Args:
            tools: tools, or Python functions that become tools.
            messages: the conversation so far, whose ids are not to be used again.
            permissions: which calls may run; all of them unless given.
            approve: decides about calls that the permissions leave open. Without it they are denied.
            limits: bounds of results, and seconds a call may run.
            workspace: where over-long results are kept.
            max_parallel: most calls that run at once.
        """
        self._toolbox = (
            tools
            if isinstance(tools, Toolbox)
            else Toolbox(tools, permissions=permissions, approve=approve, limits=limits, workspace=workspace)
        )
        self._tasks = anyio.create_task_group()
        self._workers = Workers(self._tasks)
        self._reader = ReplyReader()
        self._failed: ReplyFailed | None = None
        self._limit = max_parallel
        self._reply = IncomingReply(CallIds(messages), self._new_driver)

    def feed(self, event: Any) -> None:
        """Take the next event of the stream: a dict, or an event object of an SDK. Calls start from here."""
        for told in self._reader.feed_event(_as_json(event)):
            self.receive(told)

    def take_message(self, message: Any) -> None:
        """Take a whole reply that was not streamed: a dict, or an SDK's message object.

        One without `stop_reason`, such as a message of a conversation, counts as complete.
        """
        for event in message_events({"stop_reason": "tool_use", **_as_json(message)}):
            self.receive(event)

    def receive(self, event: ReplyEvent) -> None:
        """Take the next event as `antiphon.protocol.streaming` tells it, for those who read the wire themselves."""
        if isinstance(event, ReplyFailed):
            self._failed = event
        else:
            self._reply.receive(event)

    async def exchange(self) -> Exchange:
        """Wait for the calls and return what to append to the conversation.

        Raises:
            StreamBroken: the reply failed or did not end. Nothing that writes has run: ask again.
        """
        if self._failed is not None or self._reply.message is None:
            reason = self._failed.text if self._failed is not None else "The reply did not end with message_stop."
            self._reply.driver.discard(reason)
            raise StreamBroken(reason)
        if self._reply.stop_reason == "refusal":
            self._reply.driver.discard("the model refused to go on")
            return Exchange(None, None)
        content = self._reply.content()
        self._reply.ended()
        reply = await self._reply.driver.reply()
        assistant: Json | None = {"role": "assistant", "content": content} if content else None
        return Exchange(assistant, user_message(reply.results) if reply.results else None)

    def cancel(self) -> Exchange:
        """Stop the reply and return at once what to append; finished results stay, the rest says that it stopped."""
        results = self._reply.cancelled()
        content = self._reply.said_so_far() if self._reply.message is None else self._reply.content()
        if not content:
            return Exchange(None, None)
        user = user_message(results.results) if results is not None and results.results else None
        return Exchange({"role": "assistant", "content": content}, user)

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._reply.driver.discard("left without waiting for the results")
        self._workers.close()
        try:
            return await self._tasks.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            # Calls never raise, so the one exception in it is the caller's own.
            if error is not None and group.exceptions == (error,):
                raise error from error.__cause__
            raise

    def _new_driver(self) -> Driver:
        return Driver(self._workers, self._toolbox.prepare, limit=self._limit)


async def run_calls(
    message: Any,
    tools: Iterable[ToolLike],
    *,
    messages: Iterable[Json] = (),
    permissions: Permissions | None = None,
    approve: Approve | None = None,
    max_parallel: int = DEFAULT_LIMIT,
) -> Exchange:
    """Run the tool calls of a whole reply (a dict, or an SDK's message object) and return what to append.

    The results stand in the order of the calls, whatever finishes first. A failing tool is a result, never an
    exception. For the arguments see `Calls`.
    """
    async with Calls(
        tools, messages=messages, permissions=permissions, approve=approve, max_parallel=max_parallel
    ) as calls:
        calls.take_message(message)
        return await calls.exchange()


def _as_json(value: Any) -> Json:
    """Return plain JSON for a dict or an object of an SDK (which has `to_dict` or `model_dump`)."""
    if isinstance(value, Mapping):
        return cast("Json", value)
    for method in ("to_dict", "model_dump"):
        convert = getattr(value, method, None)
        if convert is not None:
            return cast("Json", convert())
    raise TypeError(f"an event is a dict or an SDK's event object, not {type(value).__name__}")

"""Replies by a script, for tests and for programs that embed an agent: no network, no key, no model.

It is as strict as the API: a request that breaks a rule is refused in the rule's words.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import anyio

from antiphon.errors import Rejected, SettingsError
from antiphon.protocol.checking import check
from antiphon.protocol.context import Context, Dialect
from antiphon.protocol.dialects import ANTHROPIC
from antiphon.protocol.encoding import Request
from antiphon.protocol.messages import Json
from antiphon.protocol.streaming import ReplyEvent, ReplyFailed, ReplyReader
from antiphon.providers.counting import to_be_counted
from antiphon.providers.refusals import broken

Reply = Sequence[Json] | Json | Exception
"""What the model does: content blocks; a message with what else it is to hold; or an error.

A message needs `content` only; `stop_reason` is `tool_use` where there are tool calls, else `end_turn`. A `tool_use`
block whose `input` is a string streams it as it is, valid JSON or not. Two keys are for the script and not part of the
message: `delays`, the seconds before each block (one more is the time before the end), and `break`, an error raised
instead of the end.
"""

Scripted = Reply | Callable[[Json], Reply]
"""A reply, or a function that makes one of the request's JSON."""


class ScriptedProvider:
    """Answers each request by the next reply of a script.

    Attributes:
        requests: the body of every request so far, as JSON of its own: what the caller does later does not change it.
        counted: the body of every request whose tokens were asked for.
    """

    def __init__(
        self,
        replies: Iterable[Scripted],
        *,
        strict: bool = True,
        dialect: Dialect = ANTHROPIC,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        tokens: Callable[[Json], int] | None = None,
    ) -> None:
        """Take the script.

        Args:
            replies: what to answer, in order; may be endless.
            strict: refuse requests that break a rule of the dialect. A refused request uses up no reply.
            dialect: whose rules.
            sleep: waits for the delays of the script.
            tokens: counts the tokens of a request; one for every four characters of its JSON unless given.
        """
        self.requests: list[Json] = []
        self.counted: list[Json] = []
        self._replies = iter(replies)
        self._strict = strict
        self._dialect = dialect
        self._sleep = sleep
        self._tokens = tokens or _four_characters_each

    @property
    def dialect(self) -> Dialect:
        """Whose rules the requests must keep."""
        return self._dialect

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncIterator[ReplyEvent], None]:
        """Record a request and yield the events of the next reply.

        Raises:
            Rejected: the request breaks a rule, or the script says so.
            ProviderError: the script says so.
            SettingsError: the script is at its end.
        """
        # By way of its bytes, so that what is recorded is what a server would have read.
        body: Json = json.loads(request.encode())
        self.requests.append(body)
        if self._strict:
            for violation in check(body, self._dialect):
                raise Rejected(400, violation.text, details={"rule": violation.rule})
        reply = self._next(body)
        if isinstance(reply, Exception):
            raise reply
        script: Json = reply if isinstance(reply, dict) else {"content": reply}
        async with aclosing(self._events(script, body)) as events:
            yield events

    async def count_tokens(self, request: Request) -> int:
        """Record what is to be counted and return its tokens.

        Raises:
            Rejected: the request breaks a rule.
            ProviderError: the function that was given to count them says so.
        """
        body: Json = json.loads(to_be_counted(request).encode())
        self.counted.append(body)
        if self._strict:
            for violation in check(body, self._dialect, context=Context(counting=True)):
                raise Rejected(400, violation.text, details={"rule": violation.rule})
        return self._tokens(body)

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""

    def _next(self, body: Json) -> Reply:
        try:
            reply = next(self._replies)
        except StopIteration:
            raise SettingsError(
                f"The script ends after {len(self.requests) - 1} replies; one more was asked for."
            ) from None
        return reply(body) if callable(reply) else reply

    async def _events(self, script: Json, body: Json) -> AsyncGenerator[ReplyEvent, None]:
        content: list[Json] = script["content"]
        delays: Sequence[float] = script.get("delays", ())
        # Blocks are told as on the wire and read by the reader, so that a script can do what a server can do.
        reader = ReplyReader()
        for index, told in enumerate(_told(script, body, len(self.requests))):
            for wire_event in told:
                for event in reader.feed_event(wire_event):
                    if isinstance(event, ReplyFailed):
                        raise broken(event, None)
                    yield event
            if index < len(delays) and delays[index]:
                await self._sleep(delays[index])
            if index == len(content) and (error := script.get("break")) is not None:
                raise error


def _four_characters_each(body: Json) -> int:
    return -(-len(json.dumps(body, ensure_ascii=False)) // 4)


def _told(script: Json, body: Json, number: int) -> Iterator[list[Json]]:
    """Yield the events of a reply: how it begins, each block, and how it ends."""
    content: list[Json] = script["content"]
    calls = any(block.get("type") == "tool_use" for block in content)
    fields = {key: script[key] for key in script if key not in ("content", "delays", "break")}
    message: Json = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 0, "output_tokens": 0},
    }
    end = {"stop_reason": fields.pop("stop_reason", "tool_use" if calls else "end_turn")}
    yield [{"type": "message_start", "message": {**message, **fields}}]
    for index, block in enumerate(content):
        yield list(_block_events(index, block))
    yield [{"type": "message_delta", "delta": end}, {"type": "message_stop"}]


def _block_events(index: int, block: Json) -> Iterator[Json]:
    first: Json = block
    delta: Json | None = None
    match block.get("type"):
        case "text" | "thinking" as kind:
            first, delta = {**block, kind: ""}, {"type": f"{kind}_delta", kind: block[kind]}
        case "tool_use":
            given: Any = block.get("input", {})
            raw = given if isinstance(given, str) else json.dumps(given)
            first, delta = {**block, "input": {}}, {"type": "input_json_delta", "partial_json": raw}
        case _:
            pass
    yield {"type": "content_block_start", "index": index, "content_block": first}
    if delta is not None:
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}

"""The contract of a provider, as a suite that anybody can run against their own.

It asks the provider for a few short replies and looks at what it tells. It does not look at what the model says.
"""

from collections.abc import Awaitable, Callable

import anyio
from anyio.lowlevel import checkpoint

from antiphon.errors import Rejected
from antiphon.protocol.context import Dialect
from antiphon.protocol.encoding import Request
from antiphon.protocol.messages import Json
from antiphon.protocol.streaming import (
    BlockClosed,
    BlockStarted,
    InputDelta,
    OtherEvent,
    ReplyEnded,
    ReplyEvent,
    ReplyStarted,
    TextDelta,
    ThinkingDelta,
)
from antiphon.providers.base import Provider


async def check_provider(
    provider: Provider,
    *,
    model: str = "claude-haiku-4-5",
    request: Request | None = None,
    refused: Request | None = None,
    timeout: float = 60.0,  # noqa: ASYNC109  (of each check, so that a test need not think of it)
) -> None:
    """Check that a provider keeps its contract. Makes five requests, closes the provider at the end.

    Args:
        provider: the provider.
        model: the model to ask for, where no request is given.
        request: a valid request to make; by default one for a short greeting.
        refused: a request that the provider's server answers with an error that asking again will not change, to
            check that it becomes `Rejected`. One more request.
        timeout: seconds that a check may take.

    Raises:
        AssertionError: it does not; the message says what was wanted.
    """
    asked = request or Request(
        {"model": model, "max_tokens": 64}, [{"role": "user", "content": "Say hello, in one short sentence."}]
    )
    suite = _Suite(provider, asked)
    checks: list[Callable[[], Awaitable[None]]] = [
        suite.names_its_dialect,
        suite.tells_a_whole_reply,
        suite.can_be_left_early,
        suite.can_be_cancelled,
        suite.serves_two_at_once,
    ]
    for check in checks:
        await _within(timeout, check)
    if refused is not None:
        suite.request = refused
        await _within(timeout, suite.raises_rejected)
    await _within(timeout, provider.aclose)


async def _within(seconds: float, check: Callable[[], Awaitable[None]]) -> None:
    with anyio.move_on_after(seconds) as scope:
        await check()
    _require(not scope.cancelled_caught, f"must come to an end; {check.__name__} did not within {seconds:g} seconds")


def check_events(events: list[ReplyEvent]) -> None:
    """Check that events tell one whole reply, in the grammar that `ReplyReader` promises.

    Raises:
        AssertionError: they do not; the message says what was wanted.
    """
    heard = [event for event in events if not isinstance(event, OtherEvent)]
    _require(bool(heard) and isinstance(heard[0], ReplyStarted), "must tell ReplyStarted first")
    _require(isinstance(events[-1], ReplyEnded), f"must tell ReplyEnded last, not {events[-1]!r}")
    _require(
        sum(isinstance(event, ReplyStarted | ReplyEnded) for event in heard) == 2,
        "must tell one ReplyStarted and one ReplyEnded",
    )
    blocks = _Blocks()
    for event in heard[1:-1]:
        blocks.hear(event)
    blocks.check_all_closed()
    last = heard[-1]
    message = last.message if isinstance(last, ReplyEnded) else {}
    _require(message.get("role") == "assistant", "must end with a message of the role assistant")
    _require(isinstance(message.get("stop_reason"), str), "must end with a message that has a stop reason")
    _require(isinstance(message.get("usage"), dict), "must end with a message that has its usage")
    _require(
        message.get("content") == [blocks.closed[index] for index in sorted(blocks.closed)],
        "must end with a message whose content is the blocks that were closed, in order",
    )


class _Blocks:
    """What was told of each content block, by its index."""

    def __init__(self) -> None:
        self.closed: dict[int, Json] = {}
        self._open: dict[int, Json] = {}
        self._text: dict[int, str] = {}

    def hear(self, event: ReplyEvent) -> None:
        match event:
            case BlockStarted(index=index, block=block):
                _require(index == len(self._open) + len(self.closed), f"must number blocks from 0; one is {index}")
                self._open[index] = block
                self._text[index] = ""
            case BlockClosed(index=index, block=block):
                first = self._open.pop(index, None)
                _require(first is not None, f"must start block {index} before it closes it, and close it once")
                self._check(index, block)
            case TextDelta(index=index, text=text) | ThinkingDelta(index=index, text=text):
                _require(index in self._open, f"must tell deltas of block {index} while it is open")
                self._text[index] += text
            case InputDelta(index=index):
                _require(index in self._open, f"must tell deltas of block {index} while it is open")
            case _:
                _require(False, f"must raise a failure, not tell it: {event!r}")

    def check_all_closed(self) -> None:
        _require(not self._open, f"must close every block; open are {sorted(self._open)}")

    def _check(self, index: int, block: Json) -> None:
        kind = block.get("type")
        if kind in ("text", "thinking"):
            _require(block.get(kind) == self._text[index], f"must tell all text of block {index} in deltas")
        if kind == "tool_use":
            _require(isinstance(block.get("input"), dict), f"must give the call in block {index} an object as input")
        self.closed[index] = block


class _Suite:
    def __init__(self, provider: Provider, request: Request) -> None:
        self.provider = provider
        self.request = request

    async def names_its_dialect(self) -> None:
        _require(isinstance(self.provider.dialect, Dialect), "must name its dialect")  # pyright: ignore[reportUnnecessaryIsInstance]  (that is the question)

    async def tells_a_whole_reply(self) -> None:
        before = self.request.encode()
        check_events(await self._reply())
        _require(self.request.encode() == before, "must leave the request as it is")

    async def can_be_left_early(self) -> None:
        async with self.provider.stream(self.request) as events:
            async for _ in events:
                break

    async def can_be_cancelled(self) -> None:
        with anyio.CancelScope() as scope:
            async with self.provider.stream(self.request) as events:
                async for _ in events:
                    scope.cancel()
                    await checkpoint()
        _require(scope.cancelled_caught, "must let a cancellation pass")

    async def serves_two_at_once(self) -> None:
        async with self.provider.stream(self.request) as first, self.provider.stream(self.request) as second:
            for events in (second, first):
                check_events([event async for event in events])

    async def raises_rejected(self) -> None:
        try:
            await self._reply()
        except Rejected as error:
            _require(not error.retryable, "must not call a refused request retryable")
            _require(str(error) != "", "must say in the server's words why a request was refused")
        else:
            _require(False, "must raise Rejected where the server refuses a request")

    async def _reply(self) -> list[ReplyEvent]:
        async with self.provider.stream(self.request) as events:
            return [event async for event in events]


def _require(holds: bool, what: str) -> None:  # noqa: FBT001  (it reads as a sentence)
    if not holds:
        raise AssertionError(f"A provider {what}.")

"""The contract suite: our providers keep it, and each way to break it is found."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from loopback import Conversation, serving
from provider_replies import EVENTS, STREAM

from antiphon.errors import Rejected
from antiphon.protocol.encoding import Request
from antiphon.protocol.streaming import (
    BlockClosed,
    BlockStarted,
    InputDelta,
    ReplyEnded,
    ReplyEvent,
    ReplyFailed,
    ReplyReader,
    TextDelta,
)
from antiphon.providers.anthropic import AnthropicProvider
from antiphon.providers.scripted import ScriptedProvider
from antiphon.testing.provider_contract import check_events, check_provider

BAD = Request({"model": "m", "max_tokens": 1}, [{"role": "assistant", "content": [{"type": "tool_use"}]}])


async def test_the_scripted_provider_keeps_the_contract() -> None:
    text = {"type": "text", "text": "Hello"}
    call = {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}}
    await check_provider(ScriptedProvider([[text, call]] * 5), refused=BAD)


async def test_the_anthropic_provider_keeps_the_contract() -> None:
    async def script(call: Conversation) -> None:
        if call.request.json()["messages"][0]["role"] == "assistant":
            await call.answer(400, b'{"error":{"type":"invalid_request_error","message":"no"}}')
        else:
            await call.stream(STREAM[:500], STREAM[500:])

    async with serving(script) as server:
        await check_provider(AnthropicProvider(api_key="k", base_url=server.url), refused=BAD)
    assert len(server.requests) == 6


def test_what_the_reader_tells_keeps_the_contract() -> None:
    check_events(ReplyReader().feed(STREAM))


def end_with(**changes: Any) -> Callable[[list[ReplyEvent]], list[ReplyEvent]]:
    def change(events: list[ReplyEvent]) -> list[ReplyEvent]:
        last = events[-1]
        assert isinstance(last, ReplyEnded)
        return [*events[:-1], replace(last, message={**last.message, **changes})]

    return change


def without(kind: type[ReplyEvent], index: int) -> Callable[[list[ReplyEvent]], list[ReplyEvent]]:
    def change(events: list[ReplyEvent]) -> list[ReplyEvent]:
        return [event for event in events if not (isinstance(event, kind) and getattr(event, "index", 0) == index)]

    return change


FAULTS: list[tuple[Callable[[list[ReplyEvent]], list[ReplyEvent]], str]] = [
    (lambda _: [], "ReplyStarted first"),
    (lambda events: events[1:], "ReplyStarted first"),
    (lambda events: events[:-1], "ReplyEnded last"),
    (lambda events: [*events, events[-1]], "one ReplyStarted and one ReplyEnded"),
    (lambda events: [events[0], *events], "one ReplyStarted and one ReplyEnded"),
    (lambda events: [*events[:2], ReplyFailed("x", "y"), *events[2:]], "raise a failure"),
    (lambda events: [events[0], BlockStarted(1, {}), *events[1:]], "number blocks from 0"),
    (without(BlockStarted, 0), "while it is open"),
    (without(BlockStarted, 1), "while it is open"),
    (without(BlockClosed, 1), "close every block"),
    (without(TextDelta, 0), "all text of block 0"),
    (lambda events: [*events[:-1], events[-2], events[-1]], "close it once"),
    (lambda events: [*events[:1], InputDelta(0, "x"), *events[1:]], "while it is open"),
    (end_with(content=[]), "the blocks that were closed"),
    (end_with(role="user"), "role assistant"),
    (end_with(stop_reason=None), "stop reason"),
    (end_with(usage=None), "usage"),
]


@pytest.mark.parametrize(("fault", "said"), FAULTS)
def test_each_fault_of_the_events_is_found(fault: Callable[[list[ReplyEvent]], list[ReplyEvent]], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_events(fault(EVENTS))


def test_a_call_whose_input_is_no_object_is_found() -> None:
    events = [
        replace(event, block={**event.block, "input": "{}"})
        if isinstance(event, BlockClosed) and event.index
        else event
        for event in EVENTS
    ]
    with pytest.raises(AssertionError, match="an object as input"):
        check_events(events)


class Faulty(ScriptedProvider):
    """Breaks the contract in the way it is told."""

    def __init__(self, fault: str) -> None:
        super().__init__([[{"type": "text", "text": "Hello"}]] * 9, strict=False)
        self._fault = fault

    @property
    def dialect(self) -> Any:
        return "anthropic" if self._fault == "dialect" else super().dialect

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncGenerator[AsyncIterator[ReplyEvent], None]:
        match self._fault:
            case "changes the request":
                request.params["stream"] = True
            case "hangs":
                await anyio.sleep_forever()
            case "retryable" if not request.messages[0]["content"].startswith("Say"):
                error = Rejected(400, "no")
                error.retryable = True
                raise error
            case _:
                pass
        async with super().stream(request) as events:
            yield events


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("dialect", "name its dialect"),
        ("changes the request", "leave the request as it is"),
        ("hangs", "tells_a_whole_reply did not within 0.2 seconds"),
        ("accepts everything", "raise Rejected"),
        ("retryable", "not call a refused request retryable"),
    ],
)
async def test_each_fault_of_a_provider_is_found(fault: str, said: str) -> None:
    refused = Request({"model": "m"}, [{"role": "user", "content": ""}])
    with pytest.raises(AssertionError, match=said):
        await check_provider(Faulty(fault), refused=refused, timeout=0.2)

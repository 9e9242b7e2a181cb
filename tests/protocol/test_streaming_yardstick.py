"""The official SDK reads the same bytes: what it accumulates is what our reader ends with."""

from typing import Any, cast

import httpx2
import pytest
from anthropic import AsyncAnthropic
from rich_reply import EVENTS, Json, block, call_block, end, sse, start, text_block

from antiphon.protocol.streaming import ReplyEnded, ReplyReader


async def read_by_the_sdk(stream: bytes) -> Json:
    def answer(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    transport = httpx2.AsyncClient(transport=httpx2.MockTransport(answer))
    async with AsyncAnthropic(api_key="k", http_client=transport, max_retries=0) as client:
        parameters: dict[str, Any] = {"model": "claude-opus-4-8", "max_tokens": 9, "messages": []}
        async with client.messages.stream(**parameters) as events:
            message = await events.get_final_message()
    return message.to_dict()


def read_by_us(stream: bytes) -> Json:
    reader = ReplyReader()
    [ended] = [event for event in (*reader.feed(stream), *reader.close()) if isinstance(event, ReplyEnded)]
    return ended.message


def without_nulls(value: Any) -> Any:
    # The SDK's models add fields that the API did not send, as null.
    if isinstance(value, dict):
        return {key: without_nulls(inner) for key, inner in cast("Json", value).items() if inner is not None}
    if isinstance(value, list):
        return [without_nulls(inner) for inner in cast("list[Any]", value)]
    return value


REFUSAL = {"stop_reason": "refusal", "stop_sequence": None, "stop_details": {"type": "refusal", "category": "cyber"}}


@pytest.mark.parametrize(
    "events",
    [
        EVENTS,
        [start(), *text_block(0, "Hello", ", ", "🌍"), *end("end_turn", input_tokens=3)],
        [start(), *call_block(0, '{"a": [1, 2.5, null, true, "\\u00fc"]}'), *call_block(1, "{}", id="t2"), *end()],
        [start(), *block(0, {"type": "thinking", "thinking": "", "signature": ""}), *end("max_tokens")],
        [start(), {"type": "message_delta", "delta": REFUSAL, "usage": {"output_tokens": 2}}, {"type": "message_stop"}],
        [start(service_tier="standard", surprise={"new": 1}), *text_block(0), *end("stop_sequence")],
    ],
    ids=["everything", "text", "calls", "thinking", "refusal", "unknown fields"],
)
async def test_the_sdk_accumulates_the_same_message(events: list[Json]) -> None:
    stream = sse(*events)
    assert without_nulls(read_by_us(stream)) == without_nulls(await read_by_the_sdk(stream))

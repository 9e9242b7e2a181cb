"""Our client against a server on loopback: what is sent, what is told, and what every failure is called."""

from loopback import Conversation, serving

from antiphon.protocol.encoding import Request
from antiphon.protocol.streaming import ReplyEnded, ReplyEvent, ReplyReader
from antiphon.providers.anthropic import AnthropicProvider

REQUEST = Request({"model": "claude-opus-4-8", "max_tokens": 9}, [{"role": "user", "content": "Grüße"}])
STREAM = b"".join(
    b"event: x\ndata: " + data + b"\n\n"
    for data in (
        b'{"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[],"usage":{}}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}',
        b'{"type":"content_block_stop","index":0}',
        b'{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}',
        b'{"type":"message_stop"}',
    )
)
EVENTS = ReplyReader().feed(STREAM)


async def told(provider: AnthropicProvider, request: Request = REQUEST) -> list[ReplyEvent]:
    async with provider.stream(request) as events:
        return [event async for event in events]


async def test_events_are_told_as_they_are_read_and_the_connection_is_used_again() -> None:
    async def script(call: Conversation) -> None:
        await call.stream(STREAM[:100], STREAM[100:])

    async with serving(script) as server:
        provider = AnthropicProvider(api_key="k", base_url=server.url)
        for _ in range(3):
            assert await told(provider) == EVENTS
        await provider.aclose()
    assert isinstance(EVENTS[-1], ReplyEnded)
    assert [request.connection for request in server.requests] == [1, 1, 1]
    assert server.requests[0].json() == {**REQUEST.json(), "stream": True}

"""A Messages API that costs next to nothing: it streams prepared replies, so that benchmarks measure the client.

Not strict, not complete: the emulator is both, and is too thorough to stand behind a stopwatch. The prompt says what
to reply: a `Plan` as a JSON object; after the results comes a text. Run as its own process it prints its port.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """What to reply.

    Attributes:
        calls: inputs of the tool calls of the reply, in order; their tool is the key `tool` of each, `nap` without.
        gap: seconds between the ends of two calls' blocks.
        turns: how many replies with calls there are before the text.
    """

    calls: list[Json] = field(default_factory=list[Json])
    gap: float = 0.0
    turns: int = 1


def _event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, separators=(',', ':'))}\n\n".encode()


def _start() -> bytes:
    usage = {"input_tokens": 100, "output_tokens": 1, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    message: Json = {
        "id": "msg_bench",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }
    return _event("message_start", message=message)


def _end(stop_reason: str) -> bytes:
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return _event("message_delta", delta=delta, usage={"output_tokens": 50}) + _event("message_stop")


def _call(index: int, turn: int, given: Json) -> bytes:
    name = given.get("tool", "nap")
    arguments = {key: value for key, value in given.items() if key != "tool"}
    block: Json = {"type": "tool_use", "id": f"toolu_{turn}_{index}", "name": name, "input": {}}
    delta = {"type": "input_json_delta", "partial_json": json.dumps(arguments)}
    return (
        _event("content_block_start", index=index, content_block=block)
        + _event("content_block_delta", index=index, delta={"type": "input_json_delta", "partial_json": ""})
        + _event("content_block_delta", index=index, delta=delta)
        + _event("content_block_stop", index=index)
    )


def _text(text: str) -> bytes:
    return (
        _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        + _event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
        + _event("content_block_stop", index=0)
    )


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            body = json.loads(await reader.readexactly(length))
            await _reply(body["messages"], writer)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _reply(messages: list[Json], writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
    prompt_at = max(index for index, message in enumerate(messages) if _prompt(message) is not None)
    plan = Plan(**json.loads(_prompt(messages[prompt_at]) or "{}"))
    turn = sum(message["role"] == "assistant" for message in messages[prompt_at:])
    if turn >= plan.turns:
        await _write(writer, _start() + _text("done") + _end("end_turn"))
    elif plan.gap == 0:
        calls = b"".join(_call(index, len(messages), given) for index, given in enumerate(plan.calls))
        await _write(writer, _start() + calls + _end("tool_use"))
    else:
        await _write(writer, _start())
        for index, given in enumerate(plan.calls):
            await asyncio.sleep(plan.gap)  # noqa: TID251  (a plain server, of asyncio alone)
            await _write(writer, _call(index, len(messages), given))
        await _write(writer, _end("tool_use"))
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _prompt(message: Json) -> str | None:
    """Return the plan that a user message holds, if it is a prompt."""
    if message["role"] != "user":
        return None
    content = message["content"]
    texts = [content] if isinstance(content, str) else [block.get("text", "") for block in content]
    return next((text for text in texts if text.startswith("{")), None)


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    await writer.drain()


async def main() -> None:
    """Serve on loopback until killed."""
    server = await asyncio.start_server(_serve, "127.0.0.1", 0, limit=2**26)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

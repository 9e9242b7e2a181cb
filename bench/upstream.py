"""The upstream behind what the proxy's benchmarks measure: replies that cost next to nothing.

A bare asyncio protocol and a process of its own, which prints its port. The query of a request says how it is answered:
`?reply=json`, which is also what happens without a query, `?reply=events` (a reply of a kilobyte or so in 53 events,
written at once), or `?reply=paced&rate=20&count=100` (so many events a second, each of which says when it was sent, by
the clock that all processes share). Bodies are counted and thrown away.
"""

import asyncio
import json
import random
import time
from typing import Any
from urllib.parse import parse_qs

JSON_BODY = json.dumps(
    {
        "id": "msg_bench",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-5",
        "content": [{"type": "text", "text": "All is well. " * 20}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 100, "output_tokens": 50},
    },
    separators=(",", ":"),
).encode()


def event(kind: str, **fields: object) -> bytes:
    """Return one event as it stands in a stream."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, separators=(',', ':'))}\n\n".encode()


def _start() -> bytes:
    usage = {"input_tokens": 100, "output_tokens": 1, "cache_read_input_tokens": 0, "cache_creation_input_tokens": 0}
    message: dict[str, Any] = {**json.loads(JSON_BODY), "content": [], "stop_reason": None, "usage": usage}
    return event("message_start", message=message) + event(
        "content_block_start", index=0, content_block={"type": "text", "text": ""}
    )


def delta(text: str) -> bytes:
    """Return an event with some text."""
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


START = _start()
END = (
    event("content_block_stop", index=0)
    + event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 50})
    + event("message_stop")
)
EVENTS = START + b"".join(delta(f"w{number}") for number in range(48)) + END


def chunk(data: bytes) -> bytes:
    """Return a piece of a body as it stands in chunked encoding."""
    return b"%x\r\n%b\r\n" % (len(data), data)


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
_JSON_REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (
    len(JSON_BODY),
    JSON_BODY,
)
_EVENTS_REPLY = STREAM_HEAD + chunk(EVENTS) + LAST_CHUNK


class Upstream(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        """Expect a request."""
        self._transport: asyncio.Transport | None = None
        self._head = bytearray()
        self._missing = 0
        self._target = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take note of the connection."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        del exc
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Read requests: the head, then as many bytes as it says, or up to the last chunk."""
        if self._missing > 0:
            self._missing -= len(data)
        elif self._missing < 0:
            self._missing = 0 if data.endswith(LAST_CHUNK) else -1
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head, rest = bytes(self._head[:end]), bytes(self._head[end + 4 :])
            self._head.clear()
            self._target = head.split(b" ", 2)[1]
            lower = head.lower()
            at = lower.find(b"\r\ncontent-length:")
            if at >= 0:
                self._missing = int(lower[at + 17 :].split(b"\r\n", 1)[0]) - len(rest)
            elif b"\r\ntransfer-encoding:" in lower:
                self._missing = 0 if rest.endswith(LAST_CHUNK) else -1
        if self._missing == 0:
            self._answer()

    def _answer(self) -> None:
        transport = self._transport
        if transport is None:
            return
        if self._target.endswith(b"reply=events"):
            transport.write(_EVENTS_REPLY)
        elif b"reply=paced" not in self._target:
            transport.write(_JSON_REPLY)
        else:
            asked = parse_qs(self._target.partition(b"?")[2].decode())
            gap = 1 / float(asked["rate"][0])
            transport.write(STREAM_HEAD + chunk(START))
            loop = asyncio.get_running_loop()
            # Streams are not in step with each other.
            first = loop.time() + gap * random.random()
            loop.call_at(first, self._tick, first, gap, int(asked["count"][0]))

    def _tick(self, at: float, gap: float, left: int) -> None:
        transport = self._transport
        if transport is None:
            return
        if left == 0:
            transport.write(chunk(END) + LAST_CHUNK)
            return
        transport.write(chunk(delta(f"sent={time.monotonic_ns()};")))
        asyncio.get_running_loop().call_at(at + gap, self._tick, at + gap, gap, left - 1)


async def main() -> None:
    """Serve on loopback until killed."""
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())

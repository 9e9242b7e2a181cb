"""One streamed reply that holds every kind of block and event, for the tests of the reader."""

import json
from typing import Any

Json = dict[str, Any]


def sse(*events: Json, newline: str = "\n") -> bytes:
    """Return events as a server writes them."""
    lines = (
        f"event: {event['type']}{newline}data: {json.dumps(event, ensure_ascii=False)}{newline}{newline}"
        for event in events
    )
    return "".join(lines).encode()


def start(**fields: Any) -> Json:
    message: Json = {
        "id": "msg_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-opus-4-8",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 25, "cache_read_input_tokens": 7, "output_tokens": 1},
    }
    return {"type": "message_start", "message": message | fields}


def block(index: int, first: Json, *deltas: Json) -> list[Json]:
    return [
        {"type": "content_block_start", "index": index, "content_block": first},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text_block(index: int, *pieces: str) -> list[Json]:
    return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


def call_block(index: int, *pieces: str, id: str = "toolu_1", name: str = "read_file") -> list[Json]:  # noqa: A002  (the wire's name)
    deltas = ({"type": "input_json_delta", "partial_json": piece} for piece in pieces)
    return block(index, {"type": "tool_use", "id": id, "name": name, "input": {}}, *deltas)


def end(stop_reason: str = "tool_use", **usage: Any) -> list[Json]:
    delta = {"stop_reason": stop_reason, "stop_sequence": None}
    return [{"type": "message_delta", "delta": delta, "usage": {"output_tokens": 89} | usage}, {"type": "message_stop"}]


SEARCH_RESULT: Json = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://a.example", "title": "A", "encrypted_content": "Eq=="}],
}
CITATION: Json = {
    "type": "web_search_result_location",
    "cited_text": "grün",
    "url": "https://a.example",
    "title": "A",
    "encrypted_index": "Ei==",
}
EVENTS: list[Json] = [
    start(),
    {"type": "ping"},
    *block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Zwei Dinge "},
        {"type": "thinking_delta", "thinking": "prüfen 🤔"},
        {"type": "signature_delta", "signature": "EqQBCgIYAhIM=="},
    ),
    *block(1, {"type": "redacted_thinking", "data": "EmwKAhgB"}),
    *block(
        2,
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"query": "Rot'},
        {"type": "input_json_delta", "partial_json": 'bäckchen"}'},
    ),
    *block(3, SEARCH_RESULT),
    *block(
        4,
        {"type": "text", "text": "", "citations": []},
        {"type": "text_delta", "text": "Es ist "},
        {"type": "citations_delta", "citation": CITATION},
        {"type": "text_delta", "text": "grün. \r\n\u2028 日本"},
    ),
    {"type": "ping"},
    *call_block(5, "", '{"path": "src/', 'ä.py", "lines": [1, 2]', "}"),
    *call_block(6, id="toolu_2", name="list_files"),
    *end(cache_read_input_tokens=8, server_tool_use={"web_search_requests": 1, "web_fetch_requests": 0}),
]
STREAM = sse(*EVENTS)
CONTENT: list[Json] = [
    {"type": "thinking", "thinking": "Zwei Dinge prüfen 🤔", "signature": "EqQBCgIYAhIM=="},
    {"type": "redacted_thinking", "data": "EmwKAhgB"},
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Rotbäckchen"}},
    SEARCH_RESULT,
    {"type": "text", "text": "Es ist grün. \r\n\u2028 日本", "citations": [CITATION]},
    {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {"path": "src/ä.py", "lines": [1, 2]}},
    {"type": "tool_use", "id": "toolu_2", "name": "list_files", "input": {}},
]
MESSAGE: Json = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-opus-4-8",
    "content": CONTENT,
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 25,
        "cache_read_input_tokens": 8,
        "output_tokens": 89,
        "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
    },
}

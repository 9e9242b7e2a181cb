"""A short conversation and a reply to it, for the tests of providers."""

from antiphon.protocol.encoding import Request
from antiphon.protocol.streaming import ReplyEvent, ReplyReader

REQUEST = Request(
    {
        "model": "claude-opus-4-8",
        "max_tokens": 99,
        "system": [{"type": "text", "text": "Sei kurz.", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "read_file", "description": "Reads.", "input_schema": {"type": "object"}}],
        "thinking": {"type": "adaptive"},
    },
    [
        {"role": "user", "content": "Grüße 🤔"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "", "signature": "EqQB=="},
                {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {"path": "ä.py"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "x = 1\n"}]},
    ],
)
WIRE = [
    b"event: x\ndata: " + data + b"\n\n"
    for data in (
        b'{"type":"message_start","message":{"id":"msg_1","role":"assistant","content":[],"usage":{"new":1}}}',
        b'{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","odd":[1]}}',
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi \xf0\x9f\xa4\x94"}}',
        b'{"type":"content_block_stop","index":0}',
        b'{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"n","input":{}}}',
        b'{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\\"a\\":1}"}}',
        b'{"type":"content_block_stop","index":1}',
        b'{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":1}}',
        b'{"type":"message_stop"}',
    )
]
STREAM = b"".join(WIRE)
EVENTS: list[ReplyEvent] = ReplyReader().feed(STREAM)

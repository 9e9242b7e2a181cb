"""Conversations that clients send, whole and damaged."""

from typing import Any

Json = dict[str, Any]

READ_FILE: Json = {
    "name": "read_file",
    "description": "Read one file",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
}


def asked(*messages: Json, **fields: Any) -> Json:
    """Return a request that begins with a prompt."""
    return {
        "model": "claude-sonnet-4-5",
        "max_tokens": 1024,
        "tools": [READ_FILE],
        "messages": [{"role": "user", "content": "go"}, *messages],
        **fields,
    }


def calls(*ids: str, before: tuple[Json, ...] = ()) -> Json:
    """Return an assistant message that calls a tool once for each id."""
    asking = [{"type": "tool_use", "id": id_, "name": "read_file", "input": {"path": id_}} for id_ in ids]
    return {"role": "assistant", "content": [*before, *asking]}


def results(*ids: str) -> Json:
    """Return a user message with a result for each id."""
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id_, "content": id_} for id_ in ids]}


def text(said: str) -> Json:
    """Return a text block."""
    return {"type": "text", "text": said}


def said(words: str) -> Json:
    """Return a user message."""
    return {"role": "user", "content": words}

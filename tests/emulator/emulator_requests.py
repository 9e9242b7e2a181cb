"""Requests that the tests send."""

from collections.abc import Callable
from typing import Any

import httpx2

from antiphon.emulator import Emulator

Client = Callable[[Emulator], httpx2.Client]
"""Opens a plain HTTP client of an emulator; it is closed after the test."""

READ_FILE: dict[str, Any] = {
    "name": "read_file",
    "description": "Read one file",
    "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}},
}


def request(*messages: dict[str, Any] | str, **fields: Any) -> dict[str, Any]:
    """Return a request whose messages alternate; a string is a text."""
    roles = ("user", "assistant")
    return {
        "model": "claude-sonnet-4-5",
        "max_tokens": 1024,
        "tools": [READ_FILE],
        "messages": [
            {"role": roles[index % 2], "content": message} if isinstance(message, str) else message
            for index, message in enumerate(messages)
        ],
        **fields,
    }


def asks(*ids: str) -> dict[str, Any]:
    """Return an assistant message that calls `read_file` once for each id."""
    calls = [{"type": "tool_use", "id": id_, "name": "read_file", "input": {"path": id_}} for id_ in ids]
    return {"role": "assistant", "content": calls}


def answers(*ids: str) -> dict[str, Any]:
    """Return a user message with a result for each id."""
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id_, "content": id_} for id_ in ids]}

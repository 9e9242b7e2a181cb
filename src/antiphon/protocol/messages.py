"""Typed views of the wire JSON of a conversation, and ways to walk it.

A conversation here *is* the JSON that would be sent: dicts and lists, read through TypedDicts. Nothing is parsed
into objects and written back, so fields nobody has heard of survive. Keys that a view does not name may be present.
"""

from collections.abc import Iterator
from typing import Any, Literal, NotRequired, TypedDict, cast

Json = dict[str, Any]
"""A JSON object of the wire format."""

Role = Literal["user", "assistant", "system"]


class Block(TypedDict):
    """One content block of a message; which other keys it has depends on its type."""

    type: str


class TextBlock(Block):
    """Text of either side."""

    text: str


class ToolUseBlock(Block):
    """The assistant asks for a client tool: one tool call."""

    id: str
    name: str
    input: Json


class ToolResultBlock(Block):
    """The user's answer to one tool call."""

    tool_use_id: str
    content: NotRequired[str | list[Json]]
    is_error: NotRequired[bool]


class Message(TypedDict):
    """One message; `content` is a string or a list of blocks."""

    role: Role
    content: str | list[Json]


THINKING_TYPES = frozenset({"thinking", "redacted_thinking"})
SERVER_TOOL_USE_TYPES = frozenset({"server_tool_use", "mcp_tool_use"})


def blocks_of(message: Json) -> list[Json]:
    """Return the content blocks of a message; string content counts as one text block.

    Blocks that are not objects (a fault that a rule reports) are left out.
    """
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if isinstance(content, list):
        return [cast("Json", block) for block in cast("list[Any]", content) if isinstance(block, dict)]
    return []


def tool_uses(message: Json) -> Iterator[Json]:
    """Yield the client tool calls of a message, in request order."""
    return (block for block in blocks_of(message) if block.get("type") == "tool_use")


def tool_results(message: Json) -> Iterator[Json]:
    """Yield the tool results of a message, in the order they stand."""
    return (block for block in blocks_of(message) if block.get("type") == "tool_result")


def text_of(message: Json) -> str:
    """Return all text of a message, joined."""
    return "".join(block["text"] for block in blocks_of(message) if block.get("type") == "text")

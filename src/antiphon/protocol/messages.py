"""Typed views of the wire JSON of a conversation, and ways to walk it.

A conversation here *is* the JSON that would be sent: dicts and lists, read through TypedDicts. Nothing is parsed
into objects and written back, so fields nobody has heard of survive. Keys that a view does not name may be present.

The walks take whatever JSON they are given and never raise: what is not a message or not a block is left out.
"""

from collections.abc import Iterator
from typing import Any, Literal, NotRequired, TypedDict, TypeGuard, cast

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


def is_object(value: object) -> TypeGuard[Json]:
    """Say whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Say whether a JSON value is an array."""
    return isinstance(value, list)


def role_of(message: object) -> str:
    """Return the role of a message, or an empty string where none can be read."""
    role = message.get("role") if is_object(message) else None
    return role if isinstance(role, str) else ""


def kind_of(block: Json) -> str:
    """Return the type of a block, or an empty string where it has none that could be one."""
    kind = block.get("type")
    return kind if isinstance(kind, str) else ""


def indexed_blocks(message: object) -> Iterator[tuple[int, Json]]:
    """Yield the content blocks of a message with their index in the array as sent.

    String content counts as one text block, an empty string as none. Blocks that are not objects are left out.
    """
    content = message.get("content") if is_object(message) else None
    if isinstance(content, str):
        if content:
            yield 0, {"type": "text", "text": content}
    elif is_array(content):
        for index, block in enumerate(content):
            if isinstance(block, dict):
                yield index, cast("Json", block)


def blocks_of(message: Json) -> list[Json]:
    """Return the content blocks of a message; string content counts as one text block, an empty string as none.

    Blocks that are not objects (a fault that a rule reports) are left out.
    """
    return [block for _, block in indexed_blocks(message)]


def tool_uses(message: Json) -> Iterator[Json]:
    """Yield the client tool calls of a message, in request order."""
    return (block for block in blocks_of(message) if block.get("type") == "tool_use")


def tool_results(message: Json) -> Iterator[Json]:
    """Yield the tool results of a message, in the order they stand."""
    return (block for block in blocks_of(message) if block.get("type") == "tool_result")


def text_of(message: Json) -> str:
    """Return all text of a message, joined."""
    texts = (block.get("text") for block in blocks_of(message) if block.get("type") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def is_server_tool_result(block: Json) -> bool:
    """Say whether a block is the result of a tool that the server ran (`web_search_tool_result` and its like)."""
    return kind_of(block).endswith("_tool_result")

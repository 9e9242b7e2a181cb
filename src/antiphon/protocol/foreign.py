"""What other APIs and SDKs leave in messages, and this API refuses: kinds of blocks, and fields.

The lists are closed on purpose. The API refuses everything it does not know, but it learns; what is on no list here may
be a feature of tomorrow and is passed on untouched.
"""

from collections.abc import Callable
from typing import Any

from antiphon.protocol.editing import as_json, text_block
from antiphon.protocol.messages import Json, is_object

KNOWN_TYPES = (
    "advisor_tool_result",
    "bash_code_execution_tool_result",
    "code_execution_tool_result",
    "compaction",
    "container_upload",
    "document",
    "fallback",
    "image",
    "mcp_tool_listing",
    "mcp_tool_result",
    "mcp_tool_use",
    "redacted_thinking",
    "search_result",
    "server_tool_use",
    "text",
    "text_editor_code_execution_tool_result",
    "thinking",
    "tool_addition",
    "tool_removal",
    "tool_result",
    "tool_search_tool_result",
    "tool_use",
    "web_fetch_tool_result",
    "web_search_tool_result",
)
"""The kinds of blocks that the official SDK (2.12.0) writes, as an error lists them."""


def _drop(_block: Json) -> Json | None:
    return None


def _text_of(field: str) -> Callable[[Json], Json | None]:
    def translate(block: Json) -> Json | None:
        text = block.get(field)
        return text_block(text) if isinstance(text, str) and text else None

    return translate


def _image(block: Json) -> Json | None:
    url: Any = block.get("image_url")
    url = url.get("url") if is_object(url) else url
    if not isinstance(url, str):
        return as_text(block)
    head, comma, data = url.partition(",")
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    if comma and head.endswith(";base64"):
        media_type = head.removeprefix("data:").removesuffix(";base64")
        return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}
    return as_text(block)


def as_text(block: Json) -> Json:
    """Return a text block that holds a block as JSON: nothing is lost, if nothing is gained."""
    return text_block(as_json(block))


FOREIGN_TYPES: dict[str, Callable[[Json], Json | None]] = {
    # Reasoning of other models means nothing to this one and cannot be replayed.
    "reasoning": _drop,
    "reasoning_content": _drop,
    "reasoning_text": _drop,
    "step-start": _drop,
    "thought": _drop,
    "input_text": _text_of("text"),
    "output_text": _text_of("text"),
    "summary_text": _text_of("text"),
    "refusal": _text_of("refusal"),
    "image_url": _image,
    "input_image": _image,
    "computer_call": as_text,
    "custom_tool_call": as_text,
    "custom_tool_call_output": as_text,
    "file": as_text,
    "function": as_text,
    "function_call": as_text,
    "function_call_output": as_text,
    "input_audio": as_text,
    "input_file": as_text,
    "tool-call": as_text,
    "tool-result": as_text,
    "toolResult": as_text,
    "toolUse": as_text,
    "tool_call": as_text,
    "video_url": as_text,
}
"""Kinds of blocks of OpenAI's two APIs, Bedrock Converse and the Vercel AI SDK, and what becomes of them."""

_MESSAGE_FIELDS = frozenset(
    {
        "condenseId",
        "condenseParent",
        "createdAt",
        "function_call",
        "id",
        "isSummary",
        "isTruncationMarker",
        "metadata",
        "model",
        "modelInfo",
        "name",
        "reasoning_content",
        "reasoning_details",
        "refusal",
        "stop_reason",
        "stop_sequence",
        "timestamp",
        "tool_call_id",
        "tool_calls",
        "truncationId",
        "truncationParent",
        "ts",
        "type",
        "usage",
        "uuid",
    }
)
_STREAM_FIELDS = frozenset({"index", "partial_json"})

FOREIGN_FIELDS: dict[str, frozenset[str]] = {
    "message": _MESSAGE_FIELDS,
    "text": _STREAM_FIELDS | {"annotations", "id", "logprobs", "parsed_output"},
    "tool_use": _STREAM_FIELDS | {"arguments", "function", "text", "thought_signature"},
    "tool_result": frozenset({"id", "name", "output", "text", "tool_call_id", "tool_name"}),
}
"""Fields that stored conversations and stream helpers add, by type of block (or `message`)."""

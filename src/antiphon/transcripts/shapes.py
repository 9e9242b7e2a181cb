"""Which API a request is written for, as its shape tells.

The answer is the name of a dialect. Requests that are damaged, or mix two forms, are taken for what most of them is.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeGuard

from antiphon.protocol.messages import Json, is_array, is_object, kind_of, role_of

_CHAT_ROLES = frozenset({"tool", "developer", "function"})
_CHAT_TYPES = frozenset({"image_url", "input_audio", "file"})
_CHAT_FIELDS = frozenset(
    {
        "max_completion_tokens",
        "frequency_penalty",
        "presence_penalty",
        "response_format",
        "logprobs",
        "parallel_tool_calls",
    }
)
_MESSAGES_TYPES = frozenset({"tool_use", "tool_result", "thinking", "redacted_thinking", "image", "document"})
_CONVERSE_KEYS = frozenset(
    {"text", "toolUse", "toolResult", "image", "document", "reasoningContent", "cachePoint", "guardContent", "video"}
)
_CONVERSE_FIELDS = frozenset({"modelId", "inferenceConfig", "toolConfig", "additionalModelRequestFields"})
_ITEM_TYPES = frozenset(
    {
        "function_call",
        "function_call_output",
        "custom_tool_call",
        "custom_tool_call_output",
        "local_shell_call",
        "local_shell_call_output",
        "reasoning",
        "item_reference",
        "message",
        "web_search_call",
    }
)
_LOOKED_AT = 200
"""How many messages are looked at; more would not change the picture."""


def is_request(value: object) -> TypeGuard[Json]:
    """Say whether a JSON value is the body of a request to a model."""
    if not is_object(value):
        return False
    if is_array(value.get("messages")) or is_array(value.get("contents")):
        return True
    return "model" in value and isinstance(value.get("input"), str | list)


def messages_of(request: Json) -> list[Any]:
    """Return the messages of a request of any API; an empty list where it has none."""
    for field in ("messages", "contents", "input"):
        if field in request:
            return _list(request[field])
    return []


def dialect_of(request: Json) -> str:
    """Return the dialect a request is written in."""
    if "messages" in request:
        return _of_messages(request, request["messages"])
    return "gemini" if "contents" in request else "openai-responses"


def field_of_list(values: list[Any]) -> str | None:
    """Return the field of a request that a bare list could be: `messages`, `contents`, `input`; None for none."""
    objects = [value for value in values[:_LOOKED_AT] if is_object(value)]
    if any(is_array(value.get("parts")) for value in objects):
        return "contents"
    if any(kind_of(value) in _ITEM_TYPES - {"message", "reasoning"} for value in objects):
        return "input"
    return "messages" if any(role_of(value) for value in objects) else None


def _of_messages(request: Json, messages: Any) -> str:
    if not _CONVERSE_FIELDS.isdisjoint(request):
        return "bedrock-converse"
    chat = ours = converse = 0
    for message in islice((found for found in _list(messages) if is_object(found)), _LOOKED_AT):
        chat += role_of(message) in _CHAT_ROLES or is_array(message.get("tool_calls"))
        for block in _list(message.get("content")):
            if is_object(block):
                kind = kind_of(block)
                ours += kind in _MESSAGES_TYPES
                chat += kind in _CHAT_TYPES
                converse += not kind and not _CONVERSE_KEYS.isdisjoint(block)
    if converse > ours + chat:
        return "bedrock-converse"
    chat += not _CHAT_FIELDS.isdisjoint(request) or any("function" in tool for tool in _tools(request))
    ours += "system" in request or any("input_schema" in tool for tool in _tools(request))
    if chat == ours:
        # A leading system message is how Chat Completions says what the Messages API has a field for.
        first = _list(messages)[:1]
        return "openai-chat" if first and role_of(first[0]) == "system" and not _is_claude(request) else "anthropic"
    return "openai-chat" if chat > ours else "anthropic"


def _is_claude(request: Json) -> bool:
    model = request.get("model")
    return isinstance(model, str) and "claude" in model


def _tools(request: Json) -> Iterator[Json]:
    return (tool for tool in _list(request.get("tools")) if is_object(tool))


def _list(value: Any) -> list[Any]:
    return value if is_array(value) else []

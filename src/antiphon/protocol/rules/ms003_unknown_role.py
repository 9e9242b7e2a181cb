"""A message has a role that the API does not know: `tool`, `function`, `developer`, `human`, or none."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import with_messages
from antiphon.protocol.messages import Json, blocks_of, is_object, role_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_KNOWN = frozenset({"user", "assistant", "system"})
_TRANSLATIONS = {
    "ai": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "developer": "system",
}
_RESULT_ROLES = frozenset({"tool", "function"})


def _is_faulty(message: Json) -> bool:
    return is_object(message) and role_of(message) not in _KNOWN


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, message in conversation.unusual_messages():
        if _is_faulty(message):
            problem = "Input should be 'user' or 'assistant'" if "role" in message else "Field required"
            yield Violation(UNKNOWN_ROLE.id, UNKNOWN_ROLE.error.format(message=index, problem=problem), index)


def _repair(conversation: Conversation) -> Json:
    messages = [_translate(message) if _is_faulty(message) else message for message in conversation.messages]
    return with_messages(conversation.request, messages)


def _translate(message: Json) -> Json:
    role = role_of(message)
    if role in _RESULT_ROLES and "tool_call_id" in message:
        # The tool message of OpenAI's Chat Completions is one result.
        said = {"role", "tool_call_id", "content", "name"}
        fields = {key: value for key, value in message.items() if key not in said}
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": message["tool_call_id"]}
        if message.get("content") is not None:
            result["content"] = message["content"]
        return {"role": "user", "content": [result], **fields}
    if role in _TRANSLATIONS:
        return {**message, "role": _TRANSLATIONS[role]}
    calls = any(block.get("type") == "tool_use" for block in blocks_of(message))
    return {**message, "role": "assistant" if calls else "user"}


UNKNOWN_ROLE = Rule(
    id="MS003",
    name="unknown-role",
    statement="The role of a message is `user` or `assistant` (and `system`, where the model takes it).",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="messages.{message}.role: {problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="gave the message a role",
)

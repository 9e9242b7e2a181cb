"""The content of a message is neither text nor a list of blocks: null, a lone block, or missing."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import as_json, text_block, with_messages
from antiphon.protocol.messages import Json, is_array, is_object, role_of
from antiphon.protocol.rule import Rule, Source, Violation


def _is_faulty(message: Json) -> bool:
    if not is_object(message) or isinstance(message.get("content"), str) or is_array(message.get("content")):
        return False
    # A system message may change settings and say nothing.
    return not (role_of(message) == "system" and "content" not in message and "output_config" in message)


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, message in conversation.unusual_messages():
        if _is_faulty(message):
            problem = "Input should be a valid list" if "content" in message else "Field required"
            yield Violation(INVALID_CONTENT.id, INVALID_CONTENT.error.format(message=index, problem=problem), index)


def _repair(conversation: Conversation) -> Json:
    messages = [
        {**message, "content": _as_blocks(message.get("content"))} if _is_faulty(message) else message
        for message in conversation.messages
    ]
    return with_messages(conversation.request, messages)


def _as_blocks(content: Any) -> list[Any]:
    if content is None:
        return []
    return [content] if is_object(content) else [text_block(as_json(content))]


INVALID_CONTENT = Rule(
    id="MS004",
    name="invalid-content",
    statement="The content of a message is a string or a list of blocks.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="messages.{message}.content: {problem}",
    check=_check,
    repair=_repair,
    done="made the content a list of blocks",
)

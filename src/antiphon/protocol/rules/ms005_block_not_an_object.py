"""Something that is not an object stands among the blocks of a message."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import as_json, text_block, with_messages
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.rule import Rule, Source, Violation


def _junk(message: Json) -> list[int]:
    content = message.get("content") if is_object(message) else None
    return [index for index, block in enumerate(content) if not isinstance(block, dict)] if is_array(content) else []


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, message in conversation.unusual_messages():
        for position in _junk(message):
            text = BLOCK_NOT_AN_OBJECT.error.format(message=index, block=position)
            yield Violation(BLOCK_NOT_AN_OBJECT.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    messages = [
        {**message, "content": [_as_block(block) for block in message["content"] if block is not None]}
        if _junk(message)
        else message
        for message in conversation.messages
    ]
    return with_messages(conversation.request, messages)


def _as_block(value: Any) -> Json:
    if is_object(value):
        return value
    return text_block(value if isinstance(value, str) else as_json(value))


BLOCK_NOT_AN_OBJECT = Rule(
    id="MS005",
    name="block-not-an-object",
    statement="Every content block is an object.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="messages.{message}.content.{block}: Input should be a valid dictionary or object to extract fields from",
    check=_check,
    repair=_repair,
    done="made it a text block, or dropped it",
)

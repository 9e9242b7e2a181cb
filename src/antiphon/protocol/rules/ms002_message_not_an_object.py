"""Something that is not an object stands among the messages."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import as_json, with_messages
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.rule import Rule, Source, Violation


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, message in conversation.unusual_messages():
        if not is_object(message):
            yield Violation(MESSAGE_NOT_AN_OBJECT.id, MESSAGE_NOT_AN_OBJECT.error.format(message=index), index)


def _repair(conversation: Conversation) -> Json:
    # A bare string is most likely what a user said. Null says nothing.
    messages: list[Json] = []
    for message in conversation.messages:
        value: Any = message
        if is_object(value):
            messages.append(value)
        elif value is not None:
            text = value if isinstance(value, str) else as_json(value)
            messages.append({"role": "user", "content": text})
    return with_messages(conversation.request, messages)


MESSAGE_NOT_AN_OBJECT = Rule(
    id="MS002",
    name="message-not-an-object",
    statement="Every message is an object with a role and content.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="messages.{message}: Input should be a valid dictionary or object to extract fields from",
    check=_check,
    repair=_repair,
    done="dropped what is not a message, or made it one",
)

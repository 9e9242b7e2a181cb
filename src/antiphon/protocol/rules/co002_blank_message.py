"""A message is made of whitespace alone."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import with_content, with_messages
from antiphon.protocol.messages import Json, blocks_of, role_of
from antiphon.protocol.rule import Rule, Source, Violation


def _is_faulty(message: Json) -> bool:
    if role_of(message) not in {"user", "assistant"}:
        return False
    # Beside other content whitespace is fine.
    blocks = blocks_of(message)
    return bool(blocks) and all(block.get("type") == "text" and _is_blank(block.get("text")) for block in blocks)


def _check(conversation: Conversation) -> Iterator[Violation]:
    blank = [index for index, _, block in conversation.of_type("text") if _is_blank(block.get("text"))]
    for index in dict.fromkeys(blank):
        if _is_faulty(conversation.messages[index]):
            yield Violation(BLANK_MESSAGE.id, BLANK_MESSAGE.error, index)


def _is_blank(text: Any) -> bool:
    # A block without any text is refused for that.
    return isinstance(text, str) and text.isspace()


def _repair(conversation: Conversation) -> Json:
    # A message without content says the same; whether there may be one is another rule's question.
    messages = [with_content(message, []) if _is_faulty(message) else message for message in conversation.messages]
    return with_messages(conversation.request, messages)


BLANK_MESSAGE = Rule(
    id="CO002",
    name="blank-message",
    statement="A message that has text has some that is not whitespace.",
    source=Source("measured", ("experientiallabs/experiential#804",)),
    error="messages: text content blocks must contain non-whitespace text",
    check=_check,
    repair=_repair,
    done="emptied the blank message",
)

"""A message is made of whitespace alone."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import with_content, with_messages
from antiphon.protocol.messages import Json, indexed_blocks, role_of
from antiphon.protocol.rule import Rule, Source, Violation


def _is_faulty(message: Json) -> bool:
    if role_of(message) not in {"user", "assistant"}:
        return False
    blank = False
    for _, block in indexed_blocks(message):
        text = block.get("text") if block.get("type") == "text" else None
        # A block without any text is refused for that; beside other content whitespace is fine.
        if not isinstance(text, str) or not text or text.strip():
            return False
        blank = True
    return blank


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, message in conversation.new_messages():
        if _is_faulty(message):
            yield Violation(BLANK_MESSAGE.id, BLANK_MESSAGE.error, index)


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

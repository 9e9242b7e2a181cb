"""An assistant message has no content. The first-party API takes that, Bedrock does not."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import with_messages
from antiphon.protocol.messages import Json, indexed_blocks, role_of
from antiphon.protocol.rule import Rule, Source, Violation


def _is_faulty(message: Json) -> bool:
    return role_of(message) == "assistant" and next(indexed_blocks(message), None) is None


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, message in conversation.unusual_messages():
        if _is_faulty(message):
            yield Violation(EMPTY_ASSISTANT_MESSAGE.id, EMPTY_ASSISTANT_MESSAGE.error.format(message=index), index)


def _repair(conversation: Conversation) -> Json:
    # Nothing was said, so nothing is lost; but something must be left.
    messages = [message for message in conversation.messages if not _is_faulty(message)]
    return with_messages(conversation.request, messages) if messages else conversation.request


EMPTY_ASSISTANT_MESSAGE = Rule(
    id="CO012",
    name="empty-assistant-message",
    statement="An assistant message has content.",
    source=Source("measured", ("theopenco/llmgateway#3127",)),
    error=(
        "The content field in the Message object at messages.{message} is empty."
        " Add a ContentBlock object to the content field and try again."
    ),
    check=_check,
    repair=_repair,
    done="dropped the empty message",
)

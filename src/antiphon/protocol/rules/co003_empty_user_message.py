"""A user message has no content."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import with_messages
from antiphon.protocol.messages import Json, indexed_blocks, is_array, role_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_NOTHING = "(empty message)"


def _is_faulty(message: Json) -> bool:
    return role_of(message) == "user" and _is_empty(message)


def _is_empty(message: Json) -> bool:
    content = message.get("content")
    # What cannot be read as content is another rule's business.
    return (isinstance(content, str) or is_array(content)) and next(indexed_blocks(message), None) is None


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, message in conversation.unusual_messages():
        if _is_faulty(message):
            yield Violation(EMPTY_USER_MESSAGE.id, EMPTY_USER_MESSAGE.error.format(message=index), index)


def _repair(conversation: Conversation) -> Json:
    messages: list[Json] = []
    for index, message in enumerate(conversation.messages):
        if not _is_faulty(message):
            messages.append(message)
        elif not _may_go(conversation.messages, index, messages):
            messages.append({**message, "content": _NOTHING})
    return with_messages(conversation.request, messages)


def _may_go(messages: list[Json], index: int, kept: list[Json]) -> bool:
    """Say whether an empty message can go: it leaves a user message behind, or stands between other messages."""
    if kept and role_of(kept[-1]) == "user":
        return True
    if index == len(messages) - 1:
        return False
    return index > 0 or role_of(messages[1]) == "user"


EMPTY_USER_MESSAGE = Rule(
    id="CO003",
    name="empty-user-message",
    statement="A user message has content.",
    source=Source("measured", ("experientiallabs/experiential#804", "theopenco/llmgateway#3127")),
    error="messages.{message}: user messages must have non-empty content",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="replaced the empty message by a note, or dropped it",
)

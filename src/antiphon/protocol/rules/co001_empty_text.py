"""A text block has no text: a stream that opened one and wrote nothing, or a template that came out empty."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import rewrite
from antiphon.protocol.messages import Json, indexed_blocks
from antiphon.protocol.rule import Rule, Source, Violation


def _is_faulty(block: Json) -> bool:
    return block.get("type") == "text" and block.get("text") == ""


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("text"):
        if block.get("text") == "":
            yield Violation(EMPTY_TEXT.id, EMPTY_TEXT.error, index, position)


def _repair(conversation: Conversation) -> Json:
    # Inside a result an empty text is fine.
    contents = {
        index: [block for _, block in indexed_blocks(message) if not _is_faulty(block)]
        for index, message in enumerate(conversation.messages)
    }
    return rewrite(conversation, contents, keep_empty=True)


EMPTY_TEXT = Rule(
    id="CO001",
    name="empty-text",
    statement="A text block has text.",
    source=Source("measured", ("experientiallabs/experiential#804", "anthropics/claude-code#50082")),
    error="messages: text content blocks must be non-empty",
    check=_check,
    repair=_repair,
    done="dropped the empty text",
)

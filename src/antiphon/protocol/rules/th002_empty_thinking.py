"""A thinking block has neither text nor signature: a client emptied it, or a stream broke before anything came."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import without
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation


def _is_faulty(block: Json) -> bool:
    # Without text but signed it is what models send that do not show their thinking.
    return block.get("thinking") == "" and block.get("signature") == ""


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("thinking"):
        if _is_faulty(block):
            text = EMPTY_THINKING.error.format(message=index, block=position)
            yield Violation(EMPTY_THINKING.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    return without(conversation, ((i, j) for i, j, block in conversation.of_type("thinking") if _is_faulty(block)))


EMPTY_THINKING = Rule(
    id="TH002",
    name="empty-thinking",
    statement="A thinking block has a text, or at least a signature.",
    source=Source("reported", ("anthropics/claude-code#20698",)),
    error="messages.{message}.content.{block}: each thinking block must contain thinking",
    check=_check,
    repair=_repair,
    done="dropped the empty thinking",
)

"""A text is whitespace alone: beside other content, or inside a result."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.rule import Rule, Source, Violation


def _is_blank(block: Any) -> bool:
    text: Any = block.get("text") if is_object(block) and block.get("type") == "text" else None
    return isinstance(text, str) and not text.strip()


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("text"):
        # One that is empty outside of a result is refused everywhere.
        if block.get("text") and _is_blank(block):
            yield _violation(index, position)
    for index, position, block in conversation.of_type("tool_result"):
        content: Any = block.get("content")
        if is_array(content) and any(_is_blank(part) for part in content):
            yield _violation(index, position)


def _violation(index: int, position: int) -> Violation:
    return Violation(BLANK_TEXT.id, BLANK_TEXT.error.format(message=index, block=position), index, position)


def _repair(conversation: Conversation) -> Json:
    return change_blocks(conversation, lambda block: None if _is_blank(block) else block)


BLANK_TEXT = Rule(
    id="MS012",
    name="blank-text",
    statement="In Converse every text has something that is not whitespace.",
    source=Source("reported", ("NousResearch/hermes-agent#41985", "coasys/ad4m#996")),
    error="messages.{message}.content.{block}: the text is blank",
    check=_check,
    repair=_repair,
    done="dropped the blank text",
)

"""What the user says carries citations, which the newest version of the API takes from the model only."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import rewrite
from antiphon.protocol.messages import Json, indexed_blocks, is_array, role_of
from antiphon.protocol.parameters import STRICTER_VERSION, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _cites(block: Json) -> bool:
    citations: Any = block.get("citations")
    return block.get("type") == "text" and is_array(citations) and bool(citations)


def _faulty(conversation: Conversation) -> list[tuple[int, int]]:
    if conversation.context.version != STRICTER_VERSION:
        return []
    return [
        (index, position)
        for index, position, block in conversation.of_type("text")
        if _cites(block) and role_of(conversation.messages[index]) == "user"
    ]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position in _faulty(conversation):
        text = CITATIONS_FROM_USER.error.format(message=index, block=position)
        yield Violation(CITATIONS_FROM_USER.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    contents = {
        index: [
            with_fields(block, {}, ["citations"]) if _cites(block) else block
            for _, block in indexed_blocks(conversation.messages[index])
        ]
        for index, _ in _faulty(conversation)
    }
    return rewrite(conversation, contents)


CITATIONS_FROM_USER = Rule(
    id="RQ023",
    name="citations-from-user",
    statement="With API version 2026-10-21 text of the user has no citations.",
    source=Source("documented", ("docs:/api/migration-2026-10-21",)),
    error="messages.{message}.content.{block}.text.citations: Extra inputs are not permitted",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the citations",
)

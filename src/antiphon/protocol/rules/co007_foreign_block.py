"""A block is of a kind that belongs to another API, or has no type."""

from collections.abc import Iterator

from antiphon.protocol.calls import id_text
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks, text_block
from antiphon.protocol.foreign import FOREIGN_TYPES, KNOWN_TYPES, as_text
from antiphon.protocol.messages import Json, kind_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _is_faulty(block: Json) -> bool:
    kind = kind_of(block)
    return not kind or kind in FOREIGN_TYPES


def _check(conversation: Conversation) -> Iterator[Violation]:
    foreign = [kind for kind in conversation.types() if not kind or kind in FOREIGN_TYPES]
    for index, position, block in conversation.of_type(*foreign):
        yield _violation(f"messages.{index}.content.{position}", block, index, position)
    foreign = [kind for kind in conversation.layout.parts if not kind or kind in FOREIGN_TYPES]
    for part in conversation.parts_of_type(*foreign):
        yield _violation(part.where, part.body, part.message, part.block)


def _violation(where: str, block: Json, message: int, position: int) -> Violation:
    if "type" not in block:
        return Violation(FOREIGN_BLOCK.id, f"{where}.type: Field required", message, position)
    tags = ", ".join(f"'{kind}'" for kind in KNOWN_TYPES)
    text = FOREIGN_BLOCK.error.format(where=where, type=id_text(block["type"]), tags=tags)
    return Violation(FOREIGN_BLOCK.id, text, message, position)


def _repair(conversation: Conversation) -> Json:
    return change_blocks(conversation, lambda block: _translate(block) if _is_faulty(block) else block)


def _translate(block: Json) -> Json | None:
    if kind_of(block) in FOREIGN_TYPES:
        return FOREIGN_TYPES[kind_of(block)](block)
    if "tool_use_id" in block:
        return {**block, "type": "tool_result"}
    if {"id", "name", "input"} <= block.keys():
        return {**block, "type": "tool_use"}
    text = block.get("text")
    return text_block(text) if isinstance(text, str) and text else as_text(block)


FOREIGN_BLOCK = Rule(
    id="CO007",
    name="foreign-block",
    statement="Every block has a type that this API knows.",
    source=Source("reported", ("BerriAI/litellm#21689",)),
    error="{where}: Input tag '{type}' found using 'type' does not match any of the expected tags: {tags}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="translated the block, or dropped it",
)

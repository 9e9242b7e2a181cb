"""A reasoning item of Responses stands without what the model made after it: the reply was cut, or edited."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import without
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.messages import Json, is_object, kind_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation


def _found(conversation: Conversation) -> Iterator[tuple[int, int, str]]:
    for turn in conversation.turns:
        for index, position, block in reversed(turn.blocks):
            if turn.role != "assistant" or kind_of(block) != "reasoning":
                break
            item: Any = block.get("wire")
            name: Any = item.get("id") if is_object(item) else None
            # Without an id the item stands for itself, and nobody looks for what followed.
            if isinstance(name, str) and name:
                yield index, position, name


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, name in _found(conversation):
        yield Violation(
            REASONING_WITHOUT_ITS_ITEM.id, REASONING_WITHOUT_ITS_ITEM.error.format(id=name), index, position
        )


def _repair(conversation: Conversation) -> Json:
    return without(conversation, [(index, position) for index, position, _ in _found(conversation)])


REASONING_WITHOUT_ITS_ITEM = Rule(
    id="TH030",
    name="reasoning-without-its-item",
    statement="In Responses a reasoning item is followed by the message or call it led to.",
    source=Source("reported", ("openai/openai-node#1567", "vercel/ai#7099", "continuedev/continue#8933")),
    error="Item '{id}' of type 'reasoning' was provided without its required following item.",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the reasoning",
)

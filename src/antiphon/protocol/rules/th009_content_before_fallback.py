"""What a model that was given up had begun is sent back: its thinking and calls, before a `fallback` block."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation, Placed
from antiphon.protocol.editing import without
from antiphon.protocol.messages import THINKING_TYPES, Json, indexed_blocks, kind_of, role_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_VOID = THINKING_TYPES | {"tool_use"}


def _faulty(conversation: Conversation) -> list[Placed]:
    last = {index: position for index, position, _ in conversation.of_type("fallback")}
    found: list[Placed] = []
    for index, end in last.items():
        message = conversation.messages[index]
        if role_of(message) == "assistant":
            found += [(index, j, block) for j, block in indexed_blocks(message) if j < end and kind_of(block) in _VOID]
    return found


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in _faulty(conversation):
        text = CONTENT_BEFORE_FALLBACK.error.format(message=index, block=position, type=kind_of(block))
        yield Violation(CONTENT_BEFORE_FALLBACK.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    return without(conversation, ((i, j) for i, j, _ in _faulty(conversation)))


CONTENT_BEFORE_FALLBACK = Rule(
    id="TH009",
    name="content-before-fallback",
    statement="Thinking and tool calls before the last `fallback` block of a message are left out.",
    source=Source("documented", ("docs:/build-with-claude/refusals-and-fallback",)),
    error="messages.{message}.content.{block}: `{type}` block before the last `fallback` block of the message",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped what the model that was given up had begun",
)

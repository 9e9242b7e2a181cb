"""The text of a thinking block, or the data of a redacted one, is missing or no string."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import without
from antiphon.protocol.messages import Json, kind_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_FIELDS = {"thinking": "thinking", "redacted_thinking": "data"}


def _problem(block: Json) -> str | None:
    kind = kind_of(block)
    field = _FIELDS[kind]
    value: Any = block.get(field)
    if not isinstance(value, str):
        return f".{kind}.{field}: {'Input should be a valid string' if field in block else 'Field required'}"
    return None if value or kind == "thinking" else ": Invalid `data` in `redacted_thinking` block"


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type(*_FIELDS):
        problem = _problem(block)
        if problem:
            text = INVALID_THINKING.error.format(message=index, block=position, problem=problem)
            yield Violation(INVALID_THINKING.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    # What was signed is lost, and with it the use of the signature.
    return without(conversation, ((i, j) for i, j, block in conversation.of_type(*_FIELDS) if _problem(block)))


INVALID_THINKING = Rule(
    id="TH003",
    name="invalid-thinking",
    statement="The text of thinking and the data of redacted thinking are strings.",
    source=Source("documented", ("docs:/api/messages/create", "anthropics/claude-code#19539")),
    error="messages.{message}.content.{block}{problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the thinking",
)

"""A message or a block carries a field of another API, or of the program that stored it."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks, with_messages
from antiphon.protocol.foreign import FOREIGN_FIELDS
from antiphon.protocol.messages import Json, is_object, kind_of
from antiphon.protocol.rule import Rule, Source, Violation

_OWN_FIELDS = {"text": 2, "tool_use": 4, "tool_result": 3}
"""How many fields a block of each type has at least: one with no more has none to spare."""


def _foreign(value: Json, kind: str) -> list[str]:
    refused = FOREIGN_FIELDS.get(kind)
    return [field for field in value if field in refused] if refused else []


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, message in conversation.unusual_messages():
        for field in _foreign(message, "message") if is_object(message) else ():
            text = FOREIGN_FIELD.error.format(where=f"messages.{index}", field=field)
            yield Violation(FOREIGN_FIELD.id, text, index)
    for kind, own in _OWN_FIELDS.items():
        refused = FOREIGN_FIELDS[kind]
        for index, position, block in conversation.of_type(kind):
            if len(block) > own and not refused.isdisjoint(block):
                for field in _foreign(block, kind):
                    text = FOREIGN_FIELD.error.format(where=f"messages.{index}.content.{position}.{kind}", field=field)
                    yield Violation(FOREIGN_FIELD.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    request = change_blocks(conversation, lambda block: _without(block, kind_of(block)))
    messages = [_without(message, "message") if is_object(message) else message for message in request["messages"]]
    return with_messages(request, messages)


def _without(value: Json, kind: str) -> Json:
    foreign = _foreign(value, kind)
    return {key: item for key, item in value.items() if key not in foreign} if foreign else value


FOREIGN_FIELD = Rule(
    id="CO008",
    name="foreign-field",
    statement="Messages and blocks carry no fields of other APIs.",
    source=Source("reported", ("langchain-ai/langchain#31208", "anthropics/claude-code#4378")),
    error="{where}.{field}: Extra inputs are not permitted",
    check=_check,
    repair=_repair,
    done="dropped the field",
)

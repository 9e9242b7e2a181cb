"""A call or result has a field of the wrong type in its wire form: arguments that are an object, null as content."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation

_FAULT = "fault"
"""How the readers of wire forms mark such a block, which they have read as what it should have been."""


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("tool_use", "tool_result"):
        if _FAULT in block:
            text = MISSHAPEN_CALL_OR_RESULT.error.format(message=index, block=position, problem=block[_FAULT])
            yield Violation(MISSHAPEN_CALL_OR_RESULT.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    return change_blocks(
        conversation,
        lambda block: {key: value for key, value in block.items() if key != _FAULT} if _FAULT in block else block,
    )


MISSHAPEN_CALL_OR_RESULT = Rule(
    id="TU023",
    name="misshapen-call-or-result",
    statement="The fields of tool calls and results have the types of their wire form.",
    source=Source("reported", ("sigoden/aichat#1550", "UKGovernmentBEIS/inspect_ai#4683")),
    error="messages.{message}.content.{block}: {problem}",
    check=_check,
    repair=_repair,
    done="wrote the field as the API wants it",
)

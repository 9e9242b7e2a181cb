"""The history has tool calls or results, and the request defines no tools: Converse wants some."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.form import in_other_forms
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Safety, Source, Violation

# One for all, whatever was called: the next request of the same conversation gets the same bytes.
_STUB: Json = {
    "name": "unavailable_tool",
    "description": "A tool of an earlier turn. It is not available any more.",
    "input_schema": {"type": "object", "properties": {}},
}


@in_other_forms
def _check(conversation: Conversation) -> Iterator[Violation]:
    used = next(conversation.of_type("tool_use", "tool_result"), None)
    if used and not conversation.request.get("tools"):
        yield Violation(TOOLS_NOT_DEFINED.id, TOOLS_NOT_DEFINED.error)


def _repair(conversation: Conversation) -> Json:
    return {**conversation.request, "tools": [_STUB]}


TOOLS_NOT_DEFINED = Rule(
    id="TU025",
    name="tools-not-defined",
    statement="Where messages hold tool calls or results, Converse wants `toolConfig`.",
    source=Source("reported", ("patriceckhart/zot#18",)),
    error="The toolConfig field must be defined when using toolUse and toolResult content blocks.",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="defined a tool that stands for those of the history",
)

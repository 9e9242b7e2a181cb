"""The history has tool calls or results, and the request defines no tools: an upstream wants some."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import fields, is_sent
from antiphon.protocol.rule import Rule, Safety, Source, Violation

# One for all, whatever was called: the next request of the same conversation gets the same bytes.
_STUB: Json = {
    "name": "unavailable_tool",
    "description": "A tool of an earlier turn. It is not available any more.",
    "input_schema": {"type": "object", "properties": {}},
}


def _check(conversation: Conversation) -> Iterator[Violation]:
    if is_sent(conversation) and not fields(conversation).get("tools"):
        first = min((found[:2] for found in conversation.of_type("tool_use", "tool_result")), default=None)
        if first is not None:
            yield Violation(TOOL_HISTORY_WITHOUT_TOOLS.id, TOOL_HISTORY_WITHOUT_TOOLS.error, first[0])


def _repair(conversation: Conversation) -> Json:
    return {**conversation.request, "tools": [_STUB]}


TOOL_HISTORY_WITHOUT_TOOLS = Rule(
    id="TO017",
    name="tool-history-without-tools",
    statement="On Bedrock, a conversation with tool calls or results defines tools.",
    source=Source("reported", ("patriceckhart/zot#18",)),
    error="Requests which include `tool_use` or `tool_result` blocks must define tools",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="defined a tool that stands for those of the history",
)

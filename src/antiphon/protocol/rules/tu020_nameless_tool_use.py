"""A call has no name: its block was cut off, or comes from another provider."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Safety, Source, Violation

_UNKNOWN = "unknown_tool"


def _problem(block: Json) -> str | None:
    name: Any = block.get("name")
    if block.get("type") != "tool_use" or (isinstance(name, str) and name):
        return None
    if "name" not in block:
        return "Field required"
    return "String should have at least 1 character" if name == "" else "Input should be a valid string"


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in conversation.of_type("tool_use"):
        problem = None if block.get("name") and isinstance(block["name"], str) else _problem(block)
        if problem:
            text = NAMELESS_TOOL_USE.error.format(message=index, block=position, problem=problem)
            yield Violation(NAMELESS_TOOL_USE.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    return change_blocks(conversation, lambda block: {**block, "name": _UNKNOWN} if _problem(block) else block)


NAMELESS_TOOL_USE = Rule(
    id="TU020",
    name="nameless-tool-use",
    statement="Every tool call has the name of a tool.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="messages.{message}.content.{block}.tool_use.name: {problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="gave the call a name",
)

"""The model must call a tool that is not defined."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.parameters import fields, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.tool_definitions import knows_all_tools, tools


def _check(conversation: Conversation) -> Iterator[Violation]:
    choice: Any = fields(conversation).get("tool_choice")
    name: Any = choice.get("name") if is_object(choice) and choice.get("type") == "tool" else None
    if not isinstance(name, str) or not tools(conversation) or any(tool.name == name for tool in tools(conversation)):
        return
    if knows_all_tools(conversation):
        yield Violation(UNKNOWN_TOOL_CHOICE.id, UNKNOWN_TOOL_CHOICE.error.format(name=name))


def _repair(conversation: Conversation) -> Json:
    choice = with_fields(conversation.request["tool_choice"], {"type": "auto"}, ["name"])
    return {**conversation.request, "tool_choice": choice}


UNKNOWN_TOOL_CHOICE = Rule(
    id="TO013",
    name="unknown-tool-choice",
    statement="A tool that must be called is one of those that are defined.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/define-tools",)),
    error="Tool '{name}' not found in provided tools",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="left the choice to the model",
)

"""The model must call a tool, and there is none."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.parameters import fields, with_fields
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.tool_definitions import knows_all_tools

_FORCES = ("any", "tool")


def _check(conversation: Conversation) -> Iterator[Violation]:
    request = fields(conversation)
    choice: Any = request.get("tool_choice")
    forced = is_object(choice) and choice.get("type") in _FORCES
    if forced and not request.get("tools") and knows_all_tools(conversation):
        yield Violation(TOOL_CHOICE_WITHOUT_TOOLS.id, TOOL_CHOICE_WITHOUT_TOOLS.error)


def _repair(conversation: Conversation) -> Json:
    return with_fields(conversation.request, {}, ["tool_choice"])


TOOL_CHOICE_WITHOUT_TOOLS = Rule(
    id="TO012",
    name="tool-choice-without-tools",
    statement="A tool call is asked for only where there are tools.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/define-tools",)),
    error="tool_choice may only be specified while providing tools.",
    check=_check,
    repair=_repair,
    done="dropped the choice",
)

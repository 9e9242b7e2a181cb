"""The description of a tool is there and says nothing."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import with_fields
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.tool_definitions import Tool, own_tools, with_tools


def _faulty(conversation: Conversation) -> list[Tool]:
    return [tool for tool in own_tools(conversation) if _is_blank(tool.body.get("description"))]


def _is_blank(description: Any) -> bool:
    return isinstance(description, str) and not description.strip()


def _check(conversation: Conversation) -> Iterator[Violation]:
    for tool in _faulty(conversation):
        yield Violation(EMPTY_TOOL_DESCRIPTION.id, EMPTY_TOOL_DESCRIPTION.error.format(where=tool.where))


def _repair(conversation: Conversation) -> Json:
    said = {tool.number: with_fields(tool.body, {}, ["description"]) for tool in _faulty(conversation)}
    return with_tools(conversation.request, said)


EMPTY_TOOL_DESCRIPTION = Rule(
    id="TO019",
    name="empty-tool-description",
    statement="On Bedrock, the description of a tool says something or is left out.",
    source=Source(
        "documented", ("https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolSpecification.html",)
    ),
    error="{where}.description: String should have at least 1 character",
    check=_check,
    repair=_repair,
    done="dropped the empty description",
)

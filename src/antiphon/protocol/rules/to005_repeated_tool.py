"""The same tool is defined twice: two servers offer it, or a list was put together twice."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.tool_definitions import Tool, namesakes, with_tools


def _repeated(conversation: Conversation) -> list[Tool]:
    return [tool for found in namesakes(conversation) for tool in found.repeated]


def _check(conversation: Conversation) -> Iterator[Violation]:
    if _repeated(conversation):
        yield Violation(REPEATED_TOOL.id, REPEATED_TOOL.error)


def _repair(conversation: Conversation) -> Json:
    return with_tools(conversation.request, dict.fromkeys(tool.number for tool in _repeated(conversation)))


REPEATED_TOOL = Rule(
    id="TO005",
    name="repeated-tool",
    statement="Tool names are unique: the same tool is not defined twice.",
    source=Source("reported", ("anthropics/claude-code#14159", "anthropics/claude-code#14214")),
    error="tools: Tool names must be unique.",
    check=_check,
    repair=_repair,
    done="dropped the second definition",
)

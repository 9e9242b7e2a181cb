"""The name of a tool is longer than documented, but not longer than what is accepted today by some."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.tool_definitions import LONGEST_DOCUMENTED, Tool, is_name, new_names, own_tools, with_names


def _faulty(conversation: Conversation) -> list[Tool]:
    found = own_tools(conversation)
    return [tool for tool in found if len(tool.name) > LONGEST_DOCUMENTED and is_name(tool.name)]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for tool in _faulty(conversation):
        text = LONG_TOOL_NAME.error.format(where=tool.where, longest=LONGEST_DOCUMENTED)
        yield Violation(LONG_TOOL_NAME.id, text)


def _repair(conversation: Conversation) -> Json:
    faulty = _faulty(conversation)
    names = new_names(conversation, dict.fromkeys((tool.number for tool in faulty), 0))
    return with_names(conversation, names, everywhere={tool.name: names[tool.number] for tool in faulty})


LONG_TOOL_NAME = Rule(
    id="TO004",
    name="long-tool-name",
    statement="The name of a tool has at most 64 characters.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/define-tools",)),
    error="{where}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,{longest}}}$'",
    check=_check,
    repair=_repair,
    done="gave the tool a shorter name, everywhere",
)

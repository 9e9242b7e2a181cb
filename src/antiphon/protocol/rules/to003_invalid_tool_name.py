"""The name of a tool has characters that are not allowed, or too many: mostly a dot, or the name of a server first."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.tool_definitions import LONGEST, Tool, is_name, new_names, own_tools, with_names


def _faulty(conversation: Conversation) -> list[Tool]:
    return [tool for tool in own_tools(conversation) if tool.name and not is_name(tool.name)]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for tool in _faulty(conversation):
        text = INVALID_TOOL_NAME.error.format(where=tool.where, longest=LONGEST)
        yield Violation(INVALID_TOOL_NAME.id, text)


def _repair(conversation: Conversation) -> Json:
    faulty = _faulty(conversation)
    names = new_names(conversation, dict.fromkeys((tool.number for tool in faulty), 0))
    return with_names(conversation, names, everywhere={tool.name: names[tool.number] for tool in faulty})


INVALID_TOOL_NAME = Rule(
    id="TO003",
    name="invalid-tool-name",
    statement="The name of a tool is made of letters, digits, `_` and `-`, and at most 128 of them.",
    source=Source(
        "documented",
        ("docs:/agents-and-tools/tool-use/define-tools", "modelcontextprotocol/typescript-sdk#413"),
    ),
    error="{where}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,{longest}}}$'",
    check=_check,
    repair=_repair,
    done="gave the tool another name, everywhere",
)

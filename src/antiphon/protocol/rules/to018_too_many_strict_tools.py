"""More tools are to be called strictly by their schemas than can be."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.tool_definitions import Tool, own_tools, with_tools

_MOST = 20


def _strict(conversation: Conversation) -> list[Tool]:
    return [tool for tool in own_tools(conversation) if tool.body.get("strict") is True]


def _check(conversation: Conversation) -> Iterator[Violation]:
    count = len(_strict(conversation))
    if count > _MOST:
        yield Violation(TOO_MANY_STRICT_TOOLS.id, TOO_MANY_STRICT_TOOLS.error.format(count=count))


def _repair(conversation: Conversation) -> Json:
    surplus = _strict(conversation)[_MOST:]
    return with_tools(conversation.request, {tool.number: with_fields(tool.body, {}, ["strict"]) for tool in surplus})


TOO_MANY_STRICT_TOOLS = Rule(
    id="TO018",
    name="too-many-strict-tools",
    statement="At most 20 tools are strict.",
    source=Source("documented", ("docs:/build-with-claude/structured-outputs",)),
    error="Too many strict tools ({count}).",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="took `strict` from the later tools",
)

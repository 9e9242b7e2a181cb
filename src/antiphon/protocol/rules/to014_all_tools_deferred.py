"""All tools are to be loaded later, so that the model has none to begin with."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import fields, with_fields
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.tool_definitions import tools, with_tools


def _check(conversation: Conversation) -> Iterator[Violation]:
    found = tools(conversation)
    whole = bool(found) and len(found) == len(fields(conversation)["tools"])
    if whole and all(tool.body.get("defer_loading") is True for tool in found):
        yield Violation(ALL_TOOLS_DEFERRED.id, ALL_TOOLS_DEFERRED.error)


def _repair(conversation: Conversation) -> Json:
    first = tools(conversation)[0]
    return with_tools(conversation.request, {first.number: with_fields(first.body, {}, ["defer_loading"])})


ALL_TOOLS_DEFERRED = Rule(
    id="TO014",
    name="all-tools-deferred",
    statement="At least one tool is loaded at once.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/tool-search-tool",)),
    error="At least one tool must have defer_loading=false. All tools cannot be deferred.",
    check=_check,
    repair=_repair,
    done="loaded the first tool at once",
)

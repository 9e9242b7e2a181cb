"""A tool of the web may go to none of an empty list of sites, or is kept from none."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.parameters import with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.tool_definitions import Tool, tools, with_tools

_OF_THE_WEB = ("web_search_", "web_fetch_")
_LISTS = ("allowed_domains", "blocked_domains")


def _faulty(conversation: Conversation) -> list[tuple[Tool, list[str]]]:
    found = [
        (tool, [field for field in _LISTS if tool.body.get(field) == []])
        for tool in tools(conversation)
        if tool.kind.startswith(_OF_THE_WEB)
    ]
    return [(tool, empty) for tool, empty in found if empty]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for tool, empty in _faulty(conversation):
        for field in empty:
            yield Violation(EMPTY_DOMAIN_LIST.id, EMPTY_DOMAIN_LIST.error.format(where=f"{tool.where}.{field}"))


def _repair(conversation: Conversation) -> Json:
    changed = {tool.number: with_fields(tool.body, {}, empty) for tool, empty in _faulty(conversation)}
    return with_tools(conversation.request, changed)


EMPTY_DOMAIN_LIST = Rule(
    id="TO016",
    name="empty-domain-list",
    statement="A list of domains for a tool of the web has some.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/server-tools",)),
    error="{where}: Empty list of domains is ambiguous. Provide at least one domain or null.",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the empty list",
)

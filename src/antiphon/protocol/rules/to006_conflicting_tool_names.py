"""Two different tools have one name."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.tool_definitions import Tool, namesakes, new_names, with_names, with_tools


def _groups(conversation: Conversation) -> list[tuple[Tool, list[Tool]]]:
    """Return, for each name that several tools have, the one that keeps it and the others.

    It is the first, unless the server gives one of them its name.
    """
    groups: list[tuple[Tool, list[Tool]]] = []
    for found in namesakes(conversation):
        if len(found.different) > 1:
            keeper = next((tool for tool in found.different if not tool.own), found.different[0])
            groups.append((keeper, [tool for tool in found.different if tool is not keeper]))
    return groups


def _check(conversation: Conversation) -> Iterator[Violation]:
    if _groups(conversation):
        yield Violation(CONFLICTING_TOOL_NAMES.id, CONFLICTING_TOOL_NAMES.error)


def _repair(conversation: Conversation) -> Json:
    groups = _groups(conversation)
    # A server's tool cannot have another name: of two, one goes.
    gone = [tool.number for _, others in groups for tool in others if not tool.own]
    if gone:
        return with_tools(conversation.request, dict.fromkeys(gone))
    wrong = {tool.number: number for _, others in groups for number, tool in enumerate(others, 1)}
    names = new_names(conversation, wrong)
    # What the history says was called is the first of the client's own.
    called = {keeper.name: names[others[0].number] for keeper, others in groups if not keeper.own}
    return with_names(conversation, names, everywhere=called)


CONFLICTING_TOOL_NAMES = Rule(
    id="TO006",
    name="conflicting-tool-names",
    statement="Tool names are unique: different tools have different names.",
    source=Source("reported", ("anthropics/claude-code#14159", "anthropics/claude-code#14214")),
    error="tools: Tool names must be unique.",
    check=_check,
    repair=_repair,
    done="gave the later tool another name",
)

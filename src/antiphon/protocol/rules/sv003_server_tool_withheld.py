"""A server tool call waits to be run, and the request does not declare its tool any more."""

from collections.abc import Iterator

from antiphon.protocol.calls import id_text
from antiphon.protocol.conversation import Conversation, Placed
from antiphon.protocol.editing import without
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.server_tools import UNRESOLVED_TEXT, is_withheld, names, server_tools


def _faulty(conversation: Conversation) -> list[Placed]:
    pending = server_tools(conversation).pending
    return [placed for placed in pending if is_withheld(conversation.request, placed[2])]


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, _, block in _faulty(conversation):
        text = SERVER_TOOL_WITHHELD.error.format(message=index, **names(block), name=id_text(block.get("name")))
        yield Violation(SERVER_TOOL_WITHHELD.id, text, len(conversation.messages) - 1)


def _repair(conversation: Conversation) -> Json:
    # Of which version the tool was, and how it was set up, is not in the conversation.
    return without(conversation, ((i, j) for i, j, _ in _faulty(conversation)))


SERVER_TOOL_WITHHELD = Rule(
    id="SV003",
    name="server-tool-withheld",
    statement="While a server tool call waits to be run, requests declare its tool.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/server-tools",)),
    error=f"{UNRESOLVED_TEXT}, but no `{{name}}` tool was provided",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the call of the server tool",
)

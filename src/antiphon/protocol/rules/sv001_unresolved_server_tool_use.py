"""A call that the server was to run has no result, and the conversation went on without it."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import without
from antiphon.protocol.messages import Json
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.server_tools import UNRESOLVED_TEXT, names, server_tools


def _check(conversation: Conversation) -> Iterator[Violation]:
    for (index, _, block), went_on in server_tools(conversation).unresolved:
        # The call was fine until something else than results of client tools followed: that is the place to look at.
        yield Violation(UNRESOLVED_SERVER_TOOL_USE.id, UNRESOLVED_TEXT.format(message=index, **names(block)), went_on)


def _repair(conversation: Conversation) -> Json:
    return without(conversation, ((i, j) for (i, j, _), _ in server_tools(conversation).unresolved))


UNRESOLVED_SERVER_TOOL_USE = Rule(
    id="SV001",
    name="unresolved-server-tool-use",
    statement="A server tool call without result is followed by nothing but results of client tools.",
    source=Source(
        "measured",
        (
            "pydantic/pydantic-ai",
            "anthropics/anthropic-sdk-typescript#1090",
            "docs:/agents-and-tools/tool-use/server-tools",
        ),
    ),
    error=UNRESOLVED_TEXT,
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the call of the server tool",
)

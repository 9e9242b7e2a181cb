"""A block of a server tool stands behind a client tool call in the same stretch of an assistant message."""

from collections.abc import Iterator

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import SERVER_TOOL_USE_TYPES, Json, is_server_tool_result, kind_of
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.segments import behind_calls, with_calls_last
from antiphon.protocol.server_tools import UNRESOLVED_TEXT, names


def _found(conversation: Conversation) -> Iterator[tuple[int, int, Json]]:
    for index, behind in behind_calls(conversation):
        for position, block in behind:
            if kind_of(block) in SERVER_TOOL_USE_TYPES or is_server_tool_result(block):
                yield index, position, block
                break


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in _found(conversation):
        text = SERVER_TOOL_AFTER_TOOL_USE.error.format(message=index, **names(block))
        yield Violation(SERVER_TOOL_AFTER_TOOL_USE.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    return with_calls_last(conversation, (index for index, _, _ in _found(conversation)))


SERVER_TOOL_AFTER_TOOL_USE = Rule(
    id="TU012",
    name="server-tool-after-tool-use",
    statement="Client tool calls stand behind the server tool calls and results of an assistant message.",
    source=Source("measured", ("vercel/ai#13013", "vercel/ai#16312", "anthropics/anthropic-sdk-python#1062")),
    error=UNRESOLVED_TEXT,
    check=_check,
    repair=_repair,
    done="moved the tool calls behind the server tool",
)

"""A result of a server tool stands where no call of it stands before: a cut or a filter took the call away."""

from collections.abc import Iterator

from antiphon.protocol.calls import id_text
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import rewrite
from antiphon.protocol.messages import Json, indexed_blocks, kind_of
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.salvage import as_text
from antiphon.protocol.server_tools import server_tools


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, block in server_tools(conversation).orphans:
        kind = kind_of(block)
        text = ORPHAN_SERVER_TOOL_RESULT.error.format(
            message=index,
            block=position,
            type=kind,
            id=id_text(block.get("tool_use_id")),
            call="mcp_tool_use" if kind == "mcp_tool_result" else "server_tool_use",
        )
        yield Violation(ORPHAN_SERVER_TOOL_RESULT.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    orphans = {(i, j) for i, j, _ in server_tools(conversation).orphans}
    contents = {
        index: [
            kept
            for j, block in indexed_blocks(conversation.messages[index])
            for kept in (_kept(block) if (index, j) in orphans else [block])
        ]
        for index in {index for index, _ in orphans}
    }
    return rewrite(conversation, contents)


def _kept(result: Json) -> list[Json]:
    """Return what can be kept of a result: the words of an MCP server; the others are encrypted, or mean nothing."""
    return as_text(result) if kind_of(result) == "mcp_tool_result" else []


ORPHAN_SERVER_TOOL_RESULT = Rule(
    id="SV002",
    name="orphan-server-tool-result",
    statement="A result of a server tool stands behind its call.",
    source=Source(
        "reported",
        ("anthropics/claude-code#64383", "anthropics/claude-code#65726", "anthropics/claude-code#63790"),
    ),
    error=(
        "messages.{message}.content.{block}: unexpected `tool_use_id` found in `{type}` blocks: {id}."
        " Each `{type}` block must have a corresponding `{call}` block before it."
    ),
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped the result of the server tool, or kept its text",
)

"""The id of a server tool call is not one that the server gives: another program made it, or changed it."""

import re
from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks
from antiphon.protocol.ids import derived_id
from antiphon.protocol.messages import Json, kind_of
from antiphon.protocol.rule import Rule, Source, Violation

_PATTERN = "^srvtoolu_[a-zA-Z0-9_]+$"
_VALID = re.compile("srvtoolu_[a-zA-Z0-9_]+")


def _field(kind: str) -> str | None:
    """Return the field that holds the id; None where the block is of no server tool, or of one of an MCP server."""
    if kind == "server_tool_use":
        return "id"
    # MCP servers have ids of their own, of which no pattern is known.
    return "tool_use_id" if kind.endswith("_tool_result") and kind != "mcp_tool_result" else None


def _is_valid(value: Any) -> bool:
    return isinstance(value, str) and _VALID.fullmatch(value) is not None


def _check(conversation: Conversation) -> Iterator[Violation]:
    fields = {kind: field for kind in conversation.types() if (field := _field(kind))}
    for index, position, block in conversation.of_type(*fields):
        kind = kind_of(block)
        field = fields[kind]
        value: Any = block.get(field)
        if not _is_valid(value):
            problem = "Input should be a valid string" if field in block else "Field required"
            if isinstance(value, str):
                problem = f"String should match pattern '{_PATTERN}'"
            text = INVALID_SERVER_TOOL_ID.error.format(
                message=index, block=position, type=kind, field=field, problem=problem
            )
            yield Violation(INVALID_SERVER_TOOL_ID.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    # Call and result alike get what is made of their id, so what belonged together still does.
    def renamed(block: Json) -> Json:
        field = _field(kind_of(block))
        if field is None or _is_valid(block.get(field)):
            return block
        return {**block, field: f"srvtoolu_{derived_id(block.get(field)).replace('-', '_')}"}

    return change_blocks(conversation, renamed)


INVALID_SERVER_TOOL_ID = Rule(
    id="SV004",
    name="invalid-server-tool-id",
    statement=f"The id of a server tool call is a string that matches `{_PATTERN}`.",
    source=Source("documented", ("docs:/api/messages/create",)),
    error="messages.{message}.content.{block}.{type}.{field}: {problem}",
    check=_check,
    repair=_repair,
    done="gave the server tool call and its result a valid id",
)

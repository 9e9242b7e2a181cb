"""The result of a call of a toolset (computer or browser) does not say which toolset it is of."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.calls import id_key
from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import rewrite
from antiphon.protocol.messages import Json, indexed_blocks, is_array, is_object, kind_of
from antiphon.protocol.rule import Rule, Source, Violation

_TOOLSETS = ("computer_toolset_", "browser_toolset_")


def _has_toolset(request: Json) -> bool:
    tools: Any = request.get("tools") if is_object(request) else None
    return is_array(tools) and any(is_object(tool) and kind_of(tool).startswith(_TOOLSETS) for tool in tools)


def _faulty(conversation: Conversation) -> list[tuple[int, int, Any]]:
    """Return where results lack the toolset of their call, and which it is."""
    found: list[tuple[int, int, Any]] = []
    toolsets: dict[str, Any] = {}
    for turn in conversation.turns if _has_toolset(conversation.request) else ():
        if turn.role == "assistant":
            calls = [block for _, _, block in turn.blocks if kind_of(block) == "tool_use" and block.get("toolset_name")]
            toolsets = {id_key(block.get("id")): block["toolset_name"] for block in calls}
            continue
        for index, position, block in turn.blocks if toolsets else ():
            wanted = toolsets.get(id_key(block.get("tool_use_id"))) if kind_of(block) == "tool_result" else None
            if wanted is not None and block.get("toolset_name") != wanted and index >= conversation.start:
                found.append((index, position, wanted))
    return found


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, _ in _faulty(conversation):
        text = TOOLSET_NOT_ECHOED.error.format(message=index, block=position)
        yield Violation(TOOLSET_NOT_ECHOED.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    names = {(index, position): wanted for index, position, wanted in _faulty(conversation)}
    contents = {
        index: [
            {**block, "toolset_name": names[index, j]} if (index, j) in names else block
            for j, block in indexed_blocks(conversation.messages[index])
        ]
        for index, _ in names
    }
    return rewrite(conversation, contents)


TOOLSET_NOT_ECHOED = Rule(
    id="CO018",
    name="toolset-not-echoed",
    statement="The result of a call of a toolset names the toolset, as the call does.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/computer-use-tool", "docs:/api/messages/create")),
    error="messages.{message}.content.{block}.tool_result.toolset_name: must be that of the `tool_use` block",
    check=_check,
    repair=_repair,
    done="named the toolset in the result",
)

"""A result refers to a tool that is not defined: it was found by a search, and is gone since."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks, text_block
from antiphon.protocol.messages import Json, is_array, is_object, kind_of
from antiphon.protocol.parameters import is_sent
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.tool_definitions import knows_all_tools, tools

_GONE = "(The tool {name} was found here. It is not available any more.)"


def _references(block: Json) -> Iterator[str]:
    """Yield the names that the result of a search by the server refers to."""
    content: Any = block.get("content")
    parts: Any = content.get("tool_references") if is_object(content) else content
    for part in parts if is_array(parts) else ():
        if is_object(part) and part.get("type") == "tool_reference" and isinstance(part.get("tool_name"), str):
            yield part["tool_name"]


def _referred(conversation: Conversation) -> list[tuple[int, int, str]]:
    """Return message, block and name of each tool that the results of searches refer to, whoever searched."""
    parts = ((part, part.body.get("tool_name")) for part in conversation.parts_of_type("tool_reference"))
    by_client = [(part.message, part.block, name) for part, name in parts if isinstance(name, str)]
    searches = conversation.of_type("tool_search_tool_result")
    return by_client + [(index, position, name) for index, position, block in searches for name in _references(block)]


def _missing(conversation: Conversation) -> list[tuple[int, int, str]]:
    referred = _referred(conversation)
    known = {tool.name for tool in tools(conversation)} if referred else set[str]()
    missing = [found for found in referred if found[2] not in known]
    # Of a stored conversation the tools are not known.
    decided = missing and (known or is_sent(conversation)) and knows_all_tools(conversation)
    return sorted(missing) if decided else []


def _check(conversation: Conversation) -> Iterator[Violation]:
    for index, position, name in _missing(conversation):
        text = UNRESOLVED_TOOL_REFERENCE.error.format(message=index, block=position, name=name)
        yield Violation(UNRESOLVED_TOOL_REFERENCE.id, text, index, position)


def _repair(conversation: Conversation) -> Json:
    names = {name for _, _, name in _missing(conversation)}

    def resolved(block: Json) -> Json:
        if kind_of(block) == "tool_reference" and block.get("tool_name") in names:
            return text_block(_GONE.format(name=block["tool_name"]))
        if kind_of(block) != "tool_search_tool_result" or names.isdisjoint(_references(block)):
            return block
        content: Json = block["content"]
        kept = [part for part in content["tool_references"] if not (is_object(part) and part.get("tool_name") in names)]
        return {**block, "content": {**content, "tool_references": kept}}

    return change_blocks(conversation, resolved)


UNRESOLVED_TOOL_REFERENCE = Rule(
    id="TO015",
    name="unresolved-tool-reference",
    statement="A `tool_reference` names a tool that is defined.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/tool-search-tool",)),
    error="messages.{message}.content.{block}: Tool reference '{name}' has no corresponding tool definition",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="said that the tool is gone",
)

"""Calls of tools that the server runs itself, or asks an MCP server to run, and their results.

The server answers its calls in the reply that makes them, so both stand in assistant messages, most often in the same
one. Where a reply also calls client tools, the server runs its own only when their results have come: then the server's
result begins the next reply. Calls and results are paired by id, a result behind its call.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from antiphon.protocol.calls import id_key, id_text
from antiphon.protocol.conversation import Conversation, Placed
from antiphon.protocol.messages import (
    SERVER_TOOL_USE_TYPES,
    Json,
    indexed_blocks,
    is_array,
    is_object,
    is_server_tool_result,
    kind_of,
    role_of,
)

UNRESOLVED_TEXT = "messages.{message}: {call} with id `{id}` was found without a corresponding `{result}` block"

_SEARCHES = frozenset({"tool_search_tool_regex", "tool_search_tool_bm25"})
_CODE = frozenset({"code_execution", "bash_code_execution", "text_editor_code_execution"})
_NAMES = frozenset({"advisor", "web_search", "web_fetch"}) | _SEARCHES | _CODE
"""The server tools there are, as the official SDK (2.12.0) names them."""


class ServerTools(NamedTuple):
    """What is left over of the server tools of a conversation.

    Attributes:
        unresolved: calls that have no result and are refused for it, each with the index of the message that went on.
        pending: calls that wait for the results of client tools, which end the conversation.
        orphans: results without a call before them.
    """

    unresolved: list[tuple[Placed, int]]
    pending: list[Placed]
    orphans: list[Placed]


def server_tools(conversation: Conversation) -> ServerTools:
    """Return what is left over of the server tools of a conversation."""
    return conversation.work_out(_server_tools)


def _server_tools(conversation: Conversation) -> ServerTools:
    open_calls: dict[str, list[Placed]] = {}
    known: set[str] = set()
    unknown: list[Placed] = []
    for index, position, block in _blocks(conversation):
        if kind_of(block) in SERVER_TOOL_USE_TYPES:
            key = id_key(block.get("id"))
            known.add(key)
            open_calls.setdefault(key, []).append((index, position, block))
        else:
            key = id_key(block.get("tool_use_id"))
            open_calls.pop(key, None)
            if index >= conversation.start and key not in known:
                unknown.append((index, position, block))
    unresolved: list[tuple[Placed, int]] = []
    pending: list[Placed] = []
    went_on_from: dict[int, int | None] = {}
    for placed in sorted((placed for calls in open_calls.values() for placed in calls), key=lambda p: p[:2]):
        if placed[0] not in went_on_from:
            went_on_from[placed[0]] = _went_on(conversation, placed[0])
        went_on = went_on_from[placed[0]]
        if went_on is not None:
            unresolved.append((placed, went_on))
        elif placed[0] < len(conversation.messages) - 1:
            pending.append(placed)
    return ServerTools(unresolved, pending, _never_called(conversation, unknown))


def _blocks(conversation: Conversation) -> Iterator[Placed]:
    """Yield the server calls and results that are to be checked, and those of the assistant messages just before."""
    messages = conversation.messages
    for index in range(_begin(conversation), min(conversation.start, len(messages))):
        for position, block in indexed_blocks(messages[index]):
            if kind_of(block) in SERVER_TOOL_USE_TYPES or is_server_tool_result(block):
                yield index, position, block
    kinds = [kind for kind in conversation.types() if kind in SERVER_TOOL_USE_TYPES or kind.endswith("_tool_result")]
    yield from sorted(conversation.of_type(*kinds), key=lambda placed: placed[:2])


def _begin(conversation: Conversation) -> int:
    """Return the index of the first of the assistant messages that stand before those to be checked."""
    messages = conversation.messages
    index = min(conversation.start, len(messages))
    while index > 0 and role_of(messages[index - 1]) != "assistant":
        index -= 1
    while index > 0 and role_of(messages[index - 1]) == "assistant":
        index -= 1
    return index


def _never_called(conversation: Conversation, results: list[Placed]) -> list[Placed]:
    """Return the results of which no call stands far before what is checked, either."""
    if not results:
        return []
    earlier = conversation.messages[: max(conversation.start, 0)]
    blocks = (block for message in earlier for _, block in indexed_blocks(message))
    called = {id_key(block.get("id")) for block in blocks if kind_of(block) in SERVER_TOOL_USE_TYPES}
    return [placed for placed in results if id_key(placed[2].get("tool_use_id")) not in called]


def _went_on(conversation: Conversation, index: int) -> int | None:
    """Return the first message behind this one that is more than results of client tools, or None."""
    messages = conversation.messages
    for later in range(index + 1, len(messages)):
        # What a system message does to a call that waits nobody has tried.
        if role_of(messages[later]) == "system":
            continue
        blocks = [block for _, block in indexed_blocks(messages[later])]
        if role_of(messages[later]) != "user" or any(kind_of(block) != "tool_result" for block in blocks):
            return later
    return None


def names(block: Json) -> dict[str, str]:
    """Return how an error text names the call that a block is or answers: `call`, `id` and `result`."""
    kind = kind_of(block)
    if kind == "server_tool_use":
        name = id_text(block.get("name"))
        return {"call": f"`{name}` tool use", "id": id_text(block.get("id")), "result": _result_of(name)}
    if kind == "mcp_tool_use":
        return {"call": f"`{kind}`", "id": id_text(block.get("id")), "result": "mcp_tool_result"}
    name = kind.removesuffix("_tool_result")
    return {"call": f"`{name}` tool use", "id": id_text(block.get("tool_use_id")), "result": kind}


def _result_of(name: str) -> str:
    return "tool_search_tool_result" if name in _SEARCHES else f"{name}_tool_result"


def is_withheld(request: Json, call: Json) -> bool:
    """Say whether a request names its tools, and the one of a server call is known and not among them."""
    name = call.get("name")
    tools: Any = request.get("tools")
    if call.get("type") != "server_tool_use" or not isinstance(name, str) or name not in _NAMES or not is_array(tools):
        return False
    given = [kind_of(tool) for tool in tools if is_object(tool)]
    # Newer versions of the web tools bring the execution of code with them.
    wanted = ("code_execution", "web_search_", "web_fetch_") if name in _CODE else (name,)
    return not any(kind.startswith(wanted) for kind in given)

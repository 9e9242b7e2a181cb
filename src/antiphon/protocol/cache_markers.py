"""The cache markers of a request: where they stand, in the order the API reads them, and how they are changed.

A marker says that the prompt up to here is worth keeping. It says nothing to the model: markers can be moved and
dropped without any loss but of money.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import THINKING_TYPES, Json, is_array, is_object, kind_of, role_of
from antiphon.protocol.parameters import fields

MOST = 4
SHORT = "5m"
LONG = "1h"

Path = tuple[str | int, ...]
"""Keys and indices that lead from the request to the object that carries a marker."""


class Marker(NamedTuple):
    """A cache marker.

    Attributes:
        path: of the object that carries it; of the automatic marker, which the request itself carries, empty.
        where: the same as error texts give it, without the type of the block.
        holder: the tool, the block or the request that carries it.
        message: index of its message, if it has one; the automatic marker has the last.
        block: index in the content of that message.
    """

    path: Path
    where: str
    holder: Json
    message: int | None = None
    block: int | None = None

    @property
    def value(self) -> Any:
        """What was sent as the marker."""
        return self.holder["cache_control"]

    @property
    def ttl(self) -> Any:
        """How long what is cached is kept."""
        return (self.value.get("ttl") or SHORT) if is_object(self.value) else SHORT

    @property
    def automatic(self) -> bool:
        """Whether it is the request's own, which the API puts at the last block that can have one."""
        return not self.path

    @property
    def typed(self) -> str:
        """Where it is, with the type of its block or tool where error texts give it."""
        if not self.path:
            return "cache_control"
        kind = (kind_of(self.holder) or "custom") if self.path[0] == "tools" else kind_of(self.holder)
        return f"{self.where}.cache_control" if self.path[0] == "system" else f"{self.where}.{kind}.cache_control"


def markers(conversation: Conversation) -> list[Marker]:
    """Return all markers in the order the API reads them: tools, system, messages, and the automatic one last.

    Where no message that is to be checked carries one, those of the messages before are left out: nothing about them
    is new.
    """
    return conversation.work_out(_markers)


def _markers(conversation: Conversation) -> list[Marker]:
    request = fields(conversation)
    found = [*_of_tools(request), *_of_system(request)]
    automatic = is_marked(request)
    new = [
        marker for index, position, block in conversation.layout.marked for marker in _of_block(index, position, block)
    ]
    if not new and not automatic:
        return found
    if conversation.start > 0:
        new = list(_of_all(conversation.messages))
    found += new
    if automatic:
        last = len(conversation.messages) - 1
        found.append(Marker((), "", request, max(last, 0)))
    return found


def is_marked(holder: Any) -> bool:
    """Say whether an object carries a marker, right or wrong."""
    return is_object(holder) and holder.get("cache_control") is not None


def _of_tools(request: Json) -> Iterator[Marker]:
    tools: Any = request.get("tools")
    for index, tool in enumerate(tools if is_array(tools) else ()):
        if is_marked(tool):
            yield Marker(("tools", index), f"tools.{index}", tool)


def _of_system(request: Json) -> Iterator[Marker]:
    system: Any = request.get("system")
    for index, block in enumerate(system if is_array(system) else ()):
        if is_marked(block):
            yield Marker(("system", index), f"system.{index}", block)


def _of_all(messages: list[Json]) -> Iterator[Marker]:
    for index, message in enumerate(messages):
        content: Any = message.get("content") if is_object(message) else None
        for position, block in enumerate(content if is_array(content) else ()):
            if is_object(block):
                yield from _of_block(index, position, block)


def _of_block(index: int, position: int, block: Json) -> Iterator[Marker]:
    where = f"messages.{index}.content.{position}"
    path = ("messages", index, "content", position)
    content: Any = block.get("content") if block.get("type") == "tool_result" else None
    for number, part in enumerate(content if is_array(content) else ()):
        if is_marked(part):
            inner = f"{where}.tool_result.content.{number}"
            yield Marker((*path, "content", number), inner, part, index, position)
    if is_marked(block):
        yield Marker(path, where, block, index, position)


def can_be_marked(block: Any) -> bool:
    """Say whether a block may carry a marker: thinking and empty text may not."""
    if not is_object(block) or kind_of(block) in THINKING_TYPES:
        return False
    return block.get("type") != "text" or bool(block.get("text"))


def last_markable(conversation: Conversation) -> Json | None:
    """Return the last block that can carry a marker, where the automatic one goes; None where that is plain text."""
    for message in reversed(conversation.messages):
        content: Any = message.get("content") if is_object(message) else None
        if is_array(content):
            block = next((block for block in reversed(content) if can_be_marked(block)), None)
            if block is not None:
                return block
        elif content:
            return None
    return None


def home_before(request: Json, path: Path) -> Path | None:
    """Return the path of the nearest block of the same part before this one that can carry a marker; None for none."""
    if path[0] != "messages":
        holders: list[Any] = request[str(path[0])]
        last = int(path[1])
        index = next((n for n in reversed(range(last)) if can_be_marked(holders[n])), None)
        return None if index is None else (path[0], index)
    messages: list[Any] = request["messages"]
    index, position = int(path[1]), int(path[3])
    while index >= 0:
        message: Any = messages[index]
        content: Any = message.get("content") if is_object(message) else None
        blocks = content if is_array(content) and role_of(message) != "system" else []
        end = position if index == path[1] else len(blocks)
        found = next((n for n in reversed(range(end)) if can_be_marked(blocks[n])), None)
        if found is not None:
            return ("messages", index, "content", found)
        index -= 1
    return None


def moved_before(request: Json, found: Iterable[Marker]) -> Json:
    """Return the request with these markers on the nearest block before them that can carry one."""
    edits: dict[Path, Json] = {}
    for marker in found:
        home = home_before(request, marker.path)
        edits[marker.path] = without_marker(marker.holder)
        holder = at(request, home) if home else None
        if home and home not in edits and is_object(holder) and not is_marked(holder):
            edits[home] = {**holder, "cache_control": marker.value}
    return edited(request, edits)


def with_values(request: Json, changed: Iterable[Marker], value: Callable[[Marker], Any]) -> Json:
    """Return the request with other values for some markers; None drops a marker."""
    edits: dict[Path, Json] = {}
    for marker in changed:
        new = value(marker)
        edits[marker.path] = without_marker(marker.holder) if new is None else {**marker.holder, "cache_control": new}
    return edited(request, edits)


def without_marker(holder: Json) -> Json:
    """Return a block, a tool or a request without its marker."""
    return {key: value for key, value in holder.items() if key != "cache_control"}


def at(value: Any, path: Path) -> Any:
    """Return what stands at a path."""
    for key in path:
        value = value[key]
    return value


def edited(value: Any, edits: Mapping[Path, Any]) -> Any:
    """Return a JSON value with others at some paths; the rest is shared.

    Where one path leads through another, what stands at the shorter one must have the same content but for its marker.
    """
    inner: dict[str | int, dict[Path, Any]] = {}
    for path, new in edits.items():
        if path:
            inner.setdefault(path[0], {})[path[1:]] = new
    value = edits.get((), value)
    if not inner:
        return value
    copy = value.copy()
    for key, below in inner.items():
        copy[key] = edited(value[key], below)
    return copy

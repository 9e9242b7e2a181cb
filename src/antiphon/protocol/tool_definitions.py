"""The tools that a request defines: which there are, what they are called, and how they get other names.

New names depend on nothing but the old ones, so a conversation that is repaired before each request keeps its bytes,
and who repairs can give the reply's calls their old names back (`renamed`).
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.editing import change_blocks, fingerprint
from antiphon.protocol.messages import Json, indexed_blocks, is_array, is_object
from antiphon.protocol.parameters import fields, with_fields

LONGEST = 128
"""Of a name, where nothing stricter is known."""
LONGEST_DOCUMENTED = 64
"""Of a name, as documented, and on Bedrock."""

WRAPPED = ("function", "toolSpec")
"""Where Chat Completions and Converse put the definition of a tool."""
FOREIGN_SCHEMAS = ("parameters", "inputSchema")
"""What other APIs, and MCP, call its schema."""

_NAME = re.compile("[a-zA-Z0-9_-]+")
_FORBIDDEN = re.compile("[^a-zA-Z0-9_-]")
_LONGEST_STEM = 48
_TAKEN_AT_MOST = 8
"""How many names that we would give may be taken by the client itself, which happens only on purpose."""


class Tool(NamedTuple):
    """A tool that is an object.

    Attributes:
        number: its index in `tools`.
        kind: its type; `custom` for the client's own, also where they do not say so.
        name: its name, or an empty string.
        body: the definition.
    """

    number: int
    kind: str
    name: str
    body: Json

    @property
    def where(self) -> str:
        """Its path in error texts."""
        return f"tools.{self.number}.{self.kind}"

    @property
    def own(self) -> bool:
        """Whether the client defines it."""
        return self.kind == "custom"


def tools(conversation: Conversation) -> list[Tool]:
    """Return the tools that a request defines, in order; what is no object is left out."""
    return conversation.work_out(_tools)


def _tools(conversation: Conversation) -> list[Tool]:
    return list(_read(fields(conversation).get("tools")))


def _read(given: Any) -> list[Tool]:
    return [
        Tool(index, _kind(tool), _text(tool.get("name")), tool)
        for index, tool in enumerate(given if is_array(given) else ())
        if is_object(tool)
    ]


def _kind(tool: Json) -> str:
    kind: Any = tool.get("type", "custom")
    return "custom" if kind is None else kind if isinstance(kind, str) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def own_tools(conversation: Conversation) -> list[Tool]:
    """Return the client's own tools, in order."""
    return conversation.work_out(_own_tools)


def _own_tools(conversation: Conversation) -> list[Tool]:
    return [tool for tool in tools(conversation) if tool.own]


def is_foreign(tool: Tool) -> bool:
    """Say whether a tool is defined as another API wants it."""
    if tool.kind == "function" or (tool.own and any(is_object(tool.body.get(field)) for field in WRAPPED)):
        return True
    unknown = tool.own and "input_schema" not in tool.body
    return unknown and any(is_object(tool.body.get(field)) for field in FOREIGN_SCHEMAS)


class Namesakes(NamedTuple):
    """Tools of one name.

    Attributes:
        different: those that differ from all before them, in order.
        repeated: those that say the same as one before them; their cache markers do not count.
    """

    different: list[Tool]
    repeated: list[Tool]


def namesakes(conversation: Conversation) -> list[Namesakes]:
    """Return the tools whose names others have too, name by name."""
    return conversation.work_out(_namesakes)


def _namesakes(conversation: Conversation) -> list[Namesakes]:
    by_name: dict[str, list[Tool]] = {}
    for tool in tools(conversation):
        if tool.name:
            by_name.setdefault(tool.name, []).append(tool)
    return [_sorted(alike) for alike in by_name.values() if len(alike) > 1]


def _sorted(alike: list[Tool]) -> Namesakes:
    known: set[str] = set()
    found = Namesakes([], [])
    for tool in alike:
        said = fingerprint(with_fields(tool.body, {}, ["cache_control"]))
        (found.repeated if said in known else found.different).append(tool)
        known.add(said)
    return found


def knows_all_tools(conversation: Conversation) -> bool:
    """Say whether the tools of a request are those in `tools`: no server and no message brings more."""
    request = fields(conversation)
    if request.get("mcp_servers") or any(tool.kind.startswith("mcp_") for tool in tools(conversation)):
        return False
    return not any(
        block.get("type") == "tool_addition"
        for message in conversation.messages
        for _, block in indexed_blocks(message)
    )


def is_name(name: str) -> bool:
    """Say whether a name is made of letters, digits, `_` and `-`, and not too long for anyone."""
    return len(name) <= LONGEST and _NAME.fullmatch(name) is not None


def derived_name(name: str, number: int = 0) -> str:
    """Return a valid name made from another one; different names, or numbers, give different results.

    The suffix is a hash of the whole name: replacing forbidden characters alone would let two names collide.
    """
    digest = hashlib.sha256(f"{number}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
    stem = _FORBIDDEN.sub("_", name)[:_LONGEST_STEM]
    # Bedrock wants a letter first.
    return f"{stem}_{digest}" if stem[:1].isalpha() else f"tool_{stem}_{digest}"


def new_names(conversation: Conversation, wrong: Mapping[int, int]) -> dict[int, str]:
    """Return new names for some tools, none of which is taken.

    Args:
        conversation: what holds the tools.
        wrong: by index in `tools`, which name made from the old one is to be tried first.
    """
    found = tools(conversation)
    taken = {tool.name for tool in found if tool.number not in wrong}
    names: dict[int, str] = {}
    given: dict[tuple[str, int], str] = {}
    for tool in found:
        if tool.number not in wrong:
            continue
        key = tool.name, wrong[tool.number]
        if key not in given:
            number = wrong[tool.number]
            while derived_name(tool.name, number) in taken:
                number += 1
            given[key] = derived_name(tool.name, number)
            taken.add(given[key])
        names[tool.number] = given[key]
    return names


def with_tools(request: Json, changed: Mapping[int, Json | None]) -> Json:
    """Return the request with other definitions at some indices; None drops one."""
    given: list[Any] = request["tools"]
    kept = (changed.get(index, tool) for index, tool in enumerate(given))
    return {**request, "tools": [tool for tool in kept if tool is not None]}


def with_names(conversation: Conversation, names: Mapping[int, str], *, everywhere: Mapping[str, str]) -> Json:
    """Return the request with other names for some tools.

    Args:
        conversation: what is edited.
        names: the new names by index in `tools`.
        everywhere: the new names by the old ones for what refers to a tool by its name: calls, references, the choice.
    """
    given: list[Any] = conversation.request["tools"]
    request = with_tools(conversation.request, {index: {**given[index], "name": name} for index, name in names.items()})
    choice: Any = request.get("tool_choice")
    chosen = _text(choice.get("name")) if is_object(choice) else ""
    if chosen in everywhere:
        request["tool_choice"] = {**choice, "name": everywhere[chosen]}
    if everywhere and conversation.messages:
        messages: list[Json] = change_blocks(conversation, lambda block: _with_name(block, everywhere))["messages"]
        if any(new is not old for new, old in zip(messages, conversation.messages, strict=True)):
            request["messages"] = messages
    return request


def _with_name(block: Json, names: Mapping[str, str]) -> Json:
    field = {"tool_use": "name", "tool_reference": "tool_name"}.get(_text(block.get("type")))
    name = _text(block.get(field)) if field else ""
    return {**block, field: names[name]} if field and name in names else block


def renamed(original: Json, repaired: Json) -> dict[str, str]:
    """Return the names that tools had before a repair, by those it gave them, which the calls of a reply have."""
    before = Counter(name for tool in _read(original.get("tools")) for name in _all_names(tool))
    after = {tool.name for tool in _read(repaired.get("tools"))} - before.keys()
    if not after:
        return {}
    made = {
        derived_name(name, number): name for name, times in before.items() for number in range(times + _TAKEN_AT_MOST)
    }
    return {name: made[name] for name in after if name in made}


def _all_names(tool: Tool) -> list[str]:
    """Return the names of a tool, also where another API puts them."""
    inner: list[Any] = [tool.body.get(field) for field in WRAPPED]
    names = [tool.name, *(_text(where.get("name")) for where in inner if is_object(where))]
    return [name for name in names if name]

"""What stands among the tools is no tool: no object, or one without a name."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.parameters import fields, with_fields
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.tool_definitions import WRAPPED, with_tools


def _problem(index: int, tool: Any) -> str | None:
    if not is_object(tool):
        return f"tools.{index}: Input should be a valid dictionary or object to extract fields from"
    kind: Any = tool.get("type", "custom")
    if kind is not None and not isinstance(kind, str):
        return f"tools.{index}.type: Input should be a valid string"
    if kind not in {None, "custom"} or any(is_object(tool.get(field)) for field in WRAPPED):
        # Toolsets of servers have no names; tools of other APIs have theirs elsewhere, which another rule sees to.
        return None
    name: Any = tool.get("name")
    if isinstance(name, str) and name:
        return None
    text = "String should have at least 1 character" if name == "" else "Input should be a valid string"
    return f"tools.{index}.custom.name: {text if 'name' in tool else 'Field required'}"


def _check(conversation: Conversation) -> Iterator[Violation]:
    given: Any = fields(conversation).get("tools")
    if not is_array(given):
        if given is not None:
            yield Violation(INVALID_TOOL.id, INVALID_TOOL.error.format(problem="tools: Input should be a valid list"))
        return
    for index, tool in enumerate(given):
        problem = _problem(index, tool)
        if problem:
            yield Violation(INVALID_TOOL.id, INVALID_TOOL.error.format(problem=problem))


def _repair(conversation: Conversation) -> Json:
    given: Any = conversation.request["tools"]
    if not is_array(given):
        return with_fields(conversation.request, {}, ["tools"])
    return with_tools(
        conversation.request, {index: _named(tool) for index, tool in enumerate(given) if _problem(index, tool)}
    )


def _named(tool: Any) -> Json | None:
    """Return a tool without a type that is none, if that was all; else None."""
    plain = with_fields(tool, {}, ["type"]) if is_object(tool) else None
    return None if plain is None or _problem(0, plain) else plain


INVALID_TOOL = Rule(
    id="TO001",
    name="invalid-tool",
    statement="Tools are a list of objects with names.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/define-tools",)),
    error="{problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="dropped what is no tool",
)

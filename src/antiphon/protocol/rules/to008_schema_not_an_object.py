"""The schema of a tool is missing, or that of something else than an object."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_array, is_object
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.tool_definitions import Tool, is_foreign, own_tools, with_tools

_ANY: Json = {"type": "object", "properties": {}}


def _problem(tool: Tool) -> str | None:
    if "input_schema" not in tool.body:
        return None if is_foreign(tool) else ": Field required"
    schema: Any = tool.body["input_schema"]
    if not is_object(schema):
        return ": Input should be a valid dictionary"
    return ".type: Input should be 'object'" if schema.get("type", "object") != "object" else None


def _check(conversation: Conversation) -> Iterator[Violation]:
    for tool in own_tools(conversation):
        problem = _problem(tool)
        if problem:
            text = SCHEMA_NOT_AN_OBJECT.error.format(where=tool.where, problem=problem)
            yield Violation(SCHEMA_NOT_AN_OBJECT.id, text)


def _repair(conversation: Conversation) -> Json:
    changed = {
        tool.number: {**tool.body, "input_schema": _as_object(tool.body.get("input_schema"))}
        for tool in own_tools(conversation)
        if _problem(tool)
    }
    return with_tools(conversation.request, changed)


def _as_object(schema: Any) -> Json:
    if not is_object(schema):
        return _ANY
    kind: Any = schema["type"]
    meant = kind is None or (is_array(kind) and "object" in kind) or is_object(schema.get("properties"))
    if meant:
        return {**schema, "type": "object"}
    # What the tool takes becomes the one argument it has.
    return {"type": "object", "properties": {"value": schema}, "required": ["value"]}


SCHEMA_NOT_AN_OBJECT = Rule(
    id="TO008",
    name="schema-not-an-object",
    statement="A tool has a schema, and it is that of an object.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/define-tools",)),
    error="{where}.input_schema{problem}",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="made it the schema of an object",
)

"""The schema of a tool is a choice or a sum of others at its top."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.schemas import COMPOSITES, flattened
from antiphon.protocol.tool_definitions import Tool, own_tools, with_tools


def _faulty(conversation: Conversation) -> list[Tool]:
    return [tool for tool in own_tools(conversation) if _is_composite(tool.body.get("input_schema"))]


def _is_composite(schema: Any) -> bool:
    return is_object(schema) and any(keyword in schema for keyword in COMPOSITES)


def _check(conversation: Conversation) -> Iterator[Violation]:
    for tool in _faulty(conversation):
        yield Violation(COMPOSITE_SCHEMA.id, COMPOSITE_SCHEMA.error.format(where=tool.where))


def _repair(conversation: Conversation) -> Json:
    flat = {
        tool.number: {**tool.body, "input_schema": flattened(tool.body["input_schema"])}
        for tool in _faulty(conversation)
    }
    return with_tools(conversation.request, flat)


COMPOSITE_SCHEMA = Rule(
    id="TO009",
    name="composite-schema",
    statement="The schema of a tool has no `oneOf`, `allOf` or `anyOf` at its top.",
    source=Source("reported", ("anthropics/claude-code#5319",)),
    error="{where}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="put all variants into one schema",
)

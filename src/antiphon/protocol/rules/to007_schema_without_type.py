"""The schema of a tool does not say that it is that of an object."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.tool_definitions import Tool, own_tools, with_tools


def _faulty(conversation: Conversation) -> list[Tool]:
    return [tool for tool in own_tools(conversation) if _is_untyped(tool.body.get("input_schema"))]


def _is_untyped(schema: Any) -> bool:
    return is_object(schema) and "type" not in schema


def _check(conversation: Conversation) -> Iterator[Violation]:
    for tool in _faulty(conversation):
        yield Violation(SCHEMA_WITHOUT_TYPE.id, SCHEMA_WITHOUT_TYPE.error.format(where=tool.where))


def _repair(conversation: Conversation) -> Json:
    typed = {
        tool.number: {**tool.body, "input_schema": {"type": "object", **tool.body["input_schema"]}}
        for tool in _faulty(conversation)
    }
    return with_tools(conversation.request, typed)


SCHEMA_WITHOUT_TYPE = Rule(
    id="TO007",
    name="schema-without-type",
    statement="The schema of a tool says that it is that of an object.",
    source=Source("reported", ("anthropics/claude-code#5319",)),
    error="{where}.input_schema.type: Field required",
    check=_check,
    repair=_repair,
    done="said that it is an object",
)

"""The schema of a tool is no schema of JSON Schema 2020-12: of an older draft, or written by hand."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.rule import Rule, Safety, Source, Violation
from antiphon.protocol.schemas import corrected, is_schema
from antiphon.protocol.tool_definitions import Tool, own_tools, with_tools


def _faulty(conversation: Conversation) -> list[Tool]:
    return conversation.work_out(_invalid)


def _invalid(conversation: Conversation) -> list[Tool]:
    found: list[Tool] = []
    for tool in own_tools(conversation):
        schema: Any = tool.body.get("input_schema")
        if is_object(schema) and not is_schema(schema):
            found.append(tool)
    return found


def _check(conversation: Conversation) -> Iterator[Violation]:
    for tool in _faulty(conversation):
        yield Violation(INVALID_SCHEMA.id, INVALID_SCHEMA.error.format(where=tool.where))


def _repair(conversation: Conversation) -> Json:
    right = {
        tool.number: {**tool.body, "input_schema": corrected(tool.body["input_schema"])}
        for tool in _faulty(conversation)
    }
    return with_tools(conversation.request, right)


INVALID_SCHEMA = Rule(
    id="TO010",
    name="invalid-schema",
    statement="The schema of a tool is valid by JSON Schema 2020-12.",
    source=Source("reported", ("anthropics/claude-code#86664", "docs:/agents-and-tools/tool-use/define-tools")),
    error="{where}.input_schema: JSON schema is invalid. It must match JSON Schema draft 2020-12 "
    "(https://json-schema.org/draft/2020-12). Learn more about tool use at "
    "https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview.",
    check=_check,
    repair=_repair,
    safety=Safety.LOSSY,
    done="made the schema valid",
)

"""A tool is defined as another API wants it: as a function of OpenAI's, a tool specification of Converse, or by MCP."""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, is_object
from antiphon.protocol.parameters import with_fields
from antiphon.protocol.rule import Rule, Source, Violation
from antiphon.protocol.tool_definitions import FOREIGN_SCHEMAS, WRAPPED, Tool, is_foreign, tools, with_tools

_TAGS = "'bash_20250124', 'custom', 'text_editor_20250728', 'web_search_20250305'"


def _problem(tool: Tool) -> str:
    if tool.kind == "function":
        tag = "Input tag 'function' found using 'type' does not match any of the expected tags"
        return f"tools.{tool.number}: {tag}: {_TAGS}"
    return f"{tool.where}.{'input_schema' if tool.name else 'name'}: Field required"


def _check(conversation: Conversation) -> Iterator[Violation]:
    for tool in tools(conversation):
        if is_foreign(tool):
            yield Violation(FOREIGN_TOOL.id, FOREIGN_TOOL.error.format(problem=_problem(tool)))


def _repair(conversation: Conversation) -> Json:
    faulty = {tool.number: _translated(tool.body) for tool in tools(conversation) if is_foreign(tool)}
    return with_tools(conversation.request, faulty)


def _translated(tool: Json) -> Json:
    body = with_fields(tool, {}, ["type", *WRAPPED])
    for field in WRAPPED:
        inner: Any = tool.get(field)
        body |= inner if is_object(inner) else {}
    schema: Any = next((body[field] for field in FOREIGN_SCHEMAS if is_object(body.get(field))), None)
    if is_object(schema) and is_object(schema.get("json")):
        # Converse wraps it.
        schema = schema["json"]
    own: Any = body.get("input_schema")
    chosen: Json = own if is_object(own) else schema or {"type": "object", "properties": {}}
    return with_fields(body, {"input_schema": chosen}, FOREIGN_SCHEMAS)


FOREIGN_TOOL = Rule(
    id="TO002",
    name="foreign-tool",
    statement="A tool is defined by `name` and `input_schema`, not as other APIs define one.",
    source=Source("documented", ("docs:/agents-and-tools/tool-use/define-tools",)),
    error="{problem}",
    check=_check,
    repair=_repair,
    done="wrote the tool as this API wants it",
)

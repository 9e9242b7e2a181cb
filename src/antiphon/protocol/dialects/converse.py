"""The wire form of Amazon Bedrock's Converse API."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from antiphon.protocol.dialects.nested import NestedReading
from antiphon.protocol.dialects.reading import FAULT, MISSING, ORPHAN, REPEATED, WIRE, Spot, said
from antiphon.protocol.editing import as_json
from antiphon.protocol.messages import Json, blocks_of, is_array, is_object, kind_of

_CALL_FIELDS = {"id": "toolUseId", "name": "name", "input": "input"}
_KINDS = {
    "image": "image",
    "document": "document",
    "reasoningContent": "thinking",
}
"""What other parts are called in the canonical form; what is not named here is passed on unread."""


@dataclass(slots=True)
class ConverseReading(NestedReading):
    """One Converse request, read."""

    messages_key: ClassVar[str] = "messages"
    parts_key: ClassVar[str] = "content"
    roles: ClassVar[Mapping[Any, str]] = {"user": "user", "assistant": "assistant"}
    words: ClassVar[Mapping[str, str]] = {
        MISSING: "Expected toolResult blocks at messages.{next}.content for the following Ids: {ids}",
        ORPHAN: (
            "The number of toolResult blocks at messages.{message}.content exceeds"
            " the number of toolUse blocks of previous turn."
        ),
        REPEATED: "The toolResult blocks at messages.{message}.content contain duplicate Ids: {id}",
        "CO001": "The text field in the ContentBlock object at {path} is blank."
        " Add text to the text field, and try again.",
        "CO002": "The text field in the ContentBlock object at {path}.content.0 is blank."
        " Add text to the text field, and try again.",
        "MS012": "The text field in the ContentBlock object at {path} is blank."
        " Add text to the text field, and try again.",
        "CO003": "The content field in the Message object at messages.{message} is empty."
        " Add a ContentBlock object to the content field and try again.",
        "CO012": "The content field in the Message object at messages.{message} is empty."
        " Add a ContentBlock object to the content field and try again.",
        "CO005": "The content field at {path}.toolResult cannot be empty when status value is error.",
        "MS006": "A conversation must start with a user message."
        " Try again with a conversation that starts with a user message.",
        "MS014": "A text block must be included when using documents.",
        # What the model's own validator says comes through as it is.
        "TU014": "The model returned the following errors: messages.{message}: `tool_use` ids were found without"
        " `tool_result` blocks immediately after: {ids}. Each `tool_use` block must have a corresponding"
        " `tool_result` block in the next message.",
    }

    def block(self, spot: Spot, part: Json) -> Json:
        """Return the block that a part is."""
        call: Any = part.get("toolUse")
        if is_object(call):
            return self._call(spot, part, call)
        result: Any = part.get("toolResult")
        if is_object(result):
            return self._result(spot, part, result)
        if "text" in part:
            return self.origins.block(spot, part, type="text", text=part["text"])
        kind = next((kind for key, kind in _KINDS.items() if key in part), "other")
        return self.origins.block(spot, part, type=kind)

    def _call(self, spot: Spot, part: Json, call: Json) -> Json:
        fields = {own: call[wire] for own, wire in _CALL_FIELDS.items() if wire in call}
        return self.origins.block(spot, part, type="tool_use", **fields)

    def _result(self, spot: Spot, part: Json, result: Json) -> Json:
        fields: Json = {"type": "tool_result"}
        if "toolUseId" in result:
            fields["tool_use_id"] = result["toolUseId"]
        content: Any = result.get("content")
        if is_array(content):
            fields["content"] = said([self._inner(spot, inner) for inner in content])
            fault = _fault(content)
        else:
            fields["content"] = [] if content is None else [{"type": "text", "text": _text(content)}]
            fault = "{path}.toolResult.content: expected a list of content blocks"
        if result.get("status") == "error":
            fields["is_error"] = True
        if fault:
            fields[FAULT] = fault
        return self.origins.block(spot, part, **fields)

    def _inner(self, spot: Spot, inner: Any) -> Any:
        if not is_object(inner):
            return {"type": "text", "text": _text(inner)}
        if "json" in inner and not is_object(inner["json"]):
            return {"type": "text", "text": _text(inner["json"])}
        if "text" in inner:
            return self.origins.block(spot, inner, type="text", text=inner["text"])
        kind = next((kind for key, kind in _KINDS.items() if key in inner), None)
        return self.origins.block(spot, inner, type=kind) if kind else inner

    def part(self, block: Json) -> Json:
        """Return a block that was made or changed by a repair as a part."""
        kind = kind_of(block)
        wire: Any = block.get(WIRE)
        if kind == "tool_use":
            inner: Json = wire["toolUse"] if wire else {}
            fields = {name: block[own] for own, name in _CALL_FIELDS.items() if own in block}
            return {**(wire or {}), "toolUse": {**inner, **fields}}
        if kind == "tool_result":
            return self._written_result(block, wire)
        if kind == "text":
            return {**(wire or {}), "text": block.get("text")}
        return wire or block

    def _written_result(self, block: Json, wire: Any) -> Json:
        content = [self._part(inner) for inner in blocks_of(block)]
        inner: Json = {
            **(wire["toolResult"] if wire else {}),
            "toolUseId": block.get("tool_use_id"),
            "content": content,
        }
        if block.get("is_error") is True:
            inner["status"] = "error"
        return {**(wire or {}), "toolResult": inner}

    def write(self, repaired: Json) -> Json:
        """Return the request, as repaired, in the wire form."""
        written: Json = {**self.given, "messages": [self.write_message(message) for message in repaired["messages"]]}
        tools = repaired.get("tools")
        if tools is not self.request.get("tools"):
            config: Any = self.given.get("toolConfig")
            specs = [_tool_spec(tool) for tool in tools or ()]
            written["toolConfig"] = {**(config if is_object(config) else {}), "tools": specs}
        return written


def _fault(content: list[Any]) -> str | None:
    for number, inner in enumerate(content):
        if not is_object(inner):
            return f"{{path}}.toolResult.content.{number}: expected a content block"
        if "json" in inner and not is_object(inner["json"]):
            return (
                f"The format of the value at {{path}}.toolResult.content.{number}.json is invalid."
                " Provide a json object for the field and try again."
            )
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else as_json(value)


def _tool_spec(tool: Json) -> Json:
    schema = {"json": tool["input_schema"]}
    return {"toolSpec": {"name": tool["name"], "description": tool["description"], "inputSchema": schema}}


class Converse:
    """Messages of parts, each an object with one key that says what it is; `toolUse` and `toolResult` among them."""

    call_id = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")
    longest_call_id = None

    def read(self, request: Json) -> ConverseReading:
        """Read a request; never raises."""
        reading = ConverseReading(request)
        reading.read_messages()
        config: Any = request.get("toolConfig") if is_object(request) else None
        tools: Any = config.get("tools") if is_object(config) else None
        if tools:
            reading.request["tools"] = tools
        return reading

"""The wire form of Gemini's generateContent.

Calls and responses may carry ids, and mostly do not: then they belong together by name and position. Each gets an id
here that says so, and none of these ids is ever written.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from antiphon.protocol.calls import NO_RESULT, id_key
from antiphon.protocol.dialects.gemini_ids import CALL, RESPONSE, call_ids, named
from antiphon.protocol.dialects.nested import NestedReading
from antiphon.protocol.dialects.reading import FAULT, MISSING, ORPHAN, REPEATED, WIRE, Spot, type_name
from antiphon.protocol.editing import as_json, text_block
from antiphon.protocol.messages import Json, blocks_of, is_array, is_object, kind_of, tool_uses

_MEDIA = ("inlineData", "inline_data", "fileData", "file_data")
_LOST = {"error": NO_RESULT}
_COUNT = (
    "Please ensure that the number of function response parts is equal to the number of function call parts of the"
    " function call turn."
)
_UNKNOWN = "unknown_tool"


@dataclass(slots=True)
class GeminiReading(NestedReading):
    """One generateContent request, read.

    Attributes:
        ids: the ids of calls and responses, by content and part.
        calls: by id, the calls that were written last.
    """

    ids: dict[tuple[int, int], Any] = field(default_factory=dict[tuple[int, int], Any])
    calls: dict[str, Json] = field(default_factory=dict[str, Json])

    messages_key: ClassVar[str] = "contents"
    parts_key: ClassVar[str] = "parts"
    roles: ClassVar[Mapping[Any, str]] = {None: "user", "user": "user", "model": "assistant", "function": "user"}
    words: ClassVar[Mapping[str, str]] = {
        MISSING: _COUNT,
        ORPHAN: _COUNT,
        REPEATED: _COUNT,
        "TU005": "Please ensure that function response turn comes immediately after a function call turn.",
        "MS001": "contents is not specified",
        "MS003": "Please use a valid role: user, model.",
        "MS004": "* GenerateContentRequest.contents[{message}].parts: contents.parts must not be empty.",
        "MS013": (
            "Please ensure that function call turn comes immediately after a user turn or after a function response"
            " turn."
        ),
        "CO003": "* GenerateContentRequest.contents[{message}].parts: contents.parts must not be empty.",
        "CO012": "* GenerateContentRequest.contents[{message}].parts: contents.parts must not be empty.",
        "TH031": "{text}",
    }

    def path(self, spot: Spot, block: Json | None) -> str:  # noqa: ARG002  (other forms name by it)
        """Return how the API names a place."""
        inner = "" if spot.part is None else f".parts[{spot.part}]"
        return f"GenerateContentRequest.contents[{spot.item}]{inner}"

    def block(self, spot: Spot, part: Json) -> Json:
        """Return the block that a part is."""
        _, call = named(part, CALL)
        if is_object(call):
            return self._call(spot, part, call)
        _, response = named(part, RESPONSE)
        if is_object(response):
            return self._response(spot, part, response)
        # What the model thought is text, too, and not what it said.
        if "text" in part and not part.get("thought"):
            return self.origins.block(spot, part, type="text", text=part["text"])
        return self._media(spot, part)

    def _media(self, spot: Spot, part: Json) -> Json:
        _, media = named(part, _MEDIA)
        kind = _media_kind(media) if is_object(media) else "other"
        return self.origins.block(spot, part, type=kind)

    def _call(self, spot: Spot, part: Json, call: Json) -> Json:
        arguments: Any = call.get("args")
        fields: Json = {"input": {} if arguments is None else arguments}
        if "name" in call:
            fields["name"] = call["name"]
        signed = "thoughtSignature" in part or "thought_signature" in part
        return self.origins.block(
            spot, part, type="tool_use", id=self.ids[spot.item, spot.part or 0], signed=signed, **fields
        )

    def _response(self, spot: Spot, part: Json, response: Json) -> Json:
        call_id = self.ids[spot.item, spot.part or 0]
        value: Any = response.get("response")
        fields: Json = {"content": NO_RESULT if value == _LOST else as_json(value)}
        if not is_object(value):
            fields[FAULT] = f"{{path}}.function_response.response: expected an object, but got {type_name(value)}"
            fields["content"] = value if isinstance(value, str) else as_json(value)
        media: Any = response.get("parts")
        if is_array(media) and media and all(is_object(inner) for inner in media):
            fields["content"] = [text_block(fields["content"]), *(self._media(spot, inner) for inner in media)]
        name: Any = response.get("name")
        if not (isinstance(name, str) and name):
            fields[FAULT] = "{path}.function_response.name: Name cannot be empty."
        return self.origins.block(spot, part, type="tool_result", tool_use_id=call_id, **fields)

    def part(self, block: Json) -> Json:
        """Return a block that was made or changed by a repair as a part."""
        kind = kind_of(block)
        wire: Any = block.get(WIRE)
        if kind == "tool_use":
            return self._written_call(block, wire)
        if kind == "tool_result":
            return self._written_response(block, wire)
        if kind == "text":
            return {**(wire or {}), "text": block.get("text")}
        return wire or block

    def _written_call(self, block: Json, wire: Any) -> Json:
        key, found = named(wire or {}, CALL)
        inner: Json = found or {}
        fields: Json = {**inner, "name": block.get("name"), "args": block.get("input")}
        if inner.get("id"):
            fields["id"] = block.get("id")
        return {**(wire or {}), key: fields}

    def _written_response(self, block: Json, wire: Any) -> Json:
        key, found = named(wire or {}, RESPONSE)
        inner: Json = found or {}
        asked = self.calls.get(id_key(block.get("tool_use_id")), {})
        name = inner.get("name")
        fields: Json = {**inner}
        if not (isinstance(name, str) and name):
            name = asked.get("name")
            fields["name"] = name if isinstance(name, str) and name else _UNKNOWN
        _, call = named(asked.get(WIRE) or {}, CALL)
        if inner.get("id") or (wire is None and call and call.get("id")):
            fields["id"] = block.get("tool_use_id")
        response: Any = inner.get("response")
        if wire is None:
            fields["response"] = {"error": "".join(text["text"] for text in blocks_of(block))}
        elif not is_object(response):
            fields["response"] = {"output": response}
        return {**(wire or {}), key: fields}

    def write(self, repaired: Json) -> Json:
        """Return the request, as repaired, in the wire form."""
        contents: list[Any] = []
        for message in repaired["messages"]:
            # Ids are used again in later turns; an answer belongs to the last call before it.
            for call in tool_uses(message):
                self.calls[id_key(call.get("id"))] = call
            contents.append(self.write_message(message))
        return {**self.given, "contents": contents}


def _media_kind(media: Json) -> str:
    kind: Any = media.get("mimeType", media.get("mime_type"))
    return "image" if isinstance(kind, str) and kind.startswith("image/") else "document"


class Gemini:
    """Contents of parts, with `functionCall` in those of the model and `functionResponse` in those of the user."""

    call_id = re.compile(r"[\s\S]*")
    longest_call_id = None

    def read(self, request: Json) -> GeminiReading:
        """Read a request; never raises."""
        contents: Any = request.get("contents") if is_object(request) else None
        reading = GeminiReading(request, ids=call_ids(contents) if is_array(contents) else {})
        reading.read_messages()
        if is_object(request) and isinstance(request.get("model"), str):
            reading.request["model"] = request["model"]
        return reading

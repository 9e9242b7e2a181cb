"""Histories in the form of Vercel's AI SDK, as some builds of Roo Code stored them.

They are read as messages of the Messages API, and written back: a result is a part of a message of role `tool` there.
Parts that were not touched are written as they were.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from antiphon.protocol.editing import as_json, text_block
from antiphon.protocol.messages import Json, is_array, is_object, kind_of, role_of
from antiphon.transcripts.aligning import align, weave

_RESULT = "tool-result"
_CALL = "tool-call"


def is_sdk(stored: Sequence[Any]) -> bool:
    """Say whether messages are in this form."""
    return any(
        role_of(message) == "tool" or any(kind_of(part) in {_CALL, _RESULT} for part in _parts(message))
        for message in stored
        if is_object(message)
    )


def _parts(message: Json) -> list[Json]:
    content = message.get("content")
    return [part for part in content if is_object(part)] if is_array(content) else []


@dataclass(slots=True)
class SdkView:
    """A stored history in this form, as the Messages API would be sent it.

    Attributes:
        stored: the messages of the file.
        messages: what is sent.
        indices: where in the file the messages stand that are sent.
    """

    stored: Sequence[Any]
    messages: list[Json] = field(default_factory=list[Json], init=False)
    indices: list[int] = field(default_factory=list[int], init=False)
    _shown: list[list[int]] = field(default_factory=list[list[int]], init=False)
    _part_of: dict[int, Any] = field(default_factory=dict[int, Any], init=False)
    _names: dict[str, Any] = field(default_factory=dict[str, Any], init=False)

    def __post_init__(self) -> None:
        objects = [message for message in self.stored if is_object(message)]
        summaries = [message.get("condenseId") for message in objects if message.get("isSummary")]
        for index, message in enumerate(self.stored):
            if is_object(message) and role_of(message):
                parent = message.get("condenseParent")
                if parent is None or parent not in summaries:
                    self._read(index, message)

    def restored(self, repaired: Sequence[Json]) -> list[Any]:
        """Return the stored history with repaired messages in place."""
        origins = align(self.messages, repaired)

        def make(position: int, _: Any) -> list[Any]:
            origin = origins[position]
            if origin is None:
                return list(self._in_roles(repaired[position], {}, self._new_parts(repaired[position])))
            return self._put(origin, repaired[position])

        groups = weave([[message] for message in self.stored], self.indices, origins, make)
        return [message for group in groups for message in group]

    def _put(self, origin: int, message: Json) -> list[Any]:
        stored = self.stored[self.indices[origin]]
        if message is self.messages[origin]:
            return [stored]
        content = message.get("content")
        old = self.messages[origin].get("content")
        if not is_array(content) or not is_array(old):
            return list(self._in_roles(message, stored, self._new_parts(message)))
        origins = align(old, content)
        parts = weave(stored["content"], self._shown[origin], origins, lambda at, part: self._part(content[at], part))
        return list(self._in_roles(message, stored, parts))

    def _new_parts(self, message: Json) -> list[Any]:
        content = message.get("content")
        return [self._part(block, None) for block in content] if is_array(content) else [content]

    def _in_roles(self, message: Json, stored: Json, parts: Sequence[Any]) -> Iterator[Json]:
        """Yield parts as messages: results in one of role `tool`, others in one of their own."""
        if len(parts) == 1 and not is_object(parts[0]):
            yield {**stored, "role": role_of(message), "content": parts[0]}
            return
        source = stored
        for is_result, group in groupby(parts, key=lambda part: is_object(part) and kind_of(part) == _RESULT):
            role = "tool" if is_result else role_of(stored) if source and role_of(stored) != "tool" else message["role"]
            yield {**source, "role": role, "content": list(group)}
            source = {}

    # Parts to blocks.

    def _read(self, index: int, message: Json) -> None:
        role = {"tool": "user"}.get(role_of(message), role_of(message))
        content = message.get("content")
        shown: list[int] = []
        if is_array(content):
            blocks: list[Any] = []
            for place, part in enumerate(content):
                block = self._block(part) if is_object(part) else part
                if block is not None:
                    shown.append(place)
                    blocks.append(block)
                    self._part_of[id(block)] = part
            if not blocks and content:
                return
            content = blocks
        self.messages.append({"role": role, "content": content})
        self.indices.append(index)
        self._shown.append(shown)

    def _block(self, part: Json) -> Json | None:
        kind = kind_of(part)
        call_id = part.get("toolCallId")
        if kind == _CALL:
            name = part.get("toolName")
            self._names[str(call_id)] = name
            return {"type": "tool_use", "id": call_id, "name": name, "input": part.get("input", part.get("args"))}
        if kind == _RESULT:
            return {"type": "tool_result", "tool_use_id": call_id, **_said(part)}
        # Reasoning of another provider, and files, mean nothing to this API.
        return part if kind == "text" else None

    # Blocks to parts.

    def _part(self, block: Any, part: Any) -> Any:
        """Return the part that a block stands for; `part` is the one it was, if it was one."""
        if not is_object(block):
            return block
        known = self._part_of.get(id(block))
        if known is not None:
            return known
        kept = part if is_object(part) else {}
        kind = kind_of(block)
        if kind == "tool_use":
            fields = {"toolCallId": block.get("id"), "toolName": block.get("name"), "input": block.get("input")}
            return {**kept, "type": _CALL, **fields}
        if kind == "tool_result":
            call_id = block.get("tool_use_id")
            output = {"type": "error-text" if block.get("is_error") else "text", "value": _text(block.get("content"))}
            same = kind_of(kept) == _RESULT and block.get("content") == _said(kept).get("content")
            name = kept.get("toolName", self._names.get(str(call_id), "unknown"))
            fields = {"toolCallId": call_id, "toolName": name, **({} if same else {"output": output})}
            return {**(kept if kind_of(kept) == _RESULT else {}), "type": _RESULT, **fields}
        return block


def _said(part: Json) -> Json:
    """Return content and `is_error` of a result."""
    output = part.get("output", part.get("result"))
    if not is_object(output) or "value" not in output:
        return {"content": _text(output)}
    failed = {"is_error": True} if str(output.get("type")).startswith("error") else {}
    value: Any = output["value"]
    if output.get("type") == "content" and is_array(value):
        return {"content": [_piece(piece) for piece in value], **failed}
    return {"content": _text(value), **failed}


def _piece(piece: Any) -> Json:
    if is_object(piece) and kind_of(piece) == "media":
        source = {"type": "base64", "media_type": piece.get("mediaType"), "data": piece.get("data")}
        return {"type": "image", "source": source}
    return piece if is_object(piece) and kind_of(piece) == "text" else text_block(as_json(piece))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else as_json(value)

"""The wire form of OpenAI's Chat Completions, and of everything that speaks it.

Results are messages of their own here (`role: tool`), one each, directly behind the assistant message whose
`tool_calls` they answer. A run of tool and user messages is read as one user message, results and text in the order
they stand; so what may not stand between results is found by the rule that finds it in the Messages API.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from antiphon.protocol.dialects.openai_parts import (
    NOTHING,
    apart,
    are_the_same,
    read_arguments,
    read_content,
    read_result,
    runs,
    without,
    written_arguments,
    written_content,
    written_result,
)
from antiphon.protocol.dialects.reading import MISSING, ORPHAN, REPEATED, ROLE, WIRE, WITHIN, Spot, WireReading
from antiphon.protocol.editing import as_json
from antiphon.protocol.messages import Json, blocks_of, is_array, is_object, kind_of, role_of

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    # What came before tool calls: one `function_call`, and an answer of role `function` by name. Nobody ever checked
    # that they belong together, so they are passed on.
    "function": "system",
}
_SPEAKERS = frozenset({"ai", "bot", "model"})
_SAID_ELSEWHERE = ("refusal", "audio", "function_call", "reasoning_content", "reasoning", "reasoning_details")
"""Fields of an assistant message that count as content."""

_ORPHAN_TEXT = (
    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
)


@dataclass(slots=True)
class ChatReading(WireReading):
    """One Chat Completions request, read.

    Attributes:
        contents: by wire message, the blocks its content was read as.
    """

    contents: dict[int, list[Any]] = field(default_factory=dict[int, list[Any]])

    words: ClassVar[Mapping[str, str]] = {
        MISSING: (
            "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
            " 'tool_call_id'. The following tool_call_ids did not have response messages: {ids}"
        ),
        ORPHAN: _ORPHAN_TEXT,
        REPEATED: _ORPHAN_TEXT,
        "MS001": "Invalid 'messages': expected an array with minimum length 1.",
        "MS002": "Invalid type for '{path}': expected an object.",
        "MS003": (
            "Invalid value for '{path}.role'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool',"
            " and 'developer'."
        ),
        "MS004": "Invalid value for '{path}.content': expected a string or an array of objects.",
        "MS005": "Invalid type for '{path}': expected an object.",
        "MS015": (
            "Invalid '{path}.tool_calls': empty array. Expected an array with minimum length 1, but got an empty array"
            " instead."
        ),
        "TU020": (
            "Invalid '{path}.function.name': empty string. Expected a string with minimum length 1, but got an empty"
            " string instead."
        ),
        "TU022": "Invalid '{path}.id': {problem}",
        "TU024": (
            "Invalid '{path}'. Image URLs are only allowed for messages with role 'user', but this message with role"
            " 'tool' contains an image URL."
        ),
    }

    def path(self, spot: Spot, block: Json | None) -> str:
        """Return how the API names a place."""
        if spot.part is None:
            return f"messages[{spot.item}]"
        inner = "tool_calls" if block is not None and kind_of(block) == "tool_use" else "content"
        return f"messages[{spot.item}].{inner}[{spot.part}]"

    def read(self, messages: list[Any]) -> None:
        """Fill in the messages of the canonical request."""
        made: list[Any] = []
        group: tuple[list[Json], list[Json]] | None = None
        for index, message in enumerate(messages):
            blocks = self._grouped(Spot(index), message)
            if blocks is None:
                self.places.append(index)
                made.append(self._single(Spot(index), message) if is_object(message) else message)
                group = None
                continue
            if group is None:
                group = [], []
                self.places.append(index)
                made.append(self.origins.note({"role": "user", "content": group[0]}, group[1], Spot(index)))
            group[0].extend(blocks)
            group[1].append(message)
        self.request["messages"] = made

    def _grouped(self, spot: Spot, message: Any) -> list[Json] | None:
        """Return the blocks of a tool or user message; None for any other, and for one that is not sound."""
        role = role_of(message)
        if role == "tool":
            return [self._result(spot, message)]
        content: Any = message.get("content") if role == "user" else None
        if isinstance(content, str) or (is_array(content) and all(is_object(part) for part in content)):
            blocks = read_content(self.origins, spot, content, message)
            blocks = blocks or [self.origins.block(spot, None, type=NOTHING, **{WITHIN: message})]
            self.contents[id(message)] = blocks
            return blocks
        return None

    def _result(self, spot: Spot, message: Json) -> Json:
        fields = read_result(self.origins, spot, message.get("content"), "content")
        if "tool_call_id" in message:
            fields["tool_use_id"] = message["tool_call_id"]
        return self.origins.block(spot, message, type="tool_result", **fields)

    def _single(self, spot: Spot, message: Json) -> Json:
        role: Any = message.get("role")
        content: Any = message.get("content")
        calls = list(self._calls(spot, message)) if _speaks(role, message) else []
        aside = role == "assistant" and any(message.get(name) for name in _SAID_ELSEWHERE)
        blocks: Any = content
        if isinstance(content, str) or is_array(content):
            blocks = read_content(self.origins, spot, content, message)
        elif is_object(content):
            # No list, which a rule will make one of it.
            blocks = read_content(self.origins, spot, [content], message)[0]
        elif content is None and (calls or aside or role == "function"):
            blocks = []
        if calls and not is_array(blocks):
            # The calls stand in a list, so what should have been one is in it, as what it is not: a block.
            blocks = [content if not is_object(content) else as_json(content)]
        elif is_array(blocks):
            if aside:
                blocks = [*blocks, self.origins.block(spot, None, type=NOTHING, **{WITHIN: message})]
            self.contents[id(message)] = blocks
        if is_array(blocks):
            blocks = [*blocks, *calls]
        made: Json = {**message, "role": _ROLES.get(role, role) if isinstance(role, str) else role}
        made |= {ROLE: role, WITHIN: message}
        if "content" in message or is_array(blocks):
            made["content"] = blocks
        return self.origins.note(made, [message], spot)

    def _calls(self, spot: Spot, message: Json) -> Iterator[Any]:
        calls: Any = message.get("tool_calls")
        for number, call in enumerate(calls if is_array(calls) else ()):
            yield self._call(Spot(spot.item, number), call) if is_object(call) else call

    def _call(self, spot: Spot, call: Json) -> Json:
        fields: Json = {"id": call["id"]} if "id" in call else {}
        inner, custom = _inner(call)
        if "name" in inner:
            fields["name"] = inner["name"]
        # A custom tool takes any text.
        fields |= {"input": {"input": inner.get("input")}} if custom else read_arguments(inner, "function.arguments")
        return self.origins.block(spot, call, type="tool_use", **fields)

    def write(self, repaired: Json) -> Json:
        """Return the request, as repaired, in the wire form."""
        written: list[Any] = []
        for message in repaired["messages"]:
            wires: Any = self.origins.unchanged(message) if is_object(message) else [message]
            if wires is None:
                wires = self._user(message) if role_of(message) == "user" else [self._other(message)]
            written += wires
        return {**self.given, "messages": written}

    def _user(self, message: Json) -> list[Json]:
        """Return the tool and user messages that a user message is made of."""
        default: Any = message.get(WITHIN)
        found = runs(_blocks(message), default, lambda block: kind_of(block) == "tool_result")
        if not found and default is not None:
            return [{**default, "role": "user", "content": ""}]
        return [
            self._tool_message(run.blocks[0])
            if run.within is None and kind_of(run.blocks[0]) == "tool_result"
            else self._user_message(run.within, run.blocks)
            for run in found
        ]

    def _user_message(self, within: Json | None, blocks: list[Json]) -> Json:
        if within is not None and are_the_same(blocks, self.contents.get(id(within))):
            return within if within.get("role") == "user" else {**within, "role": "user"}
        return {**(within or {}), "role": "user", "content": written_content(self.origins, blocks, "text")}

    def _tool_message(self, block: Json) -> Json:
        wire: Any = block.get(WIRE)
        if self.origins.unchanged(block) is not None:
            return wire
        content = written_result(self.origins, block, "text")
        return {**(wire or {}), "role": "tool", "tool_call_id": block.get("tool_use_id"), "content": content}

    def _other(self, message: Json) -> Json:
        """Return an assistant or system message."""
        within: Any = message.get(WITHIN)
        role = role_of(message)
        was: Any = message.get(ROLE)
        known = isinstance(was, str) and _ROLES.get(was) == role
        written = {**without(message, ROLE, WITHIN), "role": was if known else role}
        blocks = _blocks(message)
        calls = [block for block in blocks if is_object(block) and kind_of(block) == "tool_use"]
        others = [block for block in blocks if not (is_object(block) and kind_of(block) == "tool_use")]
        if within is not None and are_the_same(others, self.contents.get(id(within))):
            written |= {"content": within["content"]} if "content" in within else {}
            if "content" not in within:
                del written["content"]
        else:
            written["content"] = written_content(self.origins, others, "text") or (None if calls else "")
        return self._with_calls(written, calls)

    def _with_calls(self, message: Json, calls: list[Json]) -> Json:
        written = {**message}
        if calls:
            written["tool_calls"] = [self._written_call(call) for call in calls]
        elif is_array(written.get("tool_calls")) and written["tool_calls"]:
            del written["tool_calls"]
        return written

    def _written_call(self, block: Json) -> Json:
        wire: Any = self.origins.unchanged(block)
        if wire is not None:
            return wire
        wire = block.get(WIRE) or {}
        inner, custom = _inner(wire)
        fields: Json = {**inner, "name": block.get("name")}
        if not custom:
            fields["arguments"] = written_arguments(block, inner)
        kind = "custom" if custom else "function"
        return {**wire, "id": block.get("id"), "type": wire.get("type", kind), kind: fields}


def _blocks(message: Json) -> list[Any]:
    content: Any = message.get("content")
    return content if is_array(content) else blocks_of(message)


def _speaks(role: Any, message: Json) -> bool:
    """Say whether a message is one of the model: an unknown role is told by what stands in it."""
    if role == "assistant":
        return True
    known = isinstance(role, str) and role in _ROLES
    return not known and ("tool_calls" in message or (isinstance(role, str) and role in _SPEAKERS))


def _inner(call: Json) -> tuple[Json, bool]:
    """Return what a call asks for, and whether it asks for a custom tool."""
    function: Any = call.get("function")
    custom: Any = call.get("custom")
    if is_object(custom) and not is_object(function):
        return custom, True
    return (function if is_object(function) else {}), False


class OpenAIChat:
    """Messages with `tool_calls` beside the content of the assistant's, each answered by a message of role `tool`."""

    call_id = re.compile(r"[\s\S]*")
    longest_call_id = 40

    def read(self, request: Json) -> ChatReading:
        """Read a request; never raises."""
        reading = ChatReading(request)
        messages: Any = request.get("messages") if is_object(request) else None
        if is_array(messages):
            reading.read(apart(messages))
        elif is_object(request) and "messages" in request:
            reading.request["messages"] = messages
        return reading

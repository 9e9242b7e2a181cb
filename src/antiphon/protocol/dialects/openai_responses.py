"""The wire form of OpenAI's Responses.

A conversation is a list of items here: messages, calls, outputs and whatever else the model made. An output belongs to
its call by `call_id` and may stand anywhere behind it. The Messages API wants results directly behind the calls; so
that is where outputs are put while a request is judged, and they are written back where they stood.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, ClassVar, NamedTuple

from antiphon.protocol.calls import Place, id_key, nearest
from antiphon.protocol.dialects.openai_parts import (
    NOTHING,
    Run,
    apart,
    are_the_same,
    read_arguments,
    read_content,
    read_result,
    runs,
    written_arguments,
    written_content,
    written_result,
)
from antiphon.protocol.dialects.reading import FAULT, MISSING, ORPHAN, REPEATED, ROLE, WIRE, WITHIN, Spot, WireReading
from antiphon.protocol.editing import text_block
from antiphon.protocol.messages import Json, blocks_of, is_array, is_object, kind_of, role_of

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

_CALLS = {
    "function_call": "function_call_output",
    "custom_tool_call": "custom_tool_call_output",
    "local_shell_call": "local_shell_call_output",
    "shell_call": "shell_call_output",
    "apply_patch_call": "apply_patch_call_output",
    "computer_call": "computer_call_output",
}
"""The items that are calls of the client's tools, and what answers them."""

_OUTPUTS = frozenset(_CALLS.values())
_SAYING = frozenset({"function_call_output", "custom_tool_call_output"})
_WITHOUT_WORDS = frozenset({"computer_call", "shell_call"})
"""Calls that are answered by a picture, or an exit code: where it is lost, nothing true can stand for it."""

_SERVER_HELD = ("previous_response_id", "conversation")
_MORE = (*_SERVER_HELD, "prompt")
"""Parameters with which a request needs no input."""

_UNSEEN = "(A tool was asked to act here. What came of it was not recorded.)"


@dataclass(slots=True)
class ResponsesReading(WireReading):
    """One Responses request, read.

    Attributes:
        contents: by message item, the blocks its content was read as.
        index: by item, where it stands.
    """

    contents: dict[int, list[Any]] = field(default_factory=dict[int, list[Any]])
    index: dict[int, int] = field(default_factory=dict[int, int])

    words: ClassVar[Mapping[str, str]] = {
        MISSING: "No tool output found for function call {ids}.",
        ORPHAN: "No tool call found for function call output with call_id {id}.",
        REPEATED: "No tool call found for function call output with call_id {id}.",
        "MS001": "Missing required parameter: 'input'.",
        "MS002": "Invalid type for '{path}': expected an object.",
        "MS003": (
            "Invalid value for '{path}.role'. Supported values are: 'assistant', 'system', 'developer', and 'user'."
        ),
        "MS004": "Invalid type for '{path}.content': expected one of an array of objects or string.",
        "MS005": "Invalid type for '{path}': expected an object.",
        "TU022": "Invalid '{path}.call_id': {problem}",
        "TH030": "{text}",
    }

    def path(self, spot: Spot, block: Json | None) -> str:  # noqa: ARG002  (other forms name by it)
        """Return how the API names a place."""
        return f"input[{spot.item}]" if spot.part is None else f"input[{spot.item}].content[{spot.part}]"

    def read(self, items: list[Any], *, held: bool) -> None:
        """Fill in the messages of the canonical request.

        Args:
            items: the input.
            held: the server has more of the conversation, so an output may answer a call that is not to be seen.
        """
        home = _homes(items)
        asked = {id_key(item.get(_id_name(item))) for item in items if is_object(item) and kind_of(item) in _CALLS}
        outputs: dict[int, list[int]] = {}
        for output, call in home.items():
            outputs.setdefault(call, []).append(output)
        made: list[tuple[int, Any]] = []
        seated: list[tuple[int, Any]] = []
        for index, item in enumerate(items):
            message = None if index in home else self._message(Spot(index), item, known=asked if held else None)
            if seated and role_of(message) != "assistant":
                made += seated
                seated = []
            if index not in home:
                made.append((index, message))
            seated += ((place, self._message(Spot(place), items[place])) for place in outputs.get(index, ()))
        made += seated
        self.places = [place for place, _ in made]
        self.request["messages"] = [message for _, message in made]

    def _message(self, spot: Spot, item: Any, known: Collection[str] | None = None) -> Any:
        """Return an item as a message; an output whose call is not among those `known` is passed on unread."""
        if not is_object(item):
            return item
        self.index.setdefault(id(item), spot.item)
        kind = kind_of(item)
        if kind == "message" or (not kind and "role" in item):
            return self._spoken(spot, item)
        if kind in _CALLS:
            block = self._call(spot, item, kind)
        elif kind in _OUTPUTS and (known is None or id_key(item.get(_id_name(item))) in known):
            block = self._output(spot, item, kind)
        else:
            block = self.origins.block(spot, item, type=kind if kind == "reasoning" else "other", item=True)
        role = "user" if kind in _OUTPUTS else "assistant"
        return self.origins.note({"role": role, "content": [block]}, item, spot)

    def _spoken(self, spot: Spot, item: Json) -> Json:
        role: Any = item.get("role")
        content: Any = item.get("content")
        blocks: Any = content
        if isinstance(content, str) or is_array(content):
            blocks = read_content(self.origins, spot, content, item)
            blocks = blocks or [self.origins.block(spot, None, type=NOTHING, **{WITHIN: item})]
            self.contents[id(item)] = blocks
        elif is_object(content):
            # No list, which a rule will make one of it.
            blocks = read_content(self.origins, spot, [content], item)[0]
        made: Json = {"role": _ROLES.get(role, role) if isinstance(role, str) else role, ROLE: role, WITHIN: item}
        if "content" in item:
            made["content"] = blocks
        return self.origins.note(made, item, spot)

    def _call(self, spot: Spot, item: Json, kind: str) -> Json:
        fields = _id_fields(item, "id")
        if kind == "function_call":
            fields |= read_arguments(item)
        else:
            asked = ("input", "action", "operation")
            fields["input"] = {name: item[name] for name in asked if name in item}
        if kind not in {"function_call", "custom_tool_call"}:
            fields["name"] = kind
        elif "name" in item:
            fields["name"] = item["name"]
        return self.origins.block(spot, item, type="tool_use", **fields)

    def _output(self, spot: Spot, item: Json, kind: str) -> Json:
        value: Any = item.get("output")
        if is_object(value) and kind == "computer_call_output":
            value = [value]
        fields = read_result(self.origins, spot, value, "output")
        if kind not in _SAYING:
            # What the others take beside a string is not known for sure.
            fields.pop(FAULT, None)
        return self.origins.block(spot, item, type="tool_result", **{**_id_fields(item, "tool_use_id"), **fields})

    def write(self, repaired: Json) -> Json:
        """Return the request, as repaired, in the wire form."""
        messages: list[Any] = repaired["messages"]
        unseen = _unseen(messages)
        found: list[tuple[tuple[int, int], Any]] = []
        calls: dict[str, _Asked] = {}
        anchor = -1
        for message in messages:
            for run in _runs(message):
                index = self._index(run)
                block = run.blocks[0]
                kind = kind_of(block) if is_object(block) else ""
                key = id_key(block.get("tool_use_id" if kind == "tool_result" else "id")) if kind else ""
                asked = calls.get(key)
                if index is None or (kind == "tool_result" and asked and index < asked.at):
                    # New, or taken from before its call: it goes behind what was there when the model had asked.
                    at = anchor, 1
                else:
                    at = index, 0
                    anchor = anchor if kind == "tool_result" else index
                if kind == "tool_use":
                    calls[key] = _Asked(anchor, kind_of(block.get(WIRE) or {}))
                if id(block) not in unseen:
                    found.append((at, self._item(run, message, asked)))
                elif kind == "tool_use":
                    found.append((at, {"role": "assistant", "content": _UNSEEN}))
        found.sort(key=itemgetter(0))
        return {**self.given, "input": [item for _, item in found]}

    def _index(self, run: Run) -> int | None:
        block: Any = run.blocks[0] if run.blocks else None
        if run.within is not None:
            return self.index.get(id(run.within))
        spot = self.origins.spot(block) if is_object(block) and _is_item(block) else None
        return spot.item if spot else None

    def _item(self, run: Run, message: Any, asked: "_Asked | None") -> Any:
        block: Any = run.blocks[0]
        if not is_object(message):
            return block
        if run.within is None and _is_item(block):
            wire: Any = self.origins.unchanged(block)
            return self._changed_item(block, asked) if wire is None else wire
        return self._written_message(run, message)

    def _written_message(self, run: Run, message: Json) -> Json:
        within = run.within
        role = role_of(message)
        was: Any = message.get(ROLE)
        role = was if isinstance(was, str) and _ROLES.get(was) == role else role
        if within is None:
            # Text that a repair has made is the user's.
            return {"role": "user", "content": written_content(self.origins, run.blocks, "input_text")}
        if are_the_same(run.blocks, self.contents.get(id(within))):
            return within if within.get("role") == role else {**within, "role": role}
        text_type = "output_text" if role == "assistant" else "input_text"
        return {**within, "role": role, "content": written_content(self.origins, run.blocks, text_type)}

    def _changed_item(self, block: Json, asked: "_Asked | None") -> Json:
        wire: Json = block.get(WIRE) or {}
        kind = kind_of(wire)
        if kind_of(block) == "tool_use":
            fields: Json = {_id_name(wire): block.get("id")}
            if kind in {"function_call", "custom_tool_call"}:
                fields["name"] = block.get("name")
            if kind == "function_call":
                fields["arguments"] = written_arguments(block, wire)
            return {**wire, **fields}
        said = written_result(self.origins, block, "input_text")
        if not wire:
            kind = _CALLS.get(asked.kind if asked else "", "function_call_output")
            status = {"status": "failed"} if kind == "apply_patch_call_output" else {}
            return {"type": kind, "call_id": block.get("tool_use_id"), "output": said, **status}
        fields = {_id_name(wire): block.get("tool_use_id")}
        return {**wire, **fields, "output": said} if kind in _SAYING else {**wire, **fields}


class _Asked(NamedTuple):
    """A call: where it is written, and its type on the wire."""

    at: int
    kind: str


def _unseen(messages: list[Any]) -> set[int]:
    """Return the calls whose result is not known and cannot be put into words, and what stands for those results."""
    found: set[int] = set()
    lost: dict[str, Json] = {}
    for message in reversed(messages):
        for block in reversed(blocks_of(message) if is_object(message) else []):
            kind = kind_of(block)
            if kind == "tool_result" and not block.get(WIRE):
                lost[id_key(block.get("tool_use_id"))] = block
            elif kind == "tool_use":
                result = lost.pop(id_key(block.get("id")), None)
                if result is not None and kind_of(block.get(WIRE) or {}) in _WITHOUT_WORDS:
                    found |= {id(block), id(result)}
    return found


def _runs(message: Any) -> list[Run]:
    if not is_object(message):
        return [Run(None, [message])]
    content: Any = message.get("content")
    default: Any = message.get(WITHIN)
    found = runs(content if is_array(content) else blocks_of(message), default, _is_item)
    # A message that was left without content is still one.
    return found if found or default is None else [Run(default, [{"type": NOTHING}])]


def _is_item(block: Json) -> bool:
    return block.get("item") is True or kind_of(block) in {"tool_use", "tool_result"}


def _id_name(item: Json) -> str:
    """Return the field that holds the id of the call: local shells had another one at first."""
    return "id" if "call_id" not in item and "id" in item and kind_of(item).startswith("local_shell") else "call_id"


def _id_fields(item: Json, name: str) -> Json:
    return {name: item[_id_name(item)]} if _id_name(item) in item else {}


def _homes(items: list[Any]) -> dict[int, int]:
    """Return the call of each output that stands behind it, by index."""
    calls: list[Place] = []
    outputs: list[Place] = []
    for index, item in enumerate(items):
        kind = kind_of(item) if is_object(item) else ""
        if kind in _CALLS or kind in _OUTPUTS:
            (calls if kind in _CALLS else outputs).append(Place(index, 0, item, id_key(item.get(_id_name(item)))))
    homes = {at[0]: call.message for at, call in nearest(outputs, calls).items() if call.message < at[0]}
    last: dict[str, int] = {}
    rest = iter(calls)
    call = next(rest, None)
    for output in outputs:
        while call is not None and call.message < output.message:
            last[call.key] = call.message
            call = next(rest, None)
        # A second output of one call is behind it, too.
        if output.message not in homes and output.key in last:
            homes[output.message] = last[output.key]
    return homes


class OpenAIResponses:
    """Items in a list, calls and outputs tied by `call_id` wherever they stand."""

    call_id = re.compile(r"[\s\S]+")
    longest_call_id = 64

    def read(self, request: Json) -> ResponsesReading:
        """Read a request; never raises."""
        reading = ResponsesReading(request)
        items: Any = request.get("input") if is_object(request) else None
        if is_array(items):
            elsewhere = any(request.get(name) for name in _SERVER_HELD) or any(map(_is_reference, items))
            reading.read(apart(items), held=elsewhere)
        elif isinstance(items, str) or (items is None and is_object(request) and any(map(request.get, _MORE))):
            reading.places = [0]
            reading.request["messages"] = [{"role": "user", "content": [text_block(items or "")]}]
        elif is_object(request) and "input" in request:
            reading.request["messages"] = items
        return reading


def _is_reference(item: Any) -> bool:
    return is_object(item) and kind_of(item) == "item_reference"

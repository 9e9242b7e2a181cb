"""What of a block can be sent by another program, to another organisation, with other tools.

Thinking is signed for the model, the account and everything before it. Tools that the server ran leave results that
only their account can send again, uploaded files belong to theirs, addresses of images may lead nowhere tomorrow. None
of that is kept to be refused later: it becomes text where it says something, and is left out where it does not.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from antiphon.protocol.editing import as_json, text_block
from antiphon.protocol.foreign import FOREIGN_TYPES, KNOWN_TYPES
from antiphon.protocol.messages import (
    SERVER_TOOL_USE_TYPES,
    THINKING_TYPES,
    Json,
    is_array,
    is_object,
    is_server_tool_result,
    kind_of,
)

_FIELDS = {
    "text": ("type", "text"),
    "tool_use": ("type", "id", "name", "input"),
    "tool_result": ("type", "tool_use_id", "content", "is_error"),
    "image": ("type", "source"),
    "document": ("type", "source", "title", "context"),
    "search_result": ("type", "source", "title", "content"),
}
"""Fields that mean the same to everybody. Others (markers of caches, citations, who called) are of one request."""

_THINKING = THINKING_TYPES | {"reasoning", "thought", "reasoning_content", "reasoning_text", "thoughtSignature"}
_EMPTY = frozenset({"nothing", "fallback", "container_upload", "mcp_tool_listing", "tool_addition", "tool_removal"})
_CARRIED = frozenset({"base64", "text", "content"})
"""Sources of images and documents that hold what they are."""
_TELLING = ("title", "url", "text", "stdout", "stderr", "error_code", "tool_name")
_LONGEST = 4000


@dataclass(slots=True)
class Portable:
    """Turns blocks into what can be sent by anybody.

    Attributes:
        changed: how many blocks of which kind are not what they were, by what became of them.
    """

    changed: Counter[str] = field(default_factory=Counter[str])

    def blocks(self, content: list[Any]) -> list[Any]:
        """Return what is kept of the content of a message or a result; what is no block stays for the rules."""
        kept = (self.block(block) if is_object(block) else block for block in content)
        return [block for block in kept if block is not None]

    def block(self, block: Json) -> Json | None:
        """Return what is kept of a block, None where nothing is."""
        kind = kind_of(block)
        if kind in {"image", "document"}:
            return self._media(block, kind)
        if kind in _FIELDS:
            return self._plain(block, kind)
        if kind in _THINKING or kind in _EMPTY:
            if kind in _THINKING:
                self.changed["thinking, which is bound to its model and request, was left out"] += 1
            elif kind != "nothing":
                self.changed[f"{kind} blocks were left out"] += 1
            return None
        return self._in_words(block, kind)

    def _in_words(self, block: Json, kind: str) -> Json | None:
        if kind in SERVER_TOOL_USE_TYPES or is_server_tool_result(block):
            self.changed["calls of tools that the server ran, and their results, were kept as text"] += 1
            return _as_said(block)
        if kind == "tool_reference":
            return text_block(f"(The tool {block.get('tool_name')} was found here.)")
        if kind == "compaction":
            return text_block(f"(A summary of what was before:) {block.get('content')}")
        wire: Any = block.get("wire", block)
        if kind in FOREIGN_TYPES or not kind or kind in KNOWN_TYPES:
            return block  # The rules know what becomes of these.
        self.changed[f"{kind_of(wire) if is_object(wire) else kind} blocks were kept as text"] += 1
        return text_block(_cut(as_json(wire)))

    def _plain(self, block: Json, kind: str) -> Json:
        kept = {key: block[key] for key in _FIELDS[kind] if key in block}
        if kind == "tool_result" and is_array(kept.get("content")):
            kept["content"] = self.blocks(kept["content"])
        return kept

    def _media(self, block: Json, kind: str) -> Json:
        wire: Any = block.get("wire")
        if "source" not in block and is_object(wire) and kind_of(wire) in {"input_image", "image_url"}:
            block = FOREIGN_TYPES[kind_of(wire)](wire) or block
        source: Any = block.get("source")
        where = kind_of(source) if is_object(source) else ""
        if where in _CARRIED:
            return self._plain(block, kind)
        address = source.get("url") if is_object(source) and where == "url" else None
        at = f" It was at {address}" if isinstance(address, str) and not address.startswith("data:") else ""
        note = text_block(f"(Here stood {'an image' if kind == 'image' else 'a document'}.{at})")
        self.changed["images and documents whose data is not in the file were replaced by a note"] += 1
        return note


def _as_said(block: Json) -> Json | None:
    """Return the call or result of a tool that the server ran as a text, None where it says nothing."""
    if kind_of(block) in SERVER_TOOL_USE_TYPES:
        return text_block(f"({block.get('name')} was run by the server: {_cut(as_json(block.get('input')))})")
    said = " ".join(_strings(block.get("content")))
    return text_block(f"(It gave: {_cut(said)})") if said.strip() else None


def _strings(value: Any) -> Iterator[str]:
    """Yield what a result says to a reader, and nothing of its ciphers."""
    if isinstance(value, str):
        yield value
    elif is_array(value):
        for item in value:
            yield from _strings(item)
    elif is_object(value):
        for key, item in value.items():
            if (key in _TELLING and isinstance(item, str)) or is_array(item) or is_object(item):
                yield from _strings(item)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} ..."

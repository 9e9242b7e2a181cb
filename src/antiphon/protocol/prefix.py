"""A request as the model reads it: tools, then system, then messages, block by block.

Both prompt caches and bound thinking depend on everything that stands before a block. What neither depends on is
left out here: cache markers, where one message ends and the next of the same role begins, and whether text
stands as a string or as one text block.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from antiphon.protocol.messages import THINKING_TYPES, Json, blocks_of


@dataclass(frozen=True, slots=True)
class Piece:
    """One block of the prefix.

    Attributes:
        part: `tools`, `system` or `messages`.
        role: of its message, else empty.
        value: the block as it was sent.
        data: what the model reads of it, as bytes.
        path: message and block index, for blocks of messages.
    """

    part: str
    role: str
    value: Json
    data: bytes
    path: tuple[int, int] | None = None

    @property
    def thinks(self) -> bool:
        """Whether this is thinking, readable or not."""
        return str(self.value.get("type")) in THINKING_TYPES


def pieces(request: Json) -> Iterator[Piece]:
    """Yield the blocks of a request in the order the model reads them; deferred tools are not read."""
    for tool in _objects(request.get("tools")):
        if not tool.get("defer_loading"):
            yield Piece("tools", "", tool, canonical(tool))
    for block in _system(request.get("system")):
        yield Piece("system", "", block, canonical(block))
    for index, message in enumerate(_objects(request.get("messages"))):
        role = str(message.get("role"))
        for position, block in enumerate(blocks_of(message)):
            yield Piece("messages", role, block, canonical(block), (index, position))


def canonical(block: Json) -> bytes:
    """Return the bytes that stand for a block.

    The order of its own fields does not count, nor do those that are null: clients write them as they like. The order
    of keys inside arguments and schemas counts, as it does for the API.
    """
    return json.dumps(_read(block), ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


def digest(*parts: bytes, size: int = 16) -> bytes:
    """Return a short hash of some byte strings; where one ends matters."""
    state = hashlib.blake2b(digest_size=size)
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.digest()


def _system(system: Any) -> list[Json]:
    if isinstance(system, str):
        return [{"type": "text", "text": system}] if system else []
    return _objects(system)


def _objects(value: Any) -> list[Json]:
    if not isinstance(value, list):
        return []
    return [cast("Json", item) for item in cast("list[Any]", value) if isinstance(item, dict)]


def _read(block: Json) -> Json:
    """Return what the model reads of a block."""
    kept = {key: block[key] for key in sorted(block) if key != "cache_control" and block[key] is not None}
    content = kept.get("content")
    if isinstance(content, str) and block.get("type") == "tool_result":
        kept["content"] = [{"text": content, "type": "text"}]
    elif isinstance(content, list):
        kept["content"] = [
            _read(cast("Json", item)) if isinstance(item, dict) else item for item in cast("list[Any]", content)
        ]
    return kept

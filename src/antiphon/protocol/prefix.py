"""A request as the model reads it: tools, then system, then messages, block by block.

Both prompt caches and bound thinking depend on everything that stands before a block. What neither depends on is
left out here: cache markers, where one message ends and the next of the same role begins, whether text stands as a
string or as one text block, and the line with which Claude Code tells who pays.

`thinking_prefixes` and `reply_prefixes` agree: the digest that a reply's thinking had behind its request is the digest
it has in the next request, if nothing before it was changed.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple, cast

from antiphon.protocol.messages import THINKING_TYPES, Json, indexed_blocks, is_array, is_object, role_of


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


_BILLING = "x-anthropic-billing-header:"
"""Begins a system block that is another one in each request of Claude Code; the API takes it out before it reads."""

_THINKING = tuple(THINKING_TYPES)

_UNREAD = frozenset({"cache_control", "caller", "citations"})
"""Fields that clients drop or add when they send a reply back, and that no thinking was ever seen to be bound to."""


_write = json.JSONEncoder(separators=(",", ":"), sort_keys=True, check_circular=False).encode


class _Read(NamedTuple):
    """One block that the model reads, where it stands."""

    part: str
    role: str
    value: Json
    path: tuple[int, int] | None = None

    @property
    def thinks(self) -> bool:
        """Whether this is thinking, readable or not."""
        return self.value.get("type") in _THINKING


def pieces(request: Json) -> Iterator[Piece]:
    """Yield the blocks of a request in the order the model reads them; deferred tools are not read."""
    for part, role, value, path in _blocks(request):
        yield Piece(part, role, value, canonical(value), path)


def _blocks(request: Json) -> Iterator[_Read]:
    for tool in _objects(request.get("tools")):
        if not tool.get("defer_loading"):
            yield _Read("tools", "", tool)
    for block in _system(request.get("system")):
        yield _Read("system", "", block)
    messages: Any = request.get("messages")
    for index, message in enumerate(messages if is_array(messages) else ()):
        role = role_of(message)
        for position, block in indexed_blocks(message):
            yield _Read("messages", role, block, (index, position))


class ThinkingPrefix(NamedTuple):
    """A thinking block and what stands before it.

    Attributes:
        message: index of its message.
        block: its index in the content as sent.
        signature: its signature, or the data of a redacted one; empty where it has none.
        prefix: the digest of all that stands before it: tools, system, messages.
    """

    message: int
    block: int
    signature: str
    prefix: bytes


def thinking_prefixes(request: Json, keeps: Callable[[ThinkingPrefix], bool] | None = None) -> Iterator[ThinkingPrefix]:
    """Yield the thinking blocks of a request in order, each with the digest of all that stands before it.

    Reads all of the request once, which costs about as much as writing it. Never raises. What stands before a
    `fallback` block of its message and is left out when that is sent back does not count: thinking and client calls of
    the model that was given up.

    Args:
        request: the body of a request.
        keeps: is asked about each block; one of which it says no does not count as standing before those behind it.
    """
    behind = hashlib.blake2b(digest_size=16)
    waiting: list[_Read] = []
    for read in _counted(_blocks(request)):
        if read.thinks and read.path is not None:
            behind.update(_meant(waiting))
            waiting.clear()
            found = ThinkingPrefix(*read.path, signature_of(read.value), behind.copy().digest())
            yield found
            if keeps is not None and not keeps(found):
                continue
        waiting.append(read)


def reply_prefixes(request: Json, content: Sequence[Json]) -> Iterator[tuple[str, bytes]]:
    """Yield signature and digest of the thinking in the reply to a request, as `thinking_prefixes` will find them.

    Args:
        request: as it went upstream.
        content: the content of the reply. A request whose last message is the assistant's goes on in it.
    """
    messages: Any = request.get("messages")
    before: list[Json] = messages if is_array(messages) else []
    answered = {**request, "messages": [*before, {"role": "assistant", "content": list(content)}]}
    for found in thinking_prefixes(answered):
        if found.message == len(before):
            yield found.signature, found.prefix


def signature_of(block: Json) -> str:
    """Return what ties a thinking block to what stands before it, or an empty string where nothing does."""
    value = block.get("data" if block.get("type") == "redacted_thinking" else "signature")
    return value if isinstance(value, str) else ""


def _counted(read: Iterable[_Read]) -> Iterator[_Read]:
    """Leave out what a message begins with that another model took over from."""
    for _, group in groupby(read, key=lambda block: block.path and block.path[0]):
        blocks = list(group)
        taken_over = max((n for n, block in enumerate(blocks) if block.value.get("type") == "fallback"), default=0)
        for number, block in enumerate(blocks):
            if number >= taken_over or not (block.thinks or block.value.get("type") == "tool_use"):
                yield block


def canonical(block: Json) -> bytes:
    """Return the bytes that stand for a block.

    The order of its own fields does not count, nor do those that are null: clients write them as they like. The order
    of keys inside arguments and schemas counts, as it does for the API.
    """
    try:
        text = json.dumps(_read(block), ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        # What is nested deeper than any request is no conversation; all that counts is not to fail over it.
        text = "(too deep)"
    return text.encode(errors="surrogatepass")


def meaning(block: Json) -> bytes:
    """Return bytes that are the same for a block of a reply and for what a client made of it, if it is still the same.

    Never raises.
    """
    return _meant([_Read("messages", "", block)])


def _meant(blocks: Sequence[_Read]) -> bytes:
    """Return bytes for some blocks, the same as for these blocks one by one, one behind the other.

    They are also the same for a block that a client took apart and put together again. Arguments with their keys in
    another order, or with 1 for 1.0, count as the same here: who would call that a change would drop thinking that the
    API takes.
    """
    try:
        # One call for all: a call of the encoder costs more than most blocks.
        text = _write([(part, role, _bare(value)) for part, role, value, _ in blocks])[1:-1]
    except RecursionError:
        if len(blocks) > 1:
            return b"".join(_meant([block]) for block in blocks)
        text = "(too deep)"
    return f"{text},".encode() if blocks else b""


def _bare(block: Json) -> Json:
    kept = {key: value for key, value in block.items() if value is not None and key not in _UNREAD}
    if kept.get("is_error") is False:
        del kept["is_error"]
    if "input" in kept:
        kept["input"] = _as_javascript_has_it(kept["input"])
    content = kept.get("content")
    if isinstance(content, str) and block.get("type") == "tool_result":
        kept["content"] = [{"text": content, "type": "text"}]
    elif is_array(content):
        kept["content"] = [_bare(item) if is_object(item) else item for item in content]
    return kept


def _as_javascript_has_it(value: Any) -> Any:
    """Return a JSON value with whole numbers written as such."""
    if is_object(value):
        return {key: _as_javascript_has_it(item) for key, item in value.items()}
    if is_array(value):
        return [_as_javascript_has_it(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


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
    return [block for block in _objects(system) if not str(block.get("text")).startswith(_BILLING)]


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

"""Cache breakpoints that move with the conversation, for clients that set none or leave them where they were.

The API reads a prefix from its cache only where an earlier request ended one. Two of them on the last two turns of the
user are enough: the one before the last is where the request before this one ended.
"""

from collections.abc import Iterator
from typing import Any

from antiphon.protocol.messages import THINKING_TYPES, Json, is_array, is_object, kind_of, role_of

_MOST = 4
_MARKER: Json = {"type": "ephemeral"}
_MOVING = 2


def with_breakpoints(request: Json) -> tuple[Json, int]:
    """Return the request with breakpoints added, and how many.

    A pure function of the request. Nothing is added where the client's own breakpoints move (one stands in the last two
    turns of the user, or the API places them), never more than the API takes, never on thinking, empty text or blocks
    that are marked already. Content is never changed; the very object that was given comes back where nothing is added.
    """
    own = list(_markers(request))
    if request.get("cache_control") is not None or len(own) >= _MOST:
        return request, 0
    messages: Any = request.get("messages")
    if not is_array(messages) or not messages:
        return request, 0
    users = [index for index, message in enumerate(messages) if role_of(message) == "user"][-_MOVING:]
    if any(index in users for index, _ in own if index is not None):
        return request, 0
    room = _MOST - len(own)
    # What lives longer may not stand behind what lives shorter: in a valid request the client's last is the shortest.
    marker = _like(own[-1][1] if own else _MARKER)
    changed = dict[int, Json]()
    for index in reversed(users):
        marked = _marked(messages[index], marker) if room else None
        if marked is not None:
            changed[index] = marked
            room -= 1
    wanted = request
    if changed:
        wanted = {**request, "messages": [changed.get(index, message) for index, message in enumerate(messages)]}
    added = len(changed)
    if room and not any(index is None for index, _ in own):
        # Tools and system stay the same when the conversation starts anew.
        fixed = _with_fixed(wanted, _like(own[0][1] if own else _MARKER))
        added += fixed is not wanted
        wanted = fixed
    return wanted, added


def _like(marker: Json) -> Json:
    return {**_MARKER, "ttl": marker["ttl"]} if marker.get("ttl") else _MARKER


def _with_fixed(request: Json, marker: Json) -> Json:
    system: Any = request.get("system")
    if isinstance(system, str) and system.strip():
        return {**request, "system": [{"type": "text", "text": system, "cache_control": marker}]}
    for key in ("system", "tools"):
        blocks: Any = request.get(key)
        if is_array(blocks) and blocks:
            last = blocks[-1]
            if _takes_marker(last) and not last.get("defer_loading"):
                return {**request, key: [*blocks[:-1], {**last, "cache_control": marker}]}
            return request
    return request


def _marked(message: Json, marker: Json) -> Json | None:
    """Return the message with its last block marked, or None where no block takes a marker."""
    content: Any = message.get("content")
    if isinstance(content, str):
        if not content.strip():
            return None
        return {**message, "content": [{"type": "text", "text": content, "cache_control": marker}]}
    if not is_array(content):
        return None
    for place in range(len(content) - 1, -1, -1):
        if _takes_marker(content[place]):
            blocks = list(content)
            blocks[place] = {**blocks[place], "cache_control": marker}
            return {**message, "content": blocks}
    return None


def _takes_marker(block: Any) -> bool:
    if not is_object(block) or kind_of(block) in THINKING_TYPES or block.get("cache_control") is not None:
        return False
    text: Any = block.get("text")
    return kind_of(block) != "text" or (isinstance(text, str) and bool(text.strip()))


def _markers(request: Json) -> Iterator[tuple[int | None, Json]]:
    """Yield the breakpoints of a request in the order the API reads them, with the index of their message."""
    for key in ("tools", "system"):
        yield from ((None, marker) for marker in _in(request.get(key)))
    messages: Any = request.get("messages")
    for index, message in enumerate(messages if is_array(messages) else ()):
        content: Any = message.get("content") if is_object(message) else None
        yield from ((index, marker) for marker in _in(content))


def _in(blocks: Any) -> Iterator[Json]:
    for block in blocks if is_array(blocks) else ():
        if not is_object(block):
            continue
        marker: Any = block.get("cache_control")
        if is_object(marker):
            yield marker
        if kind_of(block) == "tool_result":
            yield from _in(block.get("content"))

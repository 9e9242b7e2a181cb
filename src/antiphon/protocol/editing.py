"""How repairs change a request: copies of what changes, the very same objects for everything else.

Knows messages and blocks. Does not know what is wrong with them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from antiphon.protocol.messages import Json, indexed_blocks, role_of
from antiphon.protocol.rule import Conversation

MOVED_AWAY = "(What stood here was moved up to the tool call it belongs to.)"
"""Said by the last user message when nothing else is left in it: the conversation must still end with the user."""


def with_messages(request: Json, messages: list[Json]) -> Json:
    """Return the request with other messages."""
    return {**request, "messages": messages}


def with_content(message: Json, blocks: list[Json]) -> Json:
    """Return the message with other content."""
    return {**message, "content": blocks}


def rewrite(
    conversation: Conversation,
    contents: Mapping[int, Sequence[Json]],
    added: Mapping[int, Sequence[Json]] | None = None,
) -> Json:
    """Return the request with the contents of some messages replaced, and messages added behind others.

    A message that has nothing left goes; were that to make an assistant message the last one, a note stays instead.
    A message whose blocks are the same objects as before stays the same object.

    Args:
        conversation: what is edited.
        contents: new blocks by message index.
        added: new messages by the index of the message they follow, -1 for the front.
    """
    added = added or {}
    messages: list[Json] = list(added.get(-1, ()))
    last_went = False
    for index, message in enumerate(conversation.messages):
        last_went = False
        blocks = contents.get(index)
        if blocks is None or _same_blocks(message, blocks):
            messages.append(message)
        elif blocks:
            messages.append(with_content(message, list(blocks)))
        else:
            last_went = role_of(message) == "user"
        messages.extend(added.get(index, ()))
    if last_went and (not messages or role_of(messages[-1]) != "user"):
        messages.append({"role": "user", "content": [text_block(MOVED_AWAY)]})
    return with_messages(conversation.request, messages)


def _same_blocks(message: Json, blocks: Sequence[Json]) -> bool:
    old = [block for _, block in indexed_blocks(message)]
    if isinstance(message.get("content"), str):
        return old == list(blocks)
    return len(old) == len(blocks) and all(a is b for a, b in zip(old, blocks, strict=True))


def by_message(indices: Iterable[int], places: Iterable[tuple[int, Json]]) -> dict[int, list[Json]]:
    """Sort `(message index, block)` into one list per message; every given index gets one, empty or not."""
    contents: dict[int, list[Json]] = {index: [] for index in indices}
    for index, block in places:
        contents[index].append(block)
    return contents


def text_block(text: str) -> Json:
    """Return a text block."""
    return {"type": "text", "text": text}


def as_json(value: Any) -> str:
    """Return a JSON value as compact text; never raises."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, TypeError, ValueError):
        return repr(value)


def same(left: Any, right: Any) -> bool:
    """Say whether two JSON values are equal; values nested too deeply to compare are not."""
    try:
        return bool(left == right)
    except RecursionError:
        return False

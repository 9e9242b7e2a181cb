"""How repairs change a request: copies of what changes, the very same objects for everything else.

Knows messages and blocks. Does not know what is wrong with them.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from antiphon.protocol.conversation import Conversation
from antiphon.protocol.messages import Json, indexed_blocks, is_array, is_object, kind_of, role_of

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
    *,
    keep_empty: bool = False,
) -> Json:
    """Return the request with the contents of some messages replaced, and messages added behind others.

    A message that has nothing left goes; were that to make an assistant message the last one, a note stays instead.
    A message whose blocks are the same objects as before stays the same object.

    Args:
        conversation: what is edited.
        contents: new blocks by message index.
        added: new messages by the index of the message they follow, -1 for the front.
        keep_empty: leave a message that has nothing left where it is.
    """
    added = added or {}
    messages: list[Json] = list(added.get(-1, ()))
    last_went = False
    for index, message in enumerate(conversation.messages):
        last_went = False
        blocks = contents.get(index)
        if blocks is None or ((blocks or keep_empty) and _same_blocks(message, blocks)):
            messages.append(message)
        elif blocks or keep_empty:
            messages.append(with_content(message, list(blocks)))
        else:
            last_went = role_of(message) == "user"
        messages.extend(added.get(index, ()))
    if last_went and (not messages or role_of(messages[-1]) != "user"):
        messages.append({"role": "user", "content": [text_block(MOVED_AWAY)]})
    return with_messages(conversation.request, messages)


def _same_blocks(message: Json, blocks: Sequence[Json]) -> bool:
    if not is_object(message):
        return not blocks
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
    """Return a JSON value as compact text; never raises, also not for what is nested too deeply to be written."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (RecursionError, TypeError, ValueError):
        return f"({type(value).__name__})"


def fingerprint(value: Any) -> str:
    """Return a text that is the same for equal JSON values and no others; never raises."""
    try:
        return json.dumps(value, sort_keys=True)
    except (RecursionError, TypeError, ValueError):
        return as_json(value)


def same(left: Any, right: Any) -> bool:
    """Say whether two JSON values are equal; values nested too deeply to compare are not."""
    try:
        return bool(left == right)
    except RecursionError:
        return False


def without(conversation: Conversation, places: Iterable[tuple[int, int]]) -> Json:
    """Return the request without some blocks, given by message and block index."""
    gone = set(places)
    contents: dict[int, list[Json]] = {}
    for index in {index for index, _ in gone}:
        blocks = indexed_blocks(conversation.messages[index])
        contents[index] = [block for j, block in blocks if (index, j) not in gone]
    return rewrite(conversation, contents)


def merge_messages(conversation: Conversation, spans: Iterable[tuple[int, int]]) -> Json:
    """Return the request with each span of messages (first and last index) made one, their fields kept."""
    messages: list[Json] = list(conversation.messages)
    for first, last in reversed(list(spans)):
        span = messages[first : last + 1]
        fields = {key: value for message in reversed(span) for key, value in message.items()}
        blocks = [block for message in span for _, block in indexed_blocks(message)]
        messages[first : last + 1] = [{**span[0], **fields, "content": blocks}]
    return with_messages(conversation.request, messages)


def change_blocks(conversation: Conversation, change: Callable[[Json], Json | None]) -> Json:
    """Return the request with a function applied to each block, the blocks within results included.

    The function gives back the same object to leave a block as it is, None to drop it. Messages are never dropped.
    """
    contents = {
        index: _changed(message["content"], change)
        for index, message in enumerate(conversation.messages)
        if is_object(message) and is_array(message.get("content"))
    }
    return rewrite(conversation, contents, keep_empty=True)


def _changed(blocks: Sequence[Any], change: Callable[[Json], Json | None]) -> list[Json]:
    changed: list[Json] = []
    for block in blocks:
        new = change(block) if is_object(block) else None
        if new is None:
            continue
        content = new.get("content") if new.get("type") == "tool_result" else None
        if is_array(content) and all(is_object(part) for part in content):
            inner = [change(part) for part in content]
            if any(old is not part for old, part in zip(content, inner, strict=True)):
                new = {**new, "content": [part for part in inner if part is not None]}
        changed.append(new)
    return changed


def split_by_role(conversation: Conversation, indices: Iterable[int], roles: Mapping[str, str]) -> Json:
    """Return the request with messages cut where a block belongs to another role, in the order they stand.

    Args:
        conversation: what is edited.
        indices: the messages to cut.
        roles: role by type of block; others stay with the role of their message.
    """
    messages = list(conversation.messages)
    for index in sorted(set(indices), reverse=True):
        message = messages[index]
        parts: list[Json] = []
        for _, block in indexed_blocks(message):
            role = roles.get(kind_of(block), role_of(message))
            if not parts or role_of(parts[-1]) != role:
                own = role == role_of(message)
                parts.append({**message, "content": []} if own else {"role": role, "content": []})
            parts[-1]["content"].append(block)
        messages[index : index + 1] = parts
    return with_messages(conversation.request, messages)

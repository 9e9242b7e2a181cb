"""Which of the messages in a task file of Roo Code and its heirs are sent, and as what.

A file keeps everything that was ever said. Messages that a summary or a truncation replaced name it as their parent and
are not sent while it is there; reasoning is kept as messages and blocks of its own kinds, for other APIs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.protocol.messages import Json, blocks_of, is_array, is_object, kind_of, role_of, tool_uses

HIDDEN_BLOCKS = frozenset({"reasoning", "thoughtSignature"})
"""Blocks that are kept for other APIs and not sent to this one."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A stored message that is sent.

    Attributes:
        index: of the message in the file.
        message: what is sent of it: role and content, without what the program notes beside them.
        blocks: which blocks of the stored content are sent, None for all there is.
    """

    index: int
    message: Json
    blocks: Sequence[int] | None = None


def shown(stored: Sequence[Any]) -> list[Shown]:
    """Return what is sent of a stored history."""
    indices, from_summary = _effective(stored)
    known: set[str] | None = None
    if from_summary:
        # The program itself leaves out results whose calls went into the summary.
        known = {str(call.get("id")) for index in indices for call in tool_uses(stored[index])}
    found = (_shown(index, stored[index], known) for index in indices)
    return [message for message in found if message]


def _effective(stored: Sequence[Any]) -> tuple[list[int], bool]:
    """Return the indices of the messages that are sent, and whether they begin with a summary."""
    objects = [(index, message) for index, message in enumerate(stored) if is_object(message)]
    summaries = {str(message.get("condenseId")) for _, message in objects if message.get("isSummary")}
    markers = {str(message.get("truncationId")) for _, message in objects if message.get("isTruncationMarker")}
    last = max((index for index, message in objects if message.get("isSummary")), default=None)
    indices = [
        index
        for index, message in enumerate(stored)
        if not is_object(message)
        or (role_of(message) and not _replaced(message, summaries if last is None else set(), markers))
    ]
    return [index for index in indices if last is None or index >= last], last is not None


def _replaced(message: Json, summaries: set[str], markers: set[str]) -> bool:
    return _in(message.get("condenseParent"), summaries) or _in(message.get("truncationParent"), markers)


def _in(value: Any, names: set[str]) -> bool:
    return isinstance(value, str) and value in names


def _shown(index: int, message: Any, known: set[str] | None) -> Shown | None:
    if not is_object(message):
        return Shown(index, message)
    content = message.get("content")
    if not is_array(content):
        return Shown(index, _bare(message, content))
    blocks = [place for place, block in enumerate(content) if not is_object(block) or _is_sent(block, known)]
    if len(blocks) == len(content):
        return Shown(index, _bare(message, content))
    if not blocks:
        return None
    return Shown(index, _bare(message, [content[place] for place in blocks]), blocks)


def _is_sent(block: Json, known: set[str] | None) -> bool:
    kind = kind_of(block)
    if kind == "tool_result" and known is not None:
        return str(block.get("tool_use_id")) in known
    return kind not in HIDDEN_BLOCKS


def _bare(message: Json, content: Any) -> Json:
    bare = {key: message[key] for key in ("role",) if key in message}
    return {**bare, "content": content} if "content" in message else bare


def is_finished(messages: Sequence[Json]) -> bool:
    """Say whether a history ends in `attempt_completion`, which nobody answers when the task is done."""
    if not messages or role_of(messages[-1]) != "assistant":
        return False
    names = [block.get("name") for block in _calls(messages[-1])]
    return bool(names) and all(name == "attempt_completion" for name in names)


def _calls(message: Json) -> Iterator[Json]:
    return (block for block in blocks_of(message) if kind_of(block) == "tool_use")

"""The messages that lines of a Claude Code session are sent as: those of one reply, or user turn, together."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.protocol.messages import Json, is_array
from antiphon.transcripts.claude_entries import Entry


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """A message as it is sent.

    Attributes:
        message: role and content, and nothing of what the program notes beside them.
        entries: the lines it is made of.
        owners: for each item of the content, the line it stands in.
    """

    message: Json
    entries: tuple[Entry, ...]
    owners: tuple[Entry, ...]


def spoken(entries: Iterable[Entry]) -> list[Spoken]:
    """Return the messages that entries are sent as."""
    groups: list[list[Entry]] = []
    for entry in entries:
        if not entry.role:
            continue
        if groups and _together(groups[-1][-1], entry):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return [_message(group) for group in groups]


def _together(first: Entry, second: Entry) -> bool:
    if first.role != second.role or not (_is_content(first.items) and _is_content(second.items)):
        return False
    return first.role == "user" or (bool(first.message_id) and first.message_id == second.message_id)


def _is_content(items: Iterable[Any]) -> bool:
    return all(item is not None for item in items)


def _message(entries: list[Entry]) -> Spoken:
    role = entries[0].role
    owners = tuple(entry for entry in entries for _ in entry.items)
    if len(entries) == 1:
        items = entries[0].items
        # A tuple holds what is no list: a text, mostly.
        content: Any = items[0] if isinstance(items, tuple) else items
    else:
        content = [item for entry in entries for item in _blocks(entry.items)]
    return Spoken({"role": role, "content": content}, tuple(entries), owners)


def _blocks(items: Iterable[Any]) -> Iterable[Any]:
    return ({"type": "text", "text": item} if isinstance(item, str) else item for item in items)


def items_of(message: Json) -> Sequence[Any]:
    """Return what the content of a message is made of; a tuple holds what is no list, a text mostly."""
    content = message.get("content")
    return content if is_array(content) else (content,)

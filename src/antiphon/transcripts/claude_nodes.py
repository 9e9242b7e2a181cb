"""The lines that a repaired Claude Code session has, in the order they are sent; nothing is written yet.

Does not know what they follow on.
"""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from antiphon.protocol.messages import Json, is_array, is_object, role_of
from antiphon.transcripts.aligning import align
from antiphon.transcripts.claude_entries import Entry, Order
from antiphon.transcripts.claude_view import Spoken, items_of

_NAMES = uuid.UUID("6f1d1c52-6c1e-5b0b-9a57-0d5f0a7d4c1e")
"""The namespace of uuids made here."""


@dataclass(slots=True, eq=False)
class Node:
    """A line of the repaired session.

    Attributes:
        entry: the line it was, None for a new one.
        role: as in `Entry`.
        items: what it holds now.
        like: the line that a new one was split off, if any.
        message_id: the reply it is a part of.
        uuid: its name.
        parent: the name of the line it follows on.
    """

    entry: Entry | None
    role: str
    items: Sequence[Any]
    like: Entry | None = None
    message_id: str = ""
    uuid: str = ""
    parent: str | None = None


def repaired_nodes(before: Sequence[Spoken], after: Sequence[Json], order: Order) -> list[Node]:
    """Return the lines of a repaired conversation in the order they are sent, with names and without parents.

    Lines between them that are not sent are among them.
    """
    nodes = list(_nodes(before, after))
    alive = {node.entry for node in nodes if node.entry}
    followers: dict[Entry | None, list[Node]] = {}
    anchor: Entry | None = None
    for entry in order.entries:
        if not entry.role:
            followers.setdefault(anchor, []).append(Node(entry, "", entry.items))
        elif entry in alive:
            anchor = entry
    woven = followers.get(None, [])
    for node in nodes:
        woven.append(node)
        woven += followers.get(node.entry, ()) if node.entry else ()
    _name(woven)
    return woven


def _nodes(before: Sequence[Spoken], after: Sequence[Json]) -> Iterator[Node]:
    anywhere = {
        id(item): owner for said in before for item, owner in zip(items_of(said.message), said.owners, strict=True)
    }
    used: set[Entry] = set()
    replies: set[str] = set()
    for message, origin in zip(after, align([said.message for said in before], after), strict=True):
        source = None if origin is None else before[origin]
        if source and message is source.message:
            nodes = [Node(entry, entry.role, entry.items) for entry in source.entries]
        else:
            nodes = list(_split(message, source, anywhere, used))
        used.update(node.entry for node in nodes if node.entry)
        _join(nodes, replies)
        yield from nodes


def _split(message: Json, source: Spoken | None, anywhere: dict[int, Entry], used: set[Entry]) -> Iterator[Node]:
    """Yield the lines of a message that was changed."""
    items = items_of(message)
    role = role_of(message)
    mine: set[Entry] = set()
    for owner, part in _segments(items, _owners(items, source, anywhere, role)):
        gone = owner in used or owner in mine
        yield Node(None if gone else owner, role, part, owner)
        if owner:
            mine.add(owner)
    if not items and source:
        yield Node(source.entries[0], role, [])


def _join(nodes: Sequence[Node], replies: set[str]) -> None:
    """Let the lines of a reply, and no others, have one message id."""
    if not nodes or nodes[0].role != "assistant":
        return
    sources = [node.entry or node.like for node in nodes]
    names = [source.message_id for source in sources if source and source.message_id]
    name = names[0] if names else ""
    if len(nodes) > 1 and not name:
        name = f"msg_{next((source.uuid for source in sources if source), '')}"
    while name in replies:
        name = f"{name}_"
    for node in nodes:
        node.message_id = name
    replies.update({name} - {""})


def _owners(items: Sequence[Any], source: Spoken | None, anywhere: dict[int, Entry], role: str) -> list[Entry | None]:
    """Return for each item of a repaired message the line it stands in, None for a new one."""
    origins = align(items_of(source.message), items) if source else [None] * len(items)
    owners: list[Entry | None] = []
    for item, origin in zip(items, origins, strict=True):
        if source and origin is not None:
            owners.append(source.owners[origin])
        else:
            # It may have been moved here from another message.
            owners.append(anywhere.get(id(item)) if is_object(item) or is_array(item) else None)
    if role == "assistant" and source:
        # A reply is not made longer by lines of nobody: what is new joins the line before it.
        last = next((owner for owner in owners if owner), source.entries[0])
        for position, owner in enumerate(owners):
            last = owners[position] = owner or last
    return owners


def _segments(items: Sequence[Any], owners: Sequence[Entry | None]) -> Iterator[tuple[Entry | None, Sequence[Any]]]:
    if isinstance(items, tuple):
        yield owners[0], items
        return
    for owner, pairs in groupby(zip(owners, items, strict=True), key=lambda pair: pair[0]):
        yield owner, [item for _, item in pairs]


def _name(nodes: Sequence[Node]) -> None:
    first = next((node.entry.uuid for node in nodes if node.entry), "")
    base = f"before {first}"
    for node in nodes:
        node.uuid = node.entry.uuid if node.entry else derived_uuid(base)
        base = f"behind {node.uuid}"


def derived_uuid(base: str) -> str:
    """Return a uuid that is made from a text, the same one each time."""
    # Half of a surrogate pair has no bytes.
    return str(uuid.uuid5(_NAMES, base.encode("ascii", "backslashreplace").decode()))

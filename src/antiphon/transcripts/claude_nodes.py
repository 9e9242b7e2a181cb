"""The lines that a repaired Claude Code session has, and what each follows on; nothing is written yet.

Parents are changed where something was put in, moved or taken out, and nowhere else. Whether the lines then really are
read as the repaired conversation is not argued but tried; where they are not, each follows on the one before it.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from antiphon.protocol.messages import Json, is_array, is_object, role_of
from antiphon.transcripts.aligning import align
from antiphon.transcripts.claude_entries import Entry, Order, in_order
from antiphon.transcripts.claude_view import Spoken, spoken

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
        uuid: its name.
        parent: the name of the line it follows on.
    """

    entry: Entry | None
    role: str
    items: Sequence[Any]
    like: Entry | None = None
    uuid: str = ""
    parent: str | None = None

    @property
    def message_id(self) -> str:
        """The reply it is a part of."""
        source = self.entry or self.like
        return source.message_id if source and self.role == "assistant" else ""


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
        id(item): owner for said in before for item, owner in zip(_items(said.message), said.owners, strict=True)
    }
    used: set[Entry] = set()
    for message, origin in zip(after, align([said.message for said in before], after), strict=True):
        source = None if origin is None else before[origin]
        if source and message is source.message:
            used.update(source.entries)
            yield from (Node(entry, entry.role, entry.items) for entry in source.entries)
            continue
        items = _items(message)
        for owner, items_of_line in _segments(items, _owners(items, source, anywhere, role_of(message))):
            node = Node(None if owner in used else owner, role_of(message), items_of_line, owner)
            if owner:
                used.add(owner)
            yield node
        if not items and source:
            yield Node(source.entries[0], role_of(message), [])


def _owners(items: Sequence[Any], source: Spoken | None, anywhere: dict[int, Entry], role: str) -> list[Entry | None]:
    """Return for each item of a repaired message the line it stands in, None for a new one."""
    origins = align(_items(source.message), items) if source else [None] * len(items)
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


def _items(message: Json) -> Sequence[Any]:
    content = message.get("content")
    return content if is_array(content) else (content,)


def _name(nodes: Sequence[Node]) -> None:
    first = next((node.entry.uuid for node in nodes if node.entry), "")
    base = f"before {first}"
    for node in nodes:
        node.uuid = node.entry.uuid if node.entry else str(uuid.uuid5(_NAMES, base))
        base = f"behind {node.uuid}"


def link(entries: Sequence[Entry], nodes: Sequence[Node], order: Order) -> bool:
    """Give each node its parent.

    Returns:
        Whether the lines have to stand in the file in the order of the nodes.
    """
    _link_changed(nodes, order)
    for node in nodes:
        if node.entry is None:
            break
    else:
        if len(nodes) == len(order.entries) and all(n.entry is e for n, e in zip(nodes, order.entries, strict=True)):
            return False
    wanted = [(node.role, _token(item)) for node in nodes if node.role for item in node.items]
    if _sent(_as_file(entries, nodes, order)) == wanted:
        return False
    for node, previous in zip(nodes[1:], nodes, strict=False):
        node.parent = previous.uuid
    return True


def _link_changed(nodes: Sequence[Node], order: Order) -> None:
    before_it: dict[Entry, Entry | None] = dict(zip(order.entries, [None, *order.entries], strict=False))
    gone = gone_parents(nodes, order)
    previous: Node | None = None
    changed = False
    for node in nodes:
        entry = node.entry
        if entry is None or before_it[entry] is not (previous.entry if previous else None):
            changed = True
        if changed and previous:
            node.parent = previous.uuid
        else:
            top = entry or order.entries[0]
            parent = order.healed.get(top.uuid, top.parent)
            node.parent = gone.get(parent, parent) if parent else None
        # From here on the old parents lead back through what was linked anew.
        changed = changed and entry not in order.chain
        previous = node


def gone_parents(nodes: Sequence[Node], order: Order) -> dict[str, str | None]:
    """Return, for each line that goes, the one that its children are to follow on."""
    kept = {node.entry for node in nodes}
    gone: dict[str, str | None] = {}
    for entry in order.entries:
        if entry not in kept:
            parent = order.healed.get(entry.uuid, entry.parent)
            gone[entry.uuid] = gone.get(parent, parent) if parent else None
    return gone


def _as_file(entries: Sequence[Entry], nodes: Sequence[Node], order: Order) -> list[Entry]:
    """Return the thread as it would be read again."""
    ordered = set(order.entries)
    gone = gone_parents(nodes, order)
    by_entry: dict[Entry | None, list[Node]] = {}
    last: Entry | None = None
    for node in nodes:
        last = node.entry or last
        by_entry.setdefault(last, []).append(node)
    read: list[Entry] = []
    for entry in [None, *entries]:
        here = by_entry.get(entry, [])
        if entry and not here and entry not in ordered:
            parent = order.healed.get(entry.uuid, entry.parent)
            read.append(_copy(entry, gone.get(parent, parent) if parent else None, len(read)))
        for node in here:
            read.append(_read_again(node, len(read)))
    return read


def _copy(entry: Entry, parent: str | None, number: int) -> Entry:
    return Entry(entry.uuid, parent, entry.role, entry.items, entry.message_id, number, None, entry.boundary)


def _read_again(node: Node, number: int) -> Entry:
    boundary = node.entry is not None and node.entry.boundary
    return Entry(node.uuid, node.parent, node.role, node.items, node.message_id, number, None, boundary)


def _sent(entries: Sequence[Entry]) -> list[tuple[str, int]]:
    messages: Iterable[Spoken] = spoken(in_order(entries).entries)
    return [(str(said.message["role"]), _token(item)) for said in messages for item in _items(said.message)]


def _token(item: Any) -> int:
    """Return what an item is known by; a text is the same whether it stands in a block or alone."""
    if is_object(item) and item.keys() == {"type", "text"}:
        return id(item["text"])
    return id(item)

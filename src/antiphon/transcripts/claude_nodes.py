"""The lines that a repaired Claude Code session has, and what each follows on; nothing is written yet.

Parents are changed where something was put in, moved or taken out, and nowhere else. Whether the lines then really are
read as the repaired conversation is not argued but tried; where they are not, each follows on the one before it.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
        id(item): owner for said in before for item, owner in zip(_items(said.message), said.owners, strict=True)
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
    items = _items(message)
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
        node.uuid = node.entry.uuid if node.entry else derived_uuid(base)
        base = f"behind {node.uuid}"


def derived_uuid(base: str) -> str:
    """Return a uuid that is made from a text, the same one each time."""
    # Half of a surrogate pair has no bytes.
    return str(uuid.uuid5(_NAMES, base.encode("ascii", "backslashreplace").decode()))


def link(entries: Sequence[Entry], nodes: Sequence[Node], order: Order) -> dict[int, int]:
    """Give each node its parent.

    Returns:
        Which line has to stand in the place of another, by number; 0 for none.
    """
    if len(nodes) == len(order.entries) and all(map(_is_as_it_was, nodes, order.entries)):
        _link_changed(nodes, order)
        return {}
    wanted = [(node.role, _token(item)) for node in nodes if node.role for item in node.items]
    begin, end = _window(nodes, order)
    old_end = len(order.entries) - (len(nodes) - end)
    places = _places(nodes[begin:end], order.entries[begin:old_end])
    attempts: list[tuple[int, int, dict[int, int]]] = [(0, 0, {}), (begin, _next_on_chain(nodes, end, order), places)]
    for first, last, moved in attempts:
        _link_changed(nodes, order)
        _link_all(nodes, first, last)
        again = in_order(_as_file(entries, nodes, order, moved))
        if not again.healed and _sent(again) == wanted:
            return moved
    _link_all(nodes, 0, len(nodes))
    return _places(nodes, order.entries)


def _is_as_it_was(node: Node, entry: Entry) -> bool:
    """Say whether a node is a line that is sent as before, whatever it says now."""
    return node.entry is entry and node.role == entry.role and node.message_id == entry.message_id


def _window(nodes: Sequence[Node], order: Order) -> tuple[int, int]:
    """Return where the nodes begin and end that differ from the lines there were."""
    shorter = min(len(nodes), len(order.entries))
    begin = next((place for place in range(shorter) if not _is_as_it_was(nodes[place], order.entries[place])), shorter)
    left = shorter - begin
    alike = next((back for back in range(left) if not _is_as_it_was(nodes[-1 - back], order.entries[-1 - back])), left)
    return begin, len(nodes) - alike


def _next_on_chain(nodes: Sequence[Node], place: int, order: Order) -> int:
    return next((at + 1 for at in range(place, len(nodes)) if nodes[at].entry in order.chain), len(nodes))


def _link_all(nodes: Sequence[Node], begin: int, end: int) -> None:
    """Let each of some nodes follow on the one before it."""
    if begin == 0 and end:
        nodes[0].parent = _outside(nodes)
    for place in range(max(begin, 1), end):
        nodes[place].parent = nodes[place - 1].uuid


def _places(nodes: Sequence[Node], before: Sequence[Entry]) -> dict[int, int]:
    """Let lines that are sent stand in the order of the nodes, the last of them where the last one stood."""
    numbers = [node.entry.number for node in nodes if node.entry and node.role]
    places = sorted({*numbers, *(entry.number for entry in before if entry.role)})
    moved = dict.fromkeys(places, 0)
    moved.update(zip(places[len(places) - len(numbers) :], numbers, strict=True))
    return moved


def _outside(nodes: Sequence[Node]) -> str | None:
    """Return what the first line follows on, passing over lines that come behind it now."""
    parents = {node.uuid: node.parent for node in nodes}
    parent = nodes[0].parent
    for _ in nodes:
        if parent not in parents:
            return parent
        parent = parents[parent]
    return None


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


def anchored(nodes: Iterable[Node], *, moved: bool) -> Iterator[tuple[Node, Entry | None]]:
    """Yield nodes with the line that they are, or stand behind; None before the first one.

    Lines that are not sent keep their places when others are moved, so that nothing can stand behind them then.
    """
    last: Entry | None = None
    for node in nodes:
        if node.entry and (node.role or not moved):
            last = node.entry
        yield node, node.entry or last


def _as_file(entries: Sequence[Entry], nodes: Sequence[Node], order: Order, places: Mapping[int, int]) -> list[Entry]:
    """Return the thread as it would be read again."""
    ordered = set(order.entries)
    gone = gone_parents(nodes, order)
    here: dict[Entry | None, list[Node]] = {}
    for node, entry in anchored(nodes, moved=bool(places)):
        here.setdefault(entry, []).append(node)
    by_number = {entry.number: entry for entry in entries}
    read = [_read_again(node) for node in here.get(None, ())]
    for place in by_number:
        entry = by_number.get(places.get(place, place))
        if entry in here:
            read += [_read_again(node) for node in here[entry]]
        elif entry and entry not in ordered:
            parent = order.healed.get(entry.uuid, entry.parent)
            read.append(replace(entry, parent=gone.get(parent, parent) if parent else None, line=None))
    return [replace(entry, number=number) for number, entry in enumerate(read)]


def _read_again(node: Node) -> Entry:
    boundary = node.entry is not None and node.entry.boundary
    return Entry(node.uuid, node.parent, node.role, node.items, node.message_id, 0, None, boundary)


def _sent(order: Order) -> list[tuple[str, int]]:
    messages = spoken(order.entries)
    return [(str(said.message["role"]), _token(item)) for said in messages for item in _items(said.message)]


def _token(item: Any) -> int:
    """Return what an item is known by; a text is the same whether it stands in a block or alone."""
    if is_object(item) and item.keys() == {"type", "text"}:
        return id(item["text"])
    return id(item)

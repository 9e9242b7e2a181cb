"""What each line of a repaired Claude Code session follows on, and where it stands in the file.

Parents are changed where something was put in, moved or taken out, and nowhere else. Whether the lines then really are
read as the repaired conversation is not argued but tried; where they are not, each follows on the one before it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from antiphon.protocol.messages import is_object
from antiphon.transcripts.claude_entries import Entry, Order, in_order
from antiphon.transcripts.claude_nodes import Node
from antiphon.transcripts.claude_view import items_of, spoken


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
    return [(str(said.message["role"]), _token(item)) for said in messages for item in items_of(said.message)]


def _token(item: Any) -> int:
    """Return what an item is known by; a text is the same whether it stands in a block or alone."""
    if is_object(item) and item.keys() == {"type", "text"}:
        return id(item["text"])
    return id(item)

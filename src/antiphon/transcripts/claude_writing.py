"""How a repaired conversation is written into the lines of a Claude Code session.

Only lines whose blocks or parents changed are written anew. A new line takes what it needs from the one it follows on;
its uuid is made from that line's, so that the same repair gives the same file. Lines that followed on one that is gone
follow on what that followed on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from antiphon.protocol.messages import Json, is_object
from antiphon.transcripts.claude_entries import Entry, Order
from antiphon.transcripts.claude_linking import anchored, gone_parents, link
from antiphon.transcripts.claude_nodes import Node, repaired_nodes
from antiphon.transcripts.claude_view import Spoken
from antiphon.transcripts.lines import Line

_ENVELOPE = (
    "isSidechain",
    "userType",
    "entrypoint",
    "cwd",
    "sessionId",
    "version",
    "gitBranch",
    "slug",
    "agentId",
)
"""What a new line has from the one it follows on, and its time."""


@dataclass(slots=True)
class Changes:
    """What is written otherwise than it was read; lines are meant by their numbers.

    Attributes:
        values: new values of lines.
        removed: lines that go.
        ahead: lines that come before another one.
        behind: lines that come behind another one.
        places: which line stands in the place of another; 0 for none.
    """

    values: dict[int, Json] = field(default_factory=dict[int, Json])
    removed: set[int] = field(default_factory=set[int])
    ahead: dict[int, list[bytes]] = field(default_factory=dict[int, list[bytes]])
    behind: dict[int, list[bytes]] = field(default_factory=dict[int, list[bytes]])
    places: dict[int, int] = field(default_factory=dict[int, int])

    def applied(self, lines: Sequence[Line]) -> Iterator[bytes]:
        """Yield the lines of the file, with the changes."""
        by_number = {line.number: line for line in lines}
        for place in lines:
            line = by_number.get(self.places.get(place.number, place.number))
            if line is None:
                continue
            yield from self.ahead.get(line.number, ())
            if line.number not in self.removed:
                yield line.rendered(self.values.get(line.number, line.value))
            yield from self.behind.get(line.number, ())

    def rename(self, entries: Iterable[Entry]) -> None:
        """Give lines whose uuid is another's as well one of their own."""
        for entry in entries:
            if entry.line and entry.line.object["uuid"] != entry.uuid:
                self._set(entry.line, uuid=entry.uuid)

    def heal(self, entries: Sequence[Entry], order: Order) -> None:
        """Give lines whose parents lead nowhere those that were found for them."""
        for entry in entries:
            if entry.uuid in order.healed:
                self._set(entry.line, parentUuid=order.healed[entry.uuid])

    def rewrite(self, entries: Sequence[Entry], order: Order, before: Sequence[Spoken], after: Sequence[Json]) -> None:
        """Write a repaired conversation into the lines of its thread."""
        nodes = repaired_nodes(before, after, order)
        places = link(entries, nodes, order)
        kept = {node.entry for node in nodes}
        gone = gone_parents(nodes, order)
        ordered = set(order.entries)
        for entry in entries:
            if entry in kept:
                continue
            parent = order.healed.get(entry.uuid, entry.parent)
            if entry in ordered:
                self.removed.add(entry.number)
            elif parent in gone:
                self._set(entry.line, parentUuid=gone[parent])
        self.places.update(places)
        self._write(nodes, order, moved=bool(places))

    def _write(self, nodes: Sequence[Node], order: Order, *, moved: bool) -> None:
        first = next((node.entry for node in nodes if node.entry), order.entries[0])
        for node, entry in anchored(nodes, moved=moved):
            if node.entry:
                self._edit(node, node.entry)
                continue
            like = node.like or entry or first
            if like.line:
                line = self._new_line(node, like.line)
                number, added = (entry.number, self.behind) if entry else (first.number, self.ahead)
                added.setdefault(number, []).append(line)

    def _edit(self, node: Node, entry: Entry) -> None:
        if node.parent != entry.parent:
            self._set(entry.line, parentUuid=node.parent)
        if not node.role or not entry.line:
            return
        message: Json = entry.line.object["message"]
        said = message
        if node.role != entry.role or not _same(node.items, entry.items):
            said = {**said, "role": node.role, "content": _content(node)}
        if node.message_id != entry.message_id:
            said = {**said, "id": node.message_id}
        if said is not message:
            self._set(entry.line, type=node.role, message=said)

    def _new_line(self, node: Node, like: Line) -> bytes:
        source = like.object
        message: Json = {"role": node.role, "content": _content(node)}
        if node.like and node.role == "assistant":
            message = {**source["message"], **message, "id": node.message_id}
        value: Json = {"parentUuid": node.parent}
        value |= {key: source[key] for key in _ENVELOPE if key in source}
        value |= {"type": node.role, "message": message, "uuid": node.uuid}
        value |= {"timestamp": source["timestamp"]} if "timestamp" in source else {}
        return like.like(value)

    def _set(self, line: Line | None, **fields: Any) -> None:
        if line:
            self.values[line.number] = {**self.values.get(line.number, line.object), **fields}


def _content(node: Node) -> Any:
    # A tuple holds what is no list: a text, mostly.
    return node.items[0] if isinstance(node.items, tuple) else list(node.items)


def _same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Say whether a line holds what it held; a text that was sent as a block is still that text."""
    return len(left) == len(right) and all(
        a is b or (is_object(a) and isinstance(b, str) and a.get("text") is b and a.keys() == {"type", "text"})
        for a, b in zip(left, right, strict=True)
    )

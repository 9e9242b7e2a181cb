"""The lines of a Claude Code session that name each other, and in which order they are sent.

A session is a tree. What is sent is the way from the last message up to the root or the last compaction, and beside
it what belongs to the messages on that way: a reply stands in several lines of one `message.id`, one block each, and
calls that ran side by side have their results on branches of their own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from antiphon.protocol.messages import Json, is_array, is_object, kind_of, role_of
from antiphon.transcripts.document import Finding
from antiphon.transcripts.file_rules import DANGLING_PARENT, LOST_BRANCH, PARENT_CYCLE
from antiphon.transcripts.lines import Line

MAIN = ""
"""The thread of the session itself; others are those of its subagents."""


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A line of the tree.

    Attributes:
        uuid: its own name.
        parent: that of the line it follows on, or None.
        role: `user` or `assistant` where it is sent; empty where it is not (system lines, notes, errors of the API).
        items: the content of its message, as far as it is sent: blocks, or one text.
        message_id: of the reply that an assistant line is a part of; empty where there is none.
        number: its line in the file.
        line: the line; None for one that is yet to be written.
        boundary: a compaction: what stands before is not sent.
    """

    uuid: str
    parent: str | None
    role: str
    items: Sequence[Any]
    message_id: str = ""
    number: int = 0
    line: Line | None = None
    boundary: bool = False

    @property
    def calls(self) -> Iterator[str]:
        """The ids of the tool calls in it."""
        return _ids(self.items, "tool_use", "id") if self.role == "assistant" else iter(())

    @property
    def answers(self) -> Iterator[str]:
        """The ids of the tool calls that it has results of."""
        return _ids(self.items, "tool_result", "tool_use_id") if self.role == "user" else iter(())


@dataclass(slots=True)
class Order:
    """In which order the lines of a thread are sent.

    Attributes:
        entries: those that are sent, and those on the way to them that are not.
        chain: those that lie on the way from the last message to the root.
        healed: new parents of lines whose own lead nowhere.
        findings: what is wrong with the tree.
    """

    entries: list[Entry] = field(default_factory=list[Entry])
    chain: set[Entry] = field(default_factory=set[Entry])
    healed: dict[str, str | None] = field(default_factory=dict[str, str | None])
    findings: list[Finding] = field(default_factory=list[Finding])


def _ids(items: Iterable[Any], kind: str, key: str) -> Iterator[str]:
    for item in items:
        if is_object(item) and item.get("type") == kind and isinstance(item.get(key), str):
            yield item[key]


def entry_of(line: Line) -> Entry | None:
    """Return a line as a part of the tree, or None where it has no place in it."""
    value = line.object
    uuid = value.get("uuid")
    if not isinstance(uuid, str) or "parentUuid" not in value:
        return None
    parent = value["parentUuid"]
    role = _role(value)
    message: Any = value.get("message")
    message_id: Any = message.get("id") if role == "assistant" else None
    return Entry(
        uuid,
        parent if isinstance(parent, str) else None,
        role,
        _items(message) if role else (),
        message_id if isinstance(message_id, str) else "",
        line.number,
        line,
        value.get("type") == "system" and value.get("subtype") == "compact_boundary",
    )


def _role(value: Json) -> str:
    """Return the role a line is sent in; an empty string where it is not sent."""
    message: Any = value.get("message")
    kind = kind_of(value)
    if kind not in {"user", "assistant"} or not is_object(message):
        return ""
    if value.get("isApiErrorMessage") or message.get("model") == "<synthetic>":
        return ""
    if value.get("isMeta") and not any(_ids(_items(message), "tool_result", "tool_use_id")):
        return ""
    return role_of(message) or kind


def _items(message: Json) -> Sequence[Any]:
    content = message.get("content")
    return content if is_array(content) else (content,)


def threads(entries: Sequence[Entry]) -> dict[str, list[Entry]]:
    """Sort entries by the agent they are of, each in the order of the file: the session itself and its subagents."""
    by_uuid = {entry.uuid: entry for entry in entries}
    roots: dict[str, str] = {}
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        value = entry.line.object if entry.line else {}
        thread = MAIN
        if value.get("isSidechain") is True:
            agent = value.get("agentId")
            thread = agent if isinstance(agent, str) and agent else _root(entry, by_uuid, roots)
        found.setdefault(thread, []).append(entry)
    return found


def _root(entry: Entry, by_uuid: dict[str, Entry], roots: dict[str, str]) -> str:
    """Return the uuid of the first line of a side chain."""
    way: list[str] = []
    at: Entry | None = entry
    root = entry.uuid
    while at is not None and at.uuid not in roots and at.line and at.line.object.get("isSidechain") is True:
        root = at.uuid
        roots[root] = root
        way.append(root)
        at = by_uuid.get(at.parent) if at.parent else None
    if at is not None and at.uuid in roots:
        root = roots[at.uuid]
    roots.update(dict.fromkeys(way, root))
    return root


def in_order(entries: Sequence[Entry]) -> Order:
    """Return in which order the lines of one thread are sent, given in the order of the file."""
    order = Order()
    way = _way(entries, order)
    order.chain = set(way)
    replies: dict[str, list[Entry]] = {}
    answers: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.message_id:
            replies.setdefault(entry.message_id, []).append(entry)
        for call in entry.answers:
            answers.setdefault(call, []).append(entry)
    answered = {call for entry in way for call in entry.answers}
    places = {entry: place for place, entry in enumerate(way)}
    passed = 0
    placed: set[Entry] = set()
    for position, entry in enumerate(way):
        together = [entry]
        if entry.message_id and entry not in placed:
            together = replies[entry.message_id]
            calls = [call for part in together for call in part.calls]
            beside = [answers[call][0] for call in calls if call not in answered and call in answers]
            near = list(_answering(way, position + 1, set(calls))) if beside else []
            together = together + sorted({*beside, *near}, key=lambda found: found.number)
        for part in together:
            for between in way[passed : places.get(part, 0)]:
                # What is not sent keeps its place on the way, before what hangs on it.
                passed += 1
                if not between.role and between not in placed:
                    placed.add(between)
                    order.entries.append(between)
            if part not in placed:
                placed.add(part)
                order.entries.append(part)
    order.findings += _lost(entries, placed)
    return order


def _answering(way: Sequence[Entry], position: int, calls: set[str]) -> Iterator[Entry]:
    """Yield the results of some calls that come next on the way."""
    for place in range(position, len(way)):
        entry = way[place]
        if entry.role and not (entry.message_id and not calls.isdisjoint(entry.calls)):
            if calls.isdisjoint(entry.answers):
                return
            yield entry


def _way(entries: Sequence[Entry], order: Order) -> list[Entry]:
    """Return the way from the root to the last message, and on to what hangs on that."""
    by_uuid = {entry.uuid: entry for entry in entries}
    places = {entry: place for place, entry in enumerate(entries)}
    last = next((entry for entry in reversed(entries) if entry.role), None)
    way: list[Entry] = []
    seen: set[Entry] = set()
    at = _tail(entries, by_uuid, last)
    while at is not None:
        way.append(at)
        seen.add(at)
        if at.boundary or at.parent is None:
            break
        found = by_uuid.get(at.parent)
        if found is None or found in seen:
            rule, fault = (DANGLING_PARENT, "is not in the file") if found is None else (PARENT_CYCLE, "follows on it")
            found = next((entries[i] for i in range(places[at] - 1, -1, -1) if _may_follow(entries[i], seen)), None)
            # Where nothing stands before it, this is where the session begins: what it followed on is another file.
            if found or rule is PARENT_CYCLE:
                text = f"{at.uuid} follows on {at.parent}, which {fault}"
                order.findings.append(rule.finding(text, at.number))
                order.healed[at.uuid] = found.uuid if found else None
        at = found
    return way[::-1]


def _may_follow(entry: Entry, seen: set[Entry]) -> bool:
    return bool(entry.role) and entry not in seen


def _tail(entries: Sequence[Entry], by_uuid: dict[str, Entry], last: Entry | None) -> Entry | None:
    """Return the last line that hangs on the last message with nothing sent between them; that message itself else."""
    for entry in reversed(entries):
        if entry is last:
            break
        at: Entry | None = entry
        for _ in range(100):
            if at is None or at.role:
                break
            at = by_uuid.get(at.parent) if at.parent else None
        if at is last:
            return entry
    return last


def _lost(entries: Sequence[Entry], placed: set[Entry]) -> Iterator[Finding]:
    """Find replies to results that are part of the session, while they themselves are not.

    A branch that begins with a prompt was left on purpose: somebody went back and asked something else.
    """
    by_uuid = {entry.uuid: entry for entry in placed}
    for entry in entries:
        parent = by_uuid.get(entry.parent) if entry.parent else None
        if entry.role == "assistant" and entry not in placed and parent and any(parent.answers):
            text = f"the reply {entry.uuid} to the result {parent.uuid} is on another branch than the last message"
            yield LOST_BRANCH.finding(text, entry.number)

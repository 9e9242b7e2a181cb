"""Sessions of Claude Code: `~/.claude/projects/<folder>/<session>.jsonl`, and those of its subagents."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from antiphon.protocol.messages import Json
from antiphon.transcripts.claude_entries import MAIN, Entry, Order, entry_of, in_order, threads
from antiphon.transcripts.claude_nodes import derived_uuid
from antiphon.transcripts.claude_view import Spoken, spoken
from antiphon.transcripts.claude_writing import Changes
from antiphon.transcripts.document import Document, Finding, Stored, Unreadable
from antiphon.transcripts.file_rules import DUPLICATE_UUID
from antiphon.transcripts.lines import Line, Lines, read_lines
from antiphon.transcripts.sniffing import first_objects

_DEPTH = 5
"""A line, its message, the content, a block, and the content of a result."""


@dataclass(frozen=True, slots=True)
class _Thread:
    """The lines of one agent, as they were read."""

    entries: Sequence[Entry]
    order: Order
    messages: Sequence[Spoken]


@dataclass(frozen=True, slots=True)
class ClaudeCodeDocument:
    """A session, read."""

    lines: Lines
    repeated: frozenset[int]
    threads: Sequence[_Thread]
    conversations: Sequence[Stored]
    findings: Sequence[Finding]

    def rendered(self, repaired: Sequence[Json]) -> bytes:
        """Return the session with repaired conversations: other lines keep their bytes, parents stay true."""
        changes = Changes()
        changes.removed.update(self.repeated)
        changes.rename(entry for thread in self.threads for entry in thread.entries)
        for thread, conversation, request in zip(self.threads, self.conversations, repaired, strict=True):
            if request is conversation.request:
                changes.heal(thread.entries, thread.order)
            else:
                messages = request.get("messages")
                changes.rewrite(thread.entries, thread.order, thread.messages, messages or [])
        return self.lines.rendered(changes.applied(self.lines.lines))


@dataclass(frozen=True, slots=True)
class ClaudeCodeFormat:
    """Sessions of Claude Code."""

    name: str = "claude-code"

    def matches(self, path: Path, data: bytes) -> bool:
        """Say whether the first lines are a session's."""
        del path
        return any(
            ("parentUuid" in value and "uuid" in value) or (value.get("type") == "summary" and "leafUuid" in value)
            for value in first_objects(data)
        )

    def read(self, path: Path, data: bytes) -> Document:
        """Read a session.

        Raises:
            Unreadable: no line is a message of one.
        """
        del path
        lines = read_lines(data, depth=_DEPTH)
        found = [entry for line in lines.lines for entry in [entry_of(line)] if entry]
        findings = [*lines.findings]
        repeated: set[int] = set()
        entries = list(_once(found, findings, repeated))
        read: list[_Thread] = []
        conversations: list[Stored] = []
        for name, thread in threads(entries).items():
            order = in_order(thread)
            messages = spoken(order.entries)
            if messages:
                findings += order.findings
                read.append(_Thread(thread, order, messages))
                conversations.append(_stored(name, messages))
        if not read:
            raise Unreadable("no line of this file is a message of a session of Claude Code")
        return ClaudeCodeDocument(lines, frozenset(repeated), read, conversations, findings)


def _stored(name: str, messages: Sequence[Spoken]) -> Stored:
    return Stored(
        {"messages": [message.message for message in messages]},
        lines=[message.entries[0].number for message in messages],
        label=f"subagent {name}" if name != MAIN else "",
    )


def _once(entries: Sequence[Entry], findings: list[Finding], repeated: set[int]) -> Iterator[Entry]:
    """Yield entries, each uuid once.

    Of lines that have one and differ, that which is sent keeps it, the last of them. The others get uuids of their own,
    so that what follows on it follows on one line.
    """
    chosen: dict[str, Entry] = {}
    first: dict[str, Entry] = {}
    for entry in entries:
        known = chosen.setdefault(entry.uuid, entry)
        first.setdefault(entry.uuid, entry)
        if known is not entry:
            same = _raw(known.line) == _raw(entry.line)
            text = f"{entry.uuid} is the uuid of line {first[entry.uuid].number} as well"
            findings.append(DUPLICATE_UUID.finding(text + (", which is the same" if same else ""), entry.number))
            if same:
                repeated.add(entry.number)
            elif entry.role or not known.role:
                chosen[entry.uuid] = entry
    for entry in entries:
        if chosen[entry.uuid] is entry:
            yield entry
        elif entry.number not in repeated:
            yield replace(entry, uuid=derived_uuid(f"line {entry.number} of {entry.uuid}"))


def _raw(line: Line | None) -> bytes:
    return line.raw.rstrip() if line else b""

"""Sessions of opencode: `$XDG_DATA_HOME/opencode/opencode.db`, a database of SQLite."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from antiphon.protocol.messages import Json, is_object
from antiphon.transcripts.document import Document, Finding, Stored, Unreadable
from antiphon.transcripts.file_rules import CALL_LEFT_OPEN
from antiphon.transcripts.located import Located
from antiphon.transcripts.opencode_database import MAGIC, Edit, Row, changed, read_tables
from antiphon.transcripts.opencode_edits import edits_of
from antiphon.transcripts.opencode_view import Part, Said, Sent, sent

_HEAD = 1 << 18
_DEPTH = 4


@dataclass(frozen=True, slots=True)
class OpencodeDocument:
    """A database, read."""

    data: bytes
    sessions: Sequence[Sequence[Sent]]
    open_parts: Sequence[Part]
    conversations: Sequence[Stored]
    findings: Sequence[Finding]

    def rendered(self, repaired: Sequence[Json]) -> bytes:
        """Return the database with repaired sessions; calls that were left open have failed in it."""
        edits = {part.id: Edit(part.id, part.located.rendered(part.settled)) for part in self.open_parts}
        for session, stored, request in zip(self.sessions, self.conversations, repaired, strict=True):
            if request is not stored.request:
                edits.update((edit.id, edit) for edit in edits_of(session, request.get("messages")))
        return changed(self.data, edits.values()) if edits else self.data


@dataclass(frozen=True, slots=True)
class OpencodeFormat:
    """The database of opencode."""

    name: str = "opencode"

    def matches(self, path: Path, data: bytes) -> bool:
        """Say whether this is a database with messages and parts."""
        del path
        head = data[:_HEAD]
        return head.startswith(MAGIC) and b"message_id" in head and b"session_id" in head

    def read(self, path: Path, data: bytes) -> Document:
        """Read all sessions of a database.

        Raises:
            Unreadable: it is damaged, or no database of opencode.
        """
        del path
        if not data.startswith(MAGIC):
            raise Unreadable("a database of SQLite is wanted")
        sessions, messages, parts = read_tables(data)
        stored = _said(messages, parts)
        read: list[list[Sent]] = []
        conversations: list[Stored] = []
        left_open: list[Part] = []
        for session in sessions:
            said = stored.get(session.id, [])
            left_open += [part for message in said for part in message.parts if part.left_open]
            found = sent(said)
            if found:
                read.append(found)
                conversations.append(Stored({"messages": [each.message for each in found]}, label=session.id))
        return OpencodeDocument(data, read, left_open, conversations, [_left_open(part) for part in left_open])


def _left_open(part: Part) -> Finding:
    status = part.state.get("status")
    return CALL_LEFT_OPEN.finding(f"the call {part.data.get('callID')} ({part.id}) is still {status}")


def _said(messages: Iterable[Row], parts: Iterable[Row]) -> dict[str, list[Said]]:
    """Return the messages of each session, with their parts."""
    by_message: dict[str, list[Part]] = {}
    for row in parts:
        by_message.setdefault(row.owner, []).append(Part(row.id, _located(row)))
    found: dict[str, list[Said]] = {}
    for row in messages:
        value = _located(row).value
        said = Said(row.id, value if is_object(value) else {}, by_message.get(row.id, []))
        found.setdefault(row.owner, []).append(said)
    return found


def _located(row: Row) -> Located:
    try:
        return Located(row.data, depth=_DEPTH)
    except Unreadable as error:
        raise Unreadable(f"{row.id}: {error}") from None

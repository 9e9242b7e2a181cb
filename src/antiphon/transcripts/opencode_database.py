"""The database of opencode, read from the bytes of its file and changed in memory.

Does not know what messages and parts mean.
"""

import sqlite3
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from antiphon.transcripts.document import Unreadable

MAGIC = b"SQLite format 3\x00"
_VERSIONS = slice(18, 20)
"""Where a database says whether it is written through a log beside it; one in memory cannot be."""
_COLUMNS = {
    "session": {"id"},
    "message": {"id", "session_id", "data"},
    "part": {"id", "message_id", "session_id", "data"},
}


@dataclass(frozen=True, slots=True)
class Row:
    """A message or a part.

    Attributes:
        id: sorts by time.
        owner: the message that a part belongs to, or the session that a message does.
        data: its JSON text.
    """

    id: str
    owner: str
    data: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A change to a part: other data, none at all, or data for a new one that is otherwise like an old one."""

    id: str
    data: str | None
    like: str | None = None


@contextmanager
def _opened(data: bytes) -> Generator[sqlite3.Connection]:
    """Open a copy of a database; whatever SQLite says against it becomes `Unreadable`."""
    try:
        with closing(sqlite3.connect(":memory:")) as connection:
            connection.deserialize(data[:18] + b"\x01\x01" + data[20:])
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.execute("PRAGMA cell_size_check = ON")
            yield connection
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise Unreadable(f"the database cannot be read: {error}") from None


def read_tables(data: bytes) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the sessions, messages and parts of a database, each ordered by id.

    Raises:
        Unreadable: it is damaged, or no database of opencode.
    """
    with _opened(data) as connection:
        (state,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if state != "ok":
            raise Unreadable(f"the database is damaged: {state}")
        for table, wanted in _COLUMNS.items():
            found = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
            if not wanted <= found:
                raise Unreadable(f"the database has no table {table} with {', '.join(sorted(wanted - found))}")
        return (
            list(_rows(connection.execute("SELECT id, id, '' FROM session ORDER BY id"))),
            list(_rows(connection.execute("SELECT id, session_id, data FROM message ORDER BY id"))),
            list(_rows(connection.execute("SELECT id, message_id, data FROM part ORDER BY id"))),
        )


def session_facts(data: bytes) -> dict[str, dict[str, Any]]:
    """Return what a database says of its sessions, by id: whatever columns there are.

    Raises:
        Unreadable: it is damaged, or no database of opencode.
    """
    with _opened(data) as connection:
        found = connection.execute("SELECT * FROM session")
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row, strict=True)) for row in found]
    return {str(row.get("id")): row for row in rows}


def _rows(found: Iterable[tuple[Any, ...]]) -> Iterator[Row]:
    return (Row(str(name), str(owner), _text(data)) for name, owner, data in found)


def _text(data: Any) -> str:
    return data.decode(errors="replace") if isinstance(data, bytes) else str(data)


def changed(data: bytes, edits: Iterable[Edit]) -> bytes:
    """Return the database with edits, made in one transaction and checked.

    Raises:
        Unreadable: the database cannot take them.
    """
    with _opened(data) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        with connection:
            for edit in edits:
                _apply(connection, edit)
        (state,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if state != "ok":
            raise Unreadable(f"the database is damaged: {state}")
        written = connection.serialize()
    return written[:18] + data[_VERSIONS] + written[20:]


def _apply(connection: sqlite3.Connection, edit: Edit) -> None:
    if edit.data is None:
        connection.execute("DELETE FROM part WHERE id = ?", (edit.id,))
    elif edit.like is None:
        connection.execute("UPDATE part SET data = ? WHERE id = ?", (edit.data, edit.id))
    else:
        found = connection.execute("SELECT * FROM part WHERE id = ?", (edit.like,))
        row = dict(zip([column[0] for column in found.description], found.fetchone(), strict=True))
        row |= {"id": edit.id, "data": edit.data}
        names = ", ".join(f'"{name}"' for name in row)
        marks = ", ".join("?" * len(row))
        # The names are those the table gave; a quote in one would be refused as no column of it.
        connection.execute(f"INSERT INTO part ({names}) VALUES ({marks})", list(row.values()))  # noqa: S608  (see above)

"""Looks for words in what was said in sessions: prompts, replies, calls and results, also those before a compaction.

An index of words is kept in a file beside the sessions, and brought up to date when somebody searches. The words are
in it, the texts are not: an excerpt comes from the session itself. Where the file cannot be used (damaged, locked,
read-only, or an SQLite without FTS5) the sessions are read from beginning to end, which takes longer.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from antiphon.errors import SessionError
from antiphon.sessions.listing.cache import Cache
from antiphon.sessions.listing.files import Look
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.records import Record
from antiphon.sessions.searching.matching import Excerpt, Query, spaced
from antiphon.sessions.searching.texts import KINDS, Role, Text, texts_of
from antiphon.sessions.storage.database import Database
from antiphon.sessions.storage.encoding import decode_record
from antiphon.sessions.storage.log import FILE

_VERSION = 1
# What a word is, `spaced` says; the tokenizer only sees the spaces. Without `columnsize` there is no rank: the newest
# session comes first, not the one that says a word most often.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS read (
    session TEXT PRIMARY KEY,
    file INTEGER NOT NULL,
    stamp TEXT NOT NULL,
    last INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS texts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    number INTEGER NOT NULL,
    part INTEGER NOT NULL,
    role TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5(
    text, content = '', columnsize = 0, tokenize = 'ascii'
);
"""
_AT_ONCE = 25
"""Sessions that are taken into the index in one transaction."""
_FIRST: Sequence[Role] = ("name", "prompt", "reply", "summary", "note", "call", "result")
"""Whose texts are shown before others."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A text in which everything that was looked for stands.

    Attributes:
        entry: number of its record.
        at: when it was said, in seconds since 1970.
        role: whose it is.
        excerpt: the place of it that shows what was found.
    """

    entry: int
    at: float
    role: Role
    excerpt: Excerpt


@dataclass(frozen=True, slots=True)
class Found:
    """A session with texts that match.

    Attributes:
        summary: of the session.
        count: how many of its texts match.
        hits: some of them, in order: what was said rather than what tools gave.
    """

    summary: Summary
    count: int
    hits: tuple[Hit, ...]


_Place = tuple[int, int, Role]
"""number of a record, which of its texts, whose that is"""


class Search:
    """Full text search in the sessions of a directory."""

    def __init__(self, directory: Path) -> None:
        """Search here; the index is made by the first search."""
        self._directory = directory
        self._cache = Cache(directory / "search.db", _SCHEMA, _VERSION)

    def search(
        self,
        query: Query,
        summaries: Sequence[Summary],
        *,
        sessions: int,
        hits: int,
        now: float,
        shown: Callable[[str], str] = str,
    ) -> list[Found]:
        """Return the sessions in which something matches, in the order given.

        Args:
            query: what is looked for.
            summaries: in which sessions.
            sessions: most sessions to return.
            hits: most texts to show of each.
            now: seconds since 1970.
            shown: makes of a text what may be shown, before an excerpt is cut out of it.
        """
        places = self._indexed(query, summaries, now)
        found: list[Found] = []
        for summary in summaries:
            if len(found) == sessions:
                break
            matching = self._scanned(query, summary.id) if places is None else places.get(summary.id, [])
            first = sorted(sorted(matching, key=lambda place: _FIRST.index(place[2]))[:hits])
            if first:
                found.append(Found(summary, len(matching), tuple(self._hits(query, summary.id, first, shown))))
        return found

    def forget(self) -> None:
        """Remove the index: it holds words of a session that is deleted."""
        self._cache.throw_away()

    def _indexed(self, query: Query, summaries: Sequence[Summary], now: float) -> dict[str, list[_Place]] | None:
        """Return which texts match, by session; None where the index cannot be used."""
        stamps = self._cache.attempt(_stamps, {})
        if any(not (self._directory / session / FILE).exists() for session in stamps):
            self.forget()
            stamps = {}
        changed: list[tuple[str, Look]] = []
        for summary in summaries:
            look = Look.at(str(self._directory / summary.id), now)
            if look is not None and (not look.stamp or stamps.get(summary.id) != look.stamp):
                changed.append((summary.id, look))
        if changed and not self._cache.attempt(lambda file: self._bring_up_to_date(file, changed), False, make=True):
            return None

        def read(connection: sqlite3.Connection) -> dict[str, list[_Place]]:
            places: dict[str, list[_Place]] = {}
            for session, number, part, role in connection.execute(
                "SELECT session, number, part, role FROM words JOIN texts ON texts.id = words.rowid WHERE words MATCH ?"
                " ORDER BY texts.id",
                (query.fts,),
            ):
                places.setdefault(session, []).append((number, part, role))
            return places

        return self._cache.attempt(read, None)

    def _bring_up_to_date(self, connection: sqlite3.Connection, changed: Sequence[tuple[str, Look]]) -> bool:
        """Take what is new in sessions into the index, some at a time, so that nobody who wants to do so waits long."""
        for start in range(0, len(changed), _AT_ONCE):
            # Nobody else may read the same records now, and have them in the index twice.
            connection.execute("BEGIN IMMEDIATE")
            for session_id, look in changed[start : start + _AT_ONCE]:
                self._take(connection, session_id, look)
            connection.commit()
        return True

    def _take(self, connection: sqlite3.Connection, session_id: str, look: Look) -> None:
        """Take what is new in a session into the index."""
        row = connection.execute("SELECT file, last FROM read WHERE session = ?", (session_id,)).fetchone()
        last = row[1] if row is not None and row[0] == look.file else 0
        if row is not None and not last:
            connection.execute("DELETE FROM texts WHERE session = ?", (session_id,))
        stamp = look.stamp
        try:
            for number, _, record_texts in self._texts(session_id, last):
                for part, text in enumerate(record_texts):
                    added = connection.execute(
                        "INSERT INTO texts (session, number, part, role) VALUES (?, ?, ?, ?)",
                        (session_id, number, part, text.role),
                    )
                    connection.execute(
                        "INSERT INTO words (rowid, text) VALUES (?, ?)", (added.lastrowid, spaced(text.text))
                    )
                last = number
        except SessionError:
            stamp = ""  # What can be read of it is found; it may be mended.
        connection.execute("INSERT OR REPLACE INTO read VALUES (?, ?, ?, ?)", (session_id, look.file, stamp, last))

    def _scanned(self, query: Query, session_id: str) -> list[_Place]:
        """Return which texts of a session match, by reading it."""
        places: list[_Place] = []
        try:
            for number, _, record_texts in self._texts(session_id):
                for part, text in enumerate(record_texts):
                    if query.matches(text.text):
                        places.append((number, part, text.role))
        except SessionError:
            pass  # What can be read of it is found.
        return places

    def _hits(
        self, query: Query, session_id: str, places: Sequence[_Place], shown: Callable[[str], str]
    ) -> Iterator[Hit]:
        for number, part, role in places:
            try:
                _, at, record_texts = next(self._texts(session_id, number - 1))
                yield Hit(number, at, role, query.excerpt(shown(record_texts[part].text)))
            except (SessionError, StopIteration, IndexError):
                continue  # It was there a moment ago.

    def _texts(self, session_id: str, after: int = 0) -> Iterator[tuple[int, float, list[Text]]]:
        """Yield the records behind a number that say something: their number, when, and what."""
        with closing(Database.read(self._directory / session_id / FILE)) as database:
            for number, at, kind, body in database.rows(after):
                record = _decoded(kind, body) if kind in KINDS else None
                if record is not None:
                    yield number, at, texts_of(record)


def _decoded(kind: str, body: str | bytes) -> Record | None:
    try:
        return decode_record(kind, body)
    except SessionError:
        return None  # A damaged record costs no more than itself.


def _stamps(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT session, stamp FROM read").fetchall())

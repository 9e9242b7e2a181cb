"""The file of the index: what was worked out from sessions, to be used again.

Knows SQLite. Every method works, or does as if nothing were kept: a cache never makes anything fail. A damaged file, or
one of another version, is thrown away and made anew; one that is locked or cannot be written is left alone.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from antiphon.sessions.summary import Digest, Summary

NAME = "index.db"
VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    stamp TEXT NOT NULL,
    summary TEXT NOT NULL,
    digest TEXT NOT NULL
) STRICT;
"""
_WAITS = 2.0
"""Seconds for another process to finish what it writes."""
_NOBODYS_FAULT = (
    "SQLITE_AUTH",
    "SQLITE_BUSY",
    "SQLITE_CANTOPEN",
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_LOCKED",
    "SQLITE_NOMEM",
    "SQLITE_PERM",
    "SQLITE_READONLY",
)
"""Errors that say nothing against the file."""

Kept = tuple[str, str, Summary, Digest]
"""id, stamp of the files, and what was worked out from them"""
_T = TypeVar("_T")


class Cache:
    """Summaries and digests by the id of their session."""

    def __init__(self, directory: Path) -> None:
        """Use the cache in a directory of sessions; it is made when there is something to keep."""
        self.path = directory / NAME

    def summaries(self) -> dict[str, tuple[str, Summary]]:
        """Return the stamps and summaries that are kept, by id."""

        def read(connection: sqlite3.Connection) -> dict[str, tuple[str, Summary]]:
            decode = msgspec.json.Decoder(Summary).decode
            rows = connection.execute("SELECT id, stamp, summary FROM sessions")
            return {session_id: (stamp, decode(summary)) for session_id, stamp, summary in rows}

        return self.attempt(read, {})

    def digests(self, session_ids: Sequence[str]) -> dict[str, Digest]:
        """Return the digests that are kept of these sessions, by id."""

        def read(connection: sqlite3.Connection) -> dict[str, Digest]:
            found: dict[str, Digest] = {}
            for session_id in session_ids:
                row = connection.execute("SELECT digest FROM sessions WHERE id = ?", (session_id,)).fetchone()
                if row is not None:
                    found[session_id] = msgspec.json.decode(row[0], type=Digest)
            return found

        return self.attempt(read, {})

    def keep(self, kept: Iterable[Kept]) -> None:
        """Keep what was worked out."""
        rows = [
            (session_id, stamp, msgspec.json.encode(summary).decode(), msgspec.json.encode(digest).decode())
            for session_id, stamp, summary, digest in kept
        ]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?)", rows)

        self.attempt(write, None, make=True)

    def forget(self, session_ids: Iterable[str]) -> None:
        """Drop what is kept of sessions that are gone."""

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM sessions WHERE id = ?", [(session_id,) for session_id in session_ids])

        self.attempt(write, None)

    def attempt(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T, *, make: bool = False) -> _T:
        """Return what this work on the file comes to, in one transaction, or something else where it cannot be done.

        Args:
            work: what to do.
            otherwise: what to return where there is no file, or none that can be used now.
            make: make the file where there is none.
        """
        if not (make or self.path.exists()):
            return otherwise
        try:
            with closing(self._connection()) as connection, connection:
                return work(connection)
        except sqlite3.Error as problem:
            if not problem.sqlite_errorname.startswith(_NOBODYS_FAULT):
                self._throw_away()
        except OSError:
            pass
        except ValueError:  # What is kept is not what this version keeps.
            self._throw_away()
        return otherwise

    def _connection(self) -> sqlite3.Connection:
        # As private as the sessions are.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self.path, timeout=_WAITS)
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != VERSION:
                if version:
                    connection.close()
                    self._throw_away()
                    return self._connection()
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            connection.execute("PRAGMA synchronous = OFF")
        except BaseException:
            connection.close()
            raise
        return connection

    def _throw_away(self) -> None:
        for ending in ("", "-wal", "-shm"):
            with suppress(OSError):
                Path(f"{self.path}{ending}").unlink()

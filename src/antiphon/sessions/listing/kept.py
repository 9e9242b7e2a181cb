"""The file of the list: summaries and digests by the id of their session."""

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

import msgspec

from antiphon.sessions.listing.cache import Cache
from antiphon.sessions.listing.summary import Digest, Summary
from antiphon.sessions.replay import Prompt
from antiphon.sessions.tokens import Tokens

_VERSION = 1
"""Another one when the same fields mean something else. What fields there are is part of the file's version, too."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    stamp TEXT NOT NULL,
    summary TEXT NOT NULL,
    digest TEXT NOT NULL
) STRICT;
"""

Kept = tuple[str, str, Summary, Digest]
"""id, stamp of the files, and what was worked out from them"""


def _version() -> int:
    names = ",".join(field.name for kept in (Summary, Digest, Tokens, Prompt) for field in fields(kept))
    return zlib.crc32(f"{_VERSION}:{names}".encode()) & 0x7FFFFFFF or 1


class KeptSummaries:
    """What was worked out for the list. Every method works, or does as if nothing were kept."""

    def __init__(self, directory: Path) -> None:
        """Use the file in a directory of sessions."""
        self._cache = Cache(directory / "index.db", _SCHEMA, _version())

    def summaries(self) -> dict[str, tuple[str, Summary]]:
        """Return the stamps and summaries that are kept, by id."""

        def read(connection: sqlite3.Connection) -> dict[str, tuple[str, Summary]]:
            decode = msgspec.json.Decoder(Summary).decode
            rows = connection.execute("SELECT id, stamp, summary FROM sessions")
            return {session_id: (stamp, decode(summary)) for session_id, stamp, summary in rows}

        return self._cache.attempt(read, {})

    def digests(self, session_ids: Sequence[str]) -> dict[str, Digest]:
        """Return the digests that are kept of these sessions, by id."""

        def read(connection: sqlite3.Connection) -> dict[str, Digest]:
            found: dict[str, Digest] = {}
            for session_id in session_ids:
                row = connection.execute("SELECT digest FROM sessions WHERE id = ?", (session_id,)).fetchone()
                if row is not None:
                    found[session_id] = msgspec.json.decode(row[0], type=Digest)
            return found

        return self._cache.attempt(read, {})

    def keep(self, kept: Iterable[Kept]) -> None:
        """Keep what was worked out."""
        rows = [
            (session_id, stamp, msgspec.json.encode(summary).decode(), msgspec.json.encode(digest).decode())
            for session_id, stamp, summary, digest in kept
        ]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?, ?)", rows)

        self._cache.attempt(write, None, make=True)

    def forget(self, session_ids: Iterable[str]) -> None:
        """Drop what is kept of sessions that are gone."""

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM sessions WHERE id = ?", [(session_id,) for session_id in session_ids])

        self._cache.attempt(write, None)

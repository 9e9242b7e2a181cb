"""A file in which is kept what was worked out from sessions, to be used again.

Knows SQLite, and not what is kept. Every method works, or does as if nothing were kept: a cache never makes anything
fail. A damaged file, or one of another version, is thrown away and made anew; one that is locked or cannot be written
is left alone.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

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

_T = TypeVar("_T")


class Cache:
    """A file of things worked out."""

    def __init__(self, path: Path, schema: str, version: int) -> None:
        """Use this file; it is made when there is something to keep.

        Args:
            path: of the file.
            schema: SQL that makes its tables.
            version: another one when what is kept is not what was kept before.
        """
        self.path = path
        self._schema = schema
        self._version = version

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
                self.throw_away()
        except OSError:
            pass
        except ValueError:  # What is kept is not what this version keeps.
            self.throw_away()
        return otherwise

    def _connection(self) -> sqlite3.Connection:
        # As private as the sessions are.
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(self.path, timeout=_WAITS)
        try:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version != self._version:
                if version:
                    connection.close()
                    self.throw_away()
                    return self._connection()
                connection.execute("PRAGMA journal_mode = WAL")
                connection.executescript(
                    f"BEGIN IMMEDIATE; {self._schema} PRAGMA user_version = {self._version}; COMMIT;"
                )
            connection.execute("PRAGMA synchronous = OFF")
            # What was deleted is not to be found in free pages.
            connection.execute("PRAGMA secure_delete = ON")
        except BaseException:
            connection.close()
            raise
        return connection

    def throw_away(self) -> None:
        """Remove the file; who has it open keeps what is there now."""
        # The database last: a new one, which another process may make at once, keeps what belongs to it.
        for ending in ("-wal", "-shm", ""):
            with suppress(OSError):
                Path(f"{self.path}{ending}").unlink()

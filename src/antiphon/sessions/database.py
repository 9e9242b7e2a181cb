"""The file of a session: an SQLite database with one table, to whose end rows are added.

Knows SQLite: schema, versions, durability, and what its errors mean to a person. Does not know what is in a record.

What survives is named by `Durability`. In both modes a record is in the file before `append` returns, and a killed
process loses nothing of it; the write-ahead log lets others read while one writes.
"""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, Self

from antiphon.errors import SessionError

Durability = Literal["process", "power"]
"""What a record that was appended survives. `process`: that the process is killed at any moment; after a power cut the
last seconds may be missing, and the rest is whole. `power`: a power cut too, for one fsync per record."""

VERSION = 1
APPLICATION_ID = 0x416E7470  # "Antp"
_SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}
_SCHEMA = """
CREATE TABLE records (
    number INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TRIGGER records_are_kept BEFORE DELETE ON records BEGIN SELECT RAISE(ABORT, 'records are never deleted'); END;
CREATE TRIGGER records_stay BEFORE UPDATE ON records BEGIN SELECT RAISE(ABORT, 'records are never changed'); END;
"""
_MARKS = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
_MIGRATIONS: dict[int, str] = {}
"""What turns the schema of a version into that of the next one."""

Row = tuple[int, float, str, str]
"""number, at, kind, body"""


class Database:
    """One session's file."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        """Wrap a connection; see `create`, `write` and `read`."""
        self.path = path
        self._connection = connection

    @classmethod
    def create(cls, path: Path, durability: Durability) -> Self:
        """Create the file; only its owner may read it.

        Raises:
            SessionError: there is one, or it cannot be written.
        """
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600))
            connection = _connect(path, "rw")
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
                connection.executescript(f"BEGIN; {_MARKS} {_SCHEMA} COMMIT;")
                if durability == "power":
                    _sync_directory(path.parent)
            except BaseException:
                connection.close()
                raise
        except (OSError, sqlite3.Error) as problem:
            raise SessionError(f"the session cannot be written to {path}: {explained(problem)}.") from problem
        return cls(path, connection)

    @classmethod
    def write(cls, path: Path, durability: Durability) -> Self:
        """Open an existing file to add to it; an older schema is brought up to date.

        Raises:
            SessionError: it is damaged, of a newer Antiphon, or cannot be written.
        """
        connection = _open(path, "rw")
        try:
            connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
            _migrate(connection)
        except sqlite3.Error as problem:
            connection.close()
            raise SessionError(f"{path} cannot be opened for writing: {explained(problem)}.") from problem
        return cls(path, connection)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open an existing file to look at it, also while another process writes.

        Raises:
            SessionError: it is damaged, of a newer Antiphon, or not a session.
        """
        return cls(path, _open(path, "ro"))

    def append(self, rows: list[Row]) -> None:
        """Add rows, all or none.

        Raises:
            sqlite3.Error: they could not be written; nothing was added.
        """
        with self._connection:
            self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)

    def rows(self, after: int = 0) -> Iterator[Row]:
        """Yield the rows behind this number, in order.

        Raises:
            SessionError: a page is damaged.
        """
        try:
            yield from self._connection.execute("SELECT * FROM records WHERE number > ? ORDER BY number", (after,))
        except sqlite3.Error as problem:
            raise SessionError(f"{self.path} is damaged: {explained(problem)}.") from problem

    def close(self) -> None:
        """Close the file. What was appended is there, closed or not."""
        self._connection.close()


def explained(problem: Exception) -> str:
    """Return what an error of SQLite or the system means, in words."""
    if isinstance(problem, OSError):
        return os.strerror(problem.errno) if problem.errno is not None else str(problem)
    known = {"SQLITE_FULL": os.strerror(errno.ENOSPC), "SQLITE_READONLY": os.strerror(errno.EROFS)}
    name = getattr(problem, "sqlite_errorname", "")
    return next((text for start, text in known.items() if name.startswith(start)), str(problem))


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # One thread at a time uses it, and not always the same: a surface may have its event loop in a thread of its own.
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=5.0, check_same_thread=False)


def _open(path: Path, mode: str) -> sqlite3.Connection:
    try:
        connection = _connect(path, mode)
    except sqlite3.Error as problem:
        raise SessionError(f"{path} cannot be opened: {explained(problem)}.") from problem
    try:
        with closing(connection.execute("PRAGMA application_id")) as cursor:
            (application,) = cursor.fetchone()
        with closing(connection.execute("PRAGMA user_version")) as cursor:
            (version,) = cursor.fetchone()
    except sqlite3.Error as problem:
        connection.close()
        raise SessionError(f"{path} is damaged: {explained(problem)}.") from problem
    if application != APPLICATION_ID or version > VERSION:
        connection.close()
        if application != APPLICATION_ID:
            raise SessionError(f"{path} is not a session of Antiphon.")
        raise SessionError(f"{path} was written by a newer Antiphon (schema {version}, this one knows {VERSION}).")
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema up to date, step by step, each step whole or not at all."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for step in range(version, VERSION):
        connection.executescript(f"BEGIN; {_MIGRATIONS[step]} PRAGMA user_version = {step + 1}; COMMIT;")


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""The file of a session: an SQLite database with one table, to whose end rows are added.

Knows SQLite: durability, how a file is opened, what its errors mean to a person, and when not to trust what it says.
Does not know what is in a record.

What survives is named by `Durability`. In both modes a record is in the file before `append` returns, and a killed
process loses nothing of it; the write-ahead log lets others read while one writes.
"""

import errno
import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Literal, Self

from antiphon.errors import SessionError
from antiphon.sessions.storage import pages
from antiphon.sessions.storage.pages import Row, checksum
from antiphon.sessions.storage.schema import VERSION, is_blank, lay_out, migrate, version_of

__all__ = ["Damaged", "Database", "Durability", "NeverBegun", "Row", "explained", "sync_directory", "wal_of"]

Durability = Literal["process", "power"]
"""What a record that was appended survives. `process`: that the process is killed at any moment; after a power cut the
last seconds may be missing, and the rest is whole. `power`: a power cut too, for one fsync per record."""

_SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}
_PATIENCE = 1.0
"""Seconds to wait for another program that has the file locked. Nobody of ours ever locks a writer out."""
_NOT_DAMAGE = tuple(
    f"SQLITE_{name}"
    for name in ("BUSY", "CANTOPEN", "FULL", "INTERRUPT", "IOERR", "LOCKED", "NOLFS", "NOMEM", "PERM", "PROTOCOL",
                 "READONLY")
)  # fmt: skip
"""Errors that say nothing about the file's content, but for those of `_DAMAGE`."""
_DAMAGE = "SQLITE_IOERR_READ", "SQLITE_IOERR_SHORT_READ", "SQLITE_IOERR_CORRUPTFS"
_ERRORS = sqlite3.Error, UnicodeDecodeError
"""The second is what Python makes of an error whose text quotes a damaged file."""
_CANNOT_SHARE = "SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_IOERR_SHM"
"""What SQLite says where it cannot keep its own files beside the database, which it needs even to read it."""


class Damaged(SessionError):
    """A session's file is not as it was written. What can be read of it can be salvaged.

    Attributes:
        what: is wrong with it.
    """

    def __init__(self, path: Path, what: str) -> None:
        """Say what is wrong with which file."""
        super().__init__(f"{path} is damaged: {what}.")
        self.what = what


class NeverBegun(SessionError):
    """There is a file, and nothing in it: the process that made it ended before anything was recorded."""

    def __init__(self, path: Path) -> None:
        """Say which file."""
        super().__init__(
            f"nothing is in {path}: the process that made it ended before it recorded anything. It can be deleted."
        )


class Database:
    """One session's file."""

    def __init__(self, path: Path, connection: sqlite3.Connection, *, copied: bool = False) -> None:
        """Wrap a connection to a file, or to a copy of it in memory; see `create`, `write` and `read`."""
        self.path = path
        self._connection = connection
        self._copied = copied

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
                _make_durable(connection, durability)
                lay_out(connection)
                if durability == "power":
                    sync_directory(path.parent)
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
            Damaged: it is not as it was written, or no session.
            NeverBegun: nothing is in it.
            SessionError: it is of a newer Antiphon, or cannot be written.
        """
        return cls(path, _open_for_writing(path, durability))

    @classmethod
    def read(cls, path: Path) -> Self:
        """Open an existing file to look at it, also while another process writes, and where nothing can be written.

        Raises:
            Damaged: it is not as it was written, or no session.
            SessionError: it is of a newer Antiphon, or cannot be read.
        """
        try:
            connection, version = _open(path, "ro")
        except NeverBegun:
            return cls(path, _copy_of([]), copied=True)
        except SessionError as problem:
            if not getattr(problem.__cause__, "sqlite_errorname", "").startswith(_CANNOT_SHARE):
                raise
            return cls(path, _copy_of(_committed(path)), copied=True)
        if version == VERSION:
            return cls(path, connection)
        try:
            return cls(path, _migrated(connection), copied=True)
        except _ERRORS as problem:
            raise _error(path, problem, "read") from problem
        finally:
            connection.close()

    def append(self, rows: list[Row]) -> None:
        """Add rows, all or none.

        Raises:
            sqlite3.Error: they could not be written; nothing was added.
        """
        values = [
            (number, at, checksum(number, at, kind.encode(), body), kind, body) for number, at, kind, body in rows
        ]
        insert = "INSERT INTO records VALUES (?, ?, ?, ?, CAST(? AS TEXT))"
        if len(values) == 1:
            self._connection.execute(insert, values[0])
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._connection.executemany(insert, values)
            self._connection.execute("COMMIT")
        except BaseException:
            # Some errors have rolled back already.
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def rows(self, after: int = 0) -> Iterator[Row]:
        """Yield the rows behind this number, in order, each as it was written.

        Raises:
            Damaged: the next row is missing, is not as it was written, or cannot be read.
        """
        wanted = after + 1
        select = "SELECT number, at, checksum, kind, body FROM records WHERE number > ? ORDER BY number"
        try:
            with closing(self._connection.execute(select, (after,))) as cursor:
                for number, at, check, kind, body in cursor:
                    if number != wanted:
                        raise Damaged(self.path, "records are missing")
                    if not _is_as_written(number, at, check, kind, body):
                        raise Damaged(self.path, f"record {number} is not as it was written")
                    wanted += 1
                    yield number, at, kind.decode(), body
        except _ERRORS as problem:
            raise _error(self.path, problem, "read") from problem

    def overlooked(self) -> tuple[int, int] | None:
        """Return how far the write-ahead log reaches and how far SQLite believes it, if that is less; else None.

        It stops without a word where a log is damaged. While somebody writes it may be so for a moment, too.

        Raises:
            SessionError: it cannot be read.
        """
        if self._copied:
            return None
        try:
            reach = pages.reach(_log_of(self.path))
            if not reach:
                return None
            with closing(self._connection.execute("SELECT max(number) FROM records")) as cursor:
                cursor.fetchone()
            # How many frames are valid stands in the index that all connections share, native like all of it.
            index = self.path.with_name(f"{self.path.name}-shm").read_bytes()
        except FileNotFoundError:
            return None
        except (OSError, *_ERRORS) as problem:
            raise _error(self.path, problem, "read") from problem
        believed = int.from_bytes(index[16:20], sys.byteorder)
        return (reach, believed) if reach > believed else None

    def close(self) -> None:
        """Close the file. What was appended is there, closed or not."""
        self._connection.close()


def _is_as_written(number: int, at: object, check: object, kind: object, body: object) -> bool:
    """Whether a row's values have its checksum; of a damaged page SQLite may return values of any type."""
    if isinstance(at, float) and isinstance(kind, bytes) and isinstance(body, bytes):
        return check == checksum(number, at, kind, body)
    return False


def wal_of(path: Path) -> Path:
    """Return where SQLite keeps what was written last."""
    return path.with_name(f"{path.name}-wal")


def explained(problem: Exception) -> str:
    """Return what an error of SQLite or the system means, in words."""
    if isinstance(problem, OSError):
        return os.strerror(problem.errno) if problem.errno is not None else str(problem)
    if isinstance(problem, UnicodeDecodeError):
        return "what SQLite says of it is no text"
    name = getattr(problem, "sqlite_errorname", "")
    return next((text for start, text in _MEANINGS.items() if name.startswith(start)), str(problem))


_MEANINGS = {
    "SQLITE_FULL": os.strerror(errno.ENOSPC),
    "SQLITE_IOERR_SHMSIZE": os.strerror(errno.ENOSPC),
    "SQLITE_READONLY": "it is read-only",
    "SQLITE_IOERR_SHM": "the file system lacks what a log that several processes share needs; a local disk has it",
    "SQLITE_PROTOCOL": "the file system lacks the locks that a log needs; a local disk has them",
}


def sync_directory(path: Path) -> None:
    """Make names in a directory survive a power cut.

    Raises:
        OSError: it cannot be opened, or the disk refuses.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # One thread at a time uses it, and not always the same: a surface may have its event loop in a thread of its own.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=_PATIENCE,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.text_factory = bytes  # a damaged text is no text; the checksum says so
    return connection


def _make_durable(connection: sqlite3.Connection, durability: Durability) -> None:
    connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
    if durability == "power":
        # Without it macOS tells the disk nothing; elsewhere it means nothing.
        connection.execute("PRAGMA fullfsync = ON")


def _open_for_writing(path: Path, durability: Durability) -> sqlite3.Connection:
    connection, _ = _open(path, "rw")
    try:
        _make_durable(connection, durability)
        migrate(connection)
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except _ERRORS as problem:
        connection.close()
        raise _error(path, problem, "opened for writing") from problem
    if verdict != b"ok":
        connection.close()
        raise Damaged(path, "its parts do not fit together")
    return connection


def _open(path: Path, mode: str) -> tuple[sqlite3.Connection, int]:
    """Connect to a file that is a session's; return the version of its schema too."""
    _look_at(path)
    try:
        connection = _connect(path, mode)
    except _ERRORS as problem:
        raise _error(path, problem, "opened") from problem
    try:
        version = version_of(connection)
        blank = version < 0 and is_blank(connection)
    except _ERRORS as problem:
        connection.close()
        raise _error(path, problem, "opened") from problem
    if 0 <= version <= VERSION:
        return connection, version
    connection.close()
    if version > VERSION:
        raise SessionError(
            f"{path} was written by a newer Antiphon (schema {version}, this one knows {VERSION}). Update Antiphon to "
            "go on with it."
        )
    raise NeverBegun(path) if blank and not _committed(path) else Damaged(path, _STRANGE)


_STRANGE = "it does not begin like a session of Antiphon"


def _look_at(path: Path) -> None:
    """Look at a file before SQLite does, which would take what it does not know for nothing, and delete its log.

    Raises:
        Damaged: it, or its log, does not begin as it should.
        NeverBegun: there are no bytes in it.
        SessionError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            beginning = file.read(pages.PAGE)
        wal = _log_of(path)
    except OSError as problem:
        raise SessionError(f"{path} cannot be read: {explained(problem)}.") from problem
    if not beginning and not pages.has_frames(wal):
        raise NeverBegun(path)
    if not pages.begins_well(beginning, wal):
        raise Damaged(path, _STRANGE)


def _log_of(path: Path) -> bytes:
    """Return what is in the write-ahead log, which who closes a session takes away at any moment."""
    try:
        return wal_of(path).read_bytes()
    except FileNotFoundError:
        return b""


def _copy_of(rows: list[Row]) -> sqlite3.Connection:
    """Return a session in memory that has these rows."""
    connection = _in_memory()
    lay_out(connection)
    Database(Path(), connection).append(rows)
    return connection


def _migrated(source: sqlite3.Connection) -> sqlite3.Connection:
    """Return a copy in memory that has the schema of today: who only reads changes nothing."""
    connection = _in_memory()
    try:
        source.backup(connection)
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _in_memory() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.text_factory = bytes
    return connection


def _committed(path: Path) -> list[Row]:
    """Return the rows of a file without SQLite, which needs to write beside it even to read it."""
    try:
        database, wal = path.read_bytes(), _log_of(path)
    except OSError as problem:
        raise SessionError(f"{path} cannot be read: {explained(problem)}.") from problem
    return [row for _, row in sorted(pages.find_rows(database, pages.complete(wal)).items())]


def _error(path: Path, problem: Exception, wish: str) -> SessionError:
    name = getattr(problem, "sqlite_errorname", "")
    if isinstance(problem, OSError) or (name.startswith(_NOT_DAMAGE) and not name.startswith(_DAMAGE)):
        return SessionError(f"{path} cannot be {wish}: {explained(problem)}.")
    return Damaged(path, explained(problem))

"""The log of one session that is open for writing: what happened is in the file before its effect begins.

One writer at a time: a lock that dies with its process is held while the log is open.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

from antiphon.errors import SessionError
from antiphon.sessions.database import Database, Durability, Row, explained
from antiphon.sessions.encoding import decode_record, encode_record
from antiphon.sessions.records import Entry, Record

__all__ = ["Durability", "Lock", "SessionLog", "read_entries"]

FILE = "session.db"
LOCK = "lock"


class Lock:
    """The right to write to a session. Freed by `release`, or by the death of the process, whichever comes first."""

    def __init__(self, directory: Path) -> None:
        """Take it.

        Raises:
            SessionError: another process has it, or the directory cannot be written.
        """
        path = directory / LOCK
        try:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise SessionError(f"the session in {directory} cannot be written: {problem.strerror}.") from problem
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip()
            os.close(self._descriptor)
            by = f" (process {holder})" if holder.isdigit() else ""
            raise SessionError(
                f"session {directory.name[:8]} is open in another Antiphon{by}. Leave that one first, or go on in a "
                "copy with --fork."
            ) from None
        except OSError as problem:
            os.close(self._descriptor)
            raise SessionError(f"the session in {directory} cannot be locked: {problem.strerror}.") from problem
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            pass  # Only who holds it would not be told.

    def release(self) -> None:
        """Let others write."""
        os.close(self._descriptor)


class SessionLog:
    """A session's log, open for writing.

    Attributes:
        directory: where the session is kept.
        problem: why records are kept in memory only at the moment; empty while all is written.
    """

    def __init__(self, directory: Path, database: Database, lock: Lock, last: int, clock: Callable[[], float]) -> None:
        """Wrap an open file; see `create` and `open`."""
        self.directory = directory
        self.problem = ""
        self._database = database
        self._lock = lock
        self._last = last
        self._clock = clock
        self._unwritten: list[Row] = []

    @classmethod
    def create(
        cls, directory: Path, *, durability: Durability = "process", clock: Callable[[], float] = time.time
    ) -> Self:
        """Create the log of a new session in a directory of its own.

        Raises:
            SessionError: there is something already, or it cannot be written.
        """
        try:
            directory.mkdir(mode=0o700, parents=True)
        except OSError as problem:
            raise SessionError(f"the session cannot be kept in {directory}: {problem.strerror}.") from problem
        lock = Lock(directory)
        try:
            return cls(directory, Database.create(directory / FILE, durability), lock, 0, clock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(
        cls, directory: Path, *, durability: Durability = "process", clock: Callable[[], float] = time.time
    ) -> tuple[Self, list[Entry]]:
        """Open an existing log, and return it with all that is in it.

        Raises:
            SessionError: there is none, another process writes to it, or it cannot be read.
        """
        if not (directory / FILE).exists():
            raise SessionError(f"there is no session in {directory}.")
        lock = Lock(directory)
        try:
            database = Database.write(directory / FILE, durability)
            try:
                entries = list(_decoded(database))
            except BaseException:
                database.close()
                raise
        except BaseException:
            lock.release()
            raise
        return cls(directory, database, lock, entries[-1].number if entries else 0, clock), entries

    def append(self, record: Record, *, at: float | None = None) -> int:
        """Add a record, of now or of another time, and return its number. It is in the file when this returns.

        Never raises for a file that cannot be written: the record is kept in memory, `problem` says why, and the next
        append tries again with all of them. Who is about to do something that must not happen unrecorded calls
        `require_written` first.
        """
        self._last += 1
        kind, body = encode_record(record)
        self._unwritten.append((self._last, self._clock() if at is None else at, kind, body))
        self._write()
        return self._last

    def require_written(self) -> None:
        """Make sure that everything that was appended is in the file.

        Raises:
            SessionError: it is not, and cannot be; nothing is lost while this process lives.
        """
        if self._unwritten:
            self._write()
        if self._unwritten:
            raise SessionError(
                f"the session cannot be written to {self.directory}: {self.problem}. Nothing is lost while Antiphon "
                "runs: make room or mend it, and go on."
            )

    def entries(self) -> list[Entry]:
        """Return all that is in the file.

        Raises:
            SessionError: it cannot be read.
        """
        return list(_decoded(self._database))

    def close(self) -> None:
        """Write what is left, close the file and let others write."""
        if self._unwritten:
            self._write()
        self._database.close()
        self._lock.release()

    def _write(self) -> None:
        try:
            self._database.append(self._unwritten)
        except sqlite3.Error as problem:
            self.problem = explained(problem)
        else:
            self._unwritten.clear()
            self.problem = ""


def read_entries(directory: Path, after: int = 0) -> list[Entry]:
    """Return what is in a session's log behind a number, also while another process writes it.

    Raises:
        SessionError: there is none, or it cannot be read.
    """
    if not (directory / FILE).exists():
        raise SessionError(f"there is no session in {directory}.")
    database = Database.read(directory / FILE)
    try:
        return list(_decoded(database, after))
    finally:
        database.close()


def _decoded(database: Database, after: int = 0) -> Iterator[Entry]:
    for number, at, kind, body in database.rows(after):
        record = decode_record(kind, body)
        if record is not None:
            yield Entry(number, at, record)

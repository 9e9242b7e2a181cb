"""The log of one session that is open for writing: what happened is in the file before its effect begins.

One writer at a time: a lock that dies with its process is held while the log is open.
"""

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Self

from antiphon.errors import SessionError
from antiphon.sessions.records import Entry, Record
from antiphon.sessions.storage.database import Damaged, Database, Durability, Row, explained, sync_directory
from antiphon.sessions.storage.encoding import encode_record
from antiphon.sessions.storage.lock import LOCK, Lock
from antiphon.sessions.storage.reading import decoded, open_sound, read_entries
from antiphon.sessions.storage.salvage import FILE, file_of, finish, mend

__all__ = ["FILE", "LOCK", "Durability", "Lock", "SessionLog", "read_entries"]


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
        missing = [parent for parent in directory.parents if not parent.exists()]
        try:
            directory.mkdir(mode=0o700, parents=True)
            if durability == "power":
                for made in directory, *missing:
                    sync_directory(made.parent)
        except OSError as problem:
            raise SessionError(f"the session cannot be kept in {directory}: {problem.strerror}.") from problem
        try:
            lock = Lock(directory)
            try:
                return cls(directory, Database.create(directory / FILE, durability), lock, 0, clock)
            except BaseException:
                lock.release()
                raise
        except SessionError:
            shutil.rmtree(directory, ignore_errors=True)  # it is ours, and nothing is in it
            raise

    @classmethod
    def open(
        cls, directory: Path, *, durability: Durability = "process", clock: Callable[[], float] = time.time
    ) -> tuple[Self, list[Entry]]:
        """Open an existing log, and return it with the entries that its state comes from.

        These are all but the engine's events of turns that are over, which are most of a log; `entries` has all.
        A damaged file is mended: what can be read goes into a new one, with a `Mended` record at its end.

        Raises:
            SessionError: there is none, nothing is in it, another process writes to it, or it cannot be read.
        """
        if not file_of(directory).exists():
            raise SessionError(f"there is no session in {directory}.")
        lock = Lock(directory)
        try:
            try:
                finish(directory)
            except OSError as problem:
                raise SessionError(f"the session in {directory} cannot be written: {problem.strerror}.") from problem
            try:
                database, last, entries = open_sound(directory / FILE, durability)
            except Damaged as problem:
                mend(directory, problem.what)
                database, last, entries = open_sound(directory / FILE, durability)
        except BaseException:
            lock.release()
            raise
        return cls(directory, database, lock, last, clock), entries

    def append(self, record: Record, *, at: float | None = None) -> int:
        """Add a record, of now or of another time, and return its number. It is in the file when this returns.

        Never raises for a file that cannot be written: the record is kept in memory, `problem` says why, and the next
        append tries again with all of them. Who is about to do something that must not happen unrecorded calls
        `require_written` first.

        Raises:
            ValueError: the record holds what JSON cannot hold; nothing was appended.
        """
        self._add(record, self._clock() if at is None else at)
        self._write()
        return self._last

    def take_over(self, entries: Iterable[Entry]) -> None:
        """Add the records of another log, as of their own times, all at once; otherwise as `append`."""
        for entry in entries:
            self._add(entry.record, entry.at)
        self._write()

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
        return decoded(self._database.rows(), self._database.path)

    def close(self) -> None:
        """Write what is left, close the file and let others write. `problem` says if something could not be written."""
        try:
            if self._unwritten:
                self._write()
            self._database.close()
        finally:
            self._lock.release()

    def _add(self, record: Record, at: float) -> None:
        kind, body = encode_record(record)
        self._last += 1
        self._unwritten.append((self._last, at, kind, body))

    def _write(self) -> None:
        try:
            self._database.append(self._unwritten)
        except (sqlite3.Error, OverflowError) as problem:
            self.problem = explained(problem)
        else:
            self._unwritten.clear()
            self.problem = ""

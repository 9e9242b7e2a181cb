"""A session whose file was damaged: what can still be read of it, and a sound file made of that.

The damaged file stays beside the new one. A process that dies while it mends leaves either the damaged session as it
was, or a new file that is complete, which the next one puts in its place.
"""

import errno
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from antiphon.errors import SessionError
from antiphon.sessions.records import Begun, Mended, Record
from antiphon.sessions.storage.database import Database, Row, explained, sync_directory, wal_of
from antiphon.sessions.storage.encoding import decode_record, encode_record
from antiphon.sessions.storage.pages import PAGE, find_rows

FILE = "session.db"
LOST = "lost"
"""The kind of a row that stands where a record was lost. It is no record, and passed over like all unknown kinds."""


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What could be read.

    Attributes:
        rows: in order, numbered without gaps; each as it was written, or in the place of one that is lost.
        found: what was wrong and what was lost, as sentences.
    """

    rows: list[Row]
    found: tuple[str, ...]

    def told(self, kept: str) -> Row:
        """Return the row that tells of it, which comes behind the others."""
        return _row(self.rows[-1][0] + 1, time.time(), Mended(self.found, kept))


def file_of(directory: Path) -> Path:
    """Return where a session's records are: usually in its file, else in the one that is about to take its place."""
    return _complete(directory) or directory / FILE


def salvage(path: Path, what: str) -> Salvaged:
    """Read all that can be read of a session's file.

    Args:
        path: the file.
        what: is wrong with it, as `Damaged` says.

    Raises:
        SessionError: nothing can be read.
    """
    database, unreadable = _bytes(path)
    wal, more = _bytes(wal_of(path))
    rows = [row for _, row in sorted(find_rows(database, wal).items()) if _is_a_record(row)]
    if not rows:
        raise SessionError(
            f"nothing that is a record of a session can be read in {path}: {what}. It was left as it is. If you have a "
            f"copy of {path.parent}, put it there; else delete the session."
        )
    found = [f"The file of this session was damaged: {what}."]
    if unreadable + more:
        found.append(f"The disk does not give back {unreadable + more:,} bytes of it.")
    found += _losses(rows)
    if not isinstance(decode_record(rows[0][2], rows[0][3]), Begun):
        found.append("The first record is lost, and with it where the session worked.")
        rows = [_row(1, rows[0][1], Begun(path.parent.name, "")), *(row for row in rows if row[0] != 1)]
    return Salvaged(_without_gaps(rows), tuple(found))


def mend(directory: Path, what: str) -> None:
    """Make a sound file of what can be read of a session, and keep the damaged one beside it. Needs its lock.

    Raises:
        SessionError: nothing can be read, or nothing can be written; all is as it was.
    """
    path = directory / FILE
    salvaged = salvage(path, what)
    number = 1 + max((_number(file) for file in directory.glob("damaged-*.db")), default=0)
    making = directory / f"making-{number}.db"
    try:
        _remove(making, wal_of(making), _index_of(making))
        _write(making, [*salvaged.rows, salvaged.told(str(directory / f"damaged-{number}.db"))])
        sync_directory(directory)
        making.rename(directory / f"mended-{number}.db")
        finish(directory)
    except (OSError, sqlite3.Error, SessionError) as problem:
        with suppress(OSError):
            _remove(making, wal_of(making), _index_of(making))
        raise SessionError(
            f"{path} is damaged ({what}), and cannot be mended: {explained(problem)}. "
            f"{len(salvaged.rows):,} of its records can be read; make room for a second copy and open it again."
        ) from problem


def finish(directory: Path) -> None:
    """Put a mended file in its place, where a process was ended while it did. Needs the session's lock.

    Raises:
        OSError: the directory cannot be written.
    """
    mended = _complete(directory)
    if mended is None:
        return
    path, kept = directory / FILE, directory / f"damaged-{_number(mended)}.db"
    if path.exists() and not kept.exists():
        _link(path, kept)
    if wal_of(path).exists():
        wal_of(path).rename(wal_of(kept))
    _remove(_index_of(path))
    mended.replace(path)
    sync_directory(directory)


def _write(path: Path, rows: list[Row]) -> None:
    database = Database.create(path, "power")
    try:
        database.append(rows)
    finally:
        database.close()
    if wal_of(path).exists():
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # closing is what empties it, and does not tell


def _complete(directory: Path) -> Path | None:
    return next(iter(sorted(directory.glob("mended-*.db"))), None)


def _number(file: Path) -> int:
    digits = file.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _index_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-shm")


def _remove(*files: Path) -> None:
    for file in files:
        file.unlink(missing_ok=True)


def _link(path: Path, kept: Path) -> None:
    """Give a file a second name; where the file system has no such thing, its new name only."""
    try:
        os.link(path, kept)
    except OSError:
        path.rename(kept)


def _bytes(path: Path) -> tuple[bytes, int]:
    """Return a file's bytes, with zeros for those that the disk does not give back, and how many these are.

    Raises:
        SessionError: there is something, and it cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return b"", 0
    except OSError as problem:
        raise SessionError(f"{path} cannot be read: {explained(problem)}.") from problem
    try:
        size = os.fstat(descriptor).st_size
        try:
            whole = os.pread(descriptor, size, 0)
        except OSError:
            whole = b""
        if len(whole) == size:
            return whole, 0
        parts = list(_parts(descriptor, size))
    finally:
        os.close(descriptor)
    return b"".join(part for part, _ in parts), sum(lost for _, lost in parts)


def _parts(descriptor: int, size: int) -> Iterator[tuple[bytes, int]]:
    for start in range(0, size, PAGE):
        wanted = min(PAGE, size - start)
        try:
            part = os.pread(descriptor, wanted, start)
        except OSError:
            part = b""
        yield part.ljust(wanted, b"\0"), wanted - len(part)


def _is_a_record(row: Row) -> bool:
    try:
        decode_record(row[2], row[3])
    except SessionError:
        return False
    return True


def _losses(rows: Iterable[Row]) -> list[str]:
    """Say which records are missing."""
    last = 0
    missing: list[str] = []
    for number, *_ in rows:
        if number > last + 1:
            missing.append(f"{last + 1}" if number == last + 2 else f"{last + 1} to {number - 1}")
        last = number
    kept = f"What could be read reaches to record {last}; if there were later ones, they are lost."
    if not missing:
        return [kept]
    listed = " and ".join(filter(None, (", ".join(missing[:-1]), missing[-1])))
    lost = f"Record {listed} is lost." if listed.isdecimal() else f"Records {listed} are lost."
    return [lost, kept]


def _without_gaps(rows: Iterable[Row]) -> list[Row]:
    """Return rows with one in each place where one is missing, so that the next loss is told from this one."""
    filled: list[Row] = []
    for row in rows:
        filled += [(number, row[1], LOST, b"{}") for number in range(len(filled) + 1, row[0])]
        filled.append(row)
    return filled


def _row(number: int, at: float, record: Record) -> Row:
    kind, body = encode_record(record)
    return number, at, kind, body

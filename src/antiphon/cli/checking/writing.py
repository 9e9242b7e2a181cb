"""Writes a repaired file: all of it or nothing, with the old one kept beside it, and never over somebody's work.

Knows files, not what is in them.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from antiphon.errors import AntiphonError

BACKUP = "antiphon-backup"
QUIET_SECONDS = 10
"""A session that was written to more recently than this may be going on."""
_STALE_LOCK_SECONDS = 31
"""Roo Code and its heirs renew the lock on a file that they write, and think it abandoned after this long."""
_WAL_HEADER = 32
"""Bytes of an SQLite write-ahead log that holds no changes."""


class NotWritten(AntiphonError):
    """A file was not written, and is as it was; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file as it was when it was read.

    Attributes:
        path: the file itself, where a name was a symbolic link to it.
        state: device, inode, time of the last change in nanoseconds, and size.
        digest: of its content.
    """

    path: Path
    state: tuple[int, int, int, int]
    digest: bytes


def read_file(path: Path) -> tuple[bytes, Snapshot]:
    """Return what a file holds, and what is needed to see later whether it still does.

    Raises:
        OSError: it cannot be read.
    """
    real = Path(os.path.realpath(path))
    with real.open("rb") as file:
        # The state from before reading: what is written meanwhile makes a difference.
        state = _state(os.fstat(file.fileno()))
        data = file.read()
    return data, Snapshot(real, state, digest(data))


def in_use(path: Path, *, session: bool) -> str:
    """Return why a file seems to be in use, or an empty text.

    Args:
        path: the file itself.
        session: it is the session of a program, which may go on, and not a request that somebody keeps.
    """
    lock = _seconds_since(path.with_name(f"{path.name}.lock"))
    if lock is not None and lock < _STALE_LOCK_SECONDS:
        return f"its program holds the lock {path.name}.lock"
    if has_log(path):
        return f"{path.name}-wal holds changes that are not in it yet, so its program is running or was cut off"
    written = _seconds_since(path)
    if session and written is not None and written < QUIET_SECONDS:
        return f"it was written {max(0, round(written))} s ago, so its session may be going on"
    return ""


def has_log(path: Path) -> bool:
    """Say whether there are changes to a database that are not in its file yet."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size > _WAL_HEADER
    except OSError:
        return False


def write_file(snapshot: Snapshot, new: bytes, *, backup: bool = True) -> Path | None:
    """Put new content in place of what a file holds, and return where that is kept.

    Whoever opens the file sees all of the old or all of the new; mode and owner stay. The backup is complete and on
    disk before the file is touched, and no file is overwritten by it.

    Raises:
        NotWritten: the file changed since it was read, or something of it failed. It is as it was, and nothing new
            lies beside it.
    """
    try:
        found = snapshot.path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise NotWritten("it is not a regular file, so it was not written")
        with _beside(snapshot.path, new, found) as temporary:
            kept = _keep(snapshot.path, _unchanged(snapshot), found) if backup else None
            try:
                _unchanged(snapshot)
                temporary.replace(snapshot.path)
            finally:
                if kept is not None and temporary.exists():  # the file was not replaced
                    kept.unlink(missing_ok=True)
    except OSError as problem:
        raise NotWritten(f"it could not be written ({problem.strerror}) and is as it was") from problem
    _settle(snapshot.path.parent)
    return kept


def _state(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def digest(data: bytes) -> bytes:
    """Return what tells contents apart."""
    return hashlib.blake2b(data, digest_size=16).digest()


def _unchanged(snapshot: Snapshot) -> bytes:
    """Return what a file holds; raise `NotWritten` if that is not what was read, or another file has its name."""
    data, now = read_file(snapshot.path)
    if now != snapshot:
        raise NotWritten("it has changed since it was read, so it was not written; end its program and try again")
    return data


@contextlib.contextmanager
def _beside(path: Path, data: bytes, like: os.stat_result) -> Generator[Path]:
    """Write data to a temporary file beside another, with its mode and owner; gone at the end unless renamed."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".antiphon", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _fill(file.fileno(), data, like)
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _keep(path: Path, data: bytes, like: os.stat_result) -> Path:
    """Write the backup under the first name that is free."""
    number = 1
    while True:
        kept = path.with_name(f"{path.name}.{BACKUP}{'' if number == 1 else f'-{number}'}")
        try:
            descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            number += 1
            continue
        try:
            with os.fdopen(descriptor, "wb") as file:
                _fill(file.fileno(), data, like)
            _settle(kept.parent)
        except BaseException:
            kept.unlink(missing_ok=True)
            raise
        return kept


def _fill(descriptor: int, data: bytes, like: os.stat_result) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(descriptor, like.st_uid, like.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(like.st_mode))
    os.fsync(descriptor)


def _settle(directory: Path) -> None:
    """Make a rename or a new name last, where the file system can promise that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _seconds_since(path: Path) -> float | None:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return None

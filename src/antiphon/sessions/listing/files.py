"""What a session's files tell without being read: whether they changed, and whether a process writes to them."""

import os
from dataclasses import dataclass

from antiphon.sessions.storage.lock import is_held
from antiphon.sessions.storage.log import FILE

_SETTLED = 2.0
"""Seconds after which the time of a file tells that it was written again; the coarsest file systems count in twos."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a session's files told.

    Attributes:
        file: number of the file with the records; another one after a damaged file was replaced.
        size: bytes of all records.
        stamp: changes when something is written; empty where it was written just now, and might be again unnoticed.
        written: when something was written to them last, in seconds since 1970.
        live: a process has the session open.
    """

    file: int
    size: int
    stamp: str
    written: float
    live: bool

    @classmethod
    def at(cls, directory: str, now: float) -> "Look | None":
        """Look at the session in a directory; None where there is none.

        Args:
            directory: of the session.
            now: seconds since 1970.
        """
        path = f"{directory}/{FILE}"
        try:
            found = os.stat(path)  # noqa: PTH116  (a list looks at thousands; Path is most of the time that takes)
        except OSError:
            return None
        wal = _stat(f"{path}-wal")
        # Who only reads makes an empty one.
        wal_time, wal_size = (wal.st_mtime_ns, wal.st_size) if wal is not None and wal.st_size else (0, 0)
        written = max(found.st_mtime_ns, wal_time) / 1e9
        return cls(
            found.st_ino,
            found.st_size + wal_size,
            f"{found.st_ino}:{found.st_mtime_ns}:{found.st_size}:{wal_time}:{wal_size}"
            if written < now - _SETTLED
            else "",
            written,
            # Who closes a session, or is the first to read one that is closed, leaves none or an empty one behind;
            # a writer has one, empty before its first record.
            wal is not None and is_held(directory),
        )


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116  (as above)
    except OSError:
        return None

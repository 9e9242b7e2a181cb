"""The right to write to a session: one process has it, and it dies with its process."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path

from antiphon.errors import SessionError

LOCK = "lock"
_TRIES, _PAUSE = 5, 0.005
"""Somebody who looks whether a session is locked has the lock for a moment."""


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
            self._take(_TRIES)
        except BlockingIOError:
            holder = os.read(self._descriptor, 32).decode(errors="replace").strip()
            os.close(self._descriptor)
            raise SessionError(_refusal(directory, holder)) from None
        except OSError as problem:
            os.close(self._descriptor)
            raise SessionError(f"the session in {directory} cannot be locked: {problem.strerror}.") from problem
        with suppress(OSError):  # only who holds it would not be told
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let others write."""
        os.close(self._descriptor)

    def _take(self, tries: int) -> None:
        for left in range(tries - 1, -1, -1):
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not left:
                    raise
                time.sleep(_PAUSE)
            else:
                return


def is_held(directory: Path | str) -> bool:
    """Whether a process has the session in this directory open for writing, as far as can be seen."""
    try:
        descriptor = os.open(f"{directory}/{LOCK}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Shared, so that two who ask do not take each other for a writer. It is let go at once.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    else:
        return False
    finally:
        os.close(descriptor)


def _refusal(directory: Path, holder: str) -> str:
    if holder == str(os.getpid()):
        return f"session {directory.name[:8]} is open in this process already. Close it first, or go on in a copy."
    by = f" (process {holder})" if holder.isdigit() else ""
    return (
        f"session {directory.name[:8]} is open in another Antiphon{by}. Leave that one first, or go on in a copy with "
        "--fork."
    )

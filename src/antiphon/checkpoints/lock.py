"""One at a time: whoever changes a shadow repository holds its lock, and so do the programs it started.

The lock is the kernel's (`flock`), so that it ends with the last process that holds it. A git that outlives us
because we were killed still holds it; so a lock file of git's own that is found by the next holder belongs to nobody.
"""

import fcntl
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from antiphon.errors import CheckpointError

_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.1
"""Seconds between two looks at a lock that somebody else holds."""


@asynccontextmanager
async def holding(path: Path, *, wait: float) -> AsyncGenerator[int]:
    """Hold the lock of this file, and yield its descriptor, for programs to inherit.

    Args:
        path: the lock file; made when missing, in a directory that only the user may enter.
        wait: seconds to wait while somebody else holds it.

    Raises:
        CheckpointError: somebody else held it all the time.
        OSError: the file cannot be made.
    """
    while True:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            await _acquire(descriptor, wait)
            if _is_there(path, descriptor):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _is_there(path: Path, descriptor: int) -> bool:
    """Tell whether this is still the lock: whoever held it may have deleted it along with all else."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


async def _acquire(descriptor: int, wait: float) -> None:
    pause = _FIRST_PAUSE
    give_up = anyio.current_time() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if anyio.current_time() >= give_up:
                raise CheckpointError(
                    f"The checkpoints of this workspace have been in use by another process for {wait:.0f} s. "
                    "Try again when it is done."
                ) from None
            await anyio.sleep(pause)
            pause = min(_LONGEST_PAUSE, pause * 2)
        else:
            return


def remove_stale_locks(repository: Path) -> None:
    """Remove git's lock files from a repository; only for who holds its lock.

    Raises:
        OSError: one cannot be removed.
    """
    places = (repository, repository / "refs" / "checkpoints", *(repository / "worktrees").glob("*"))
    for place in places:
        for lock in place.glob("*.lock"):
            lock.unlink(missing_ok=True)


def remove_half_written(repository: Path) -> None:
    """Remove what git left of objects that it could not write to their end; only for who holds the lock."""
    for pattern in ("pack/tmp_*", "pack/.tmp-*", "*/tmp_obj_*"):
        for left in (repository / "objects").glob(pattern):
            left.unlink(missing_ok=True)

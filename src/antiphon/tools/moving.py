"""Whether a path may have led elsewhere for a while.

Programs that open files by their paths, such as ripgrep, follow whatever is there at that moment: a directory that was
a link for a millisecond leads them out of the workspace. What cannot be prevented is noticed: the kernel notes when the
entries of a directory changed last, and nobody can set that time back.
"""

import os
import stat
from collections.abc import Iterable, Sequence

_TICK_NS = 20_000_000
"""The times of files may be behind the clock by a tick of the kernel's, which is 10 ms at most."""


def may_have_moved(root: str, paths: Sequence[str], since: int) -> list[str]:
    """Return those of some paths of which a part above may have been another file or a link at some time.

    Args:
        root: a directory that stays where it is.
        paths: absolute, below the root, without `..`.
        since: the moment, in nanoseconds as `time.time_ns` tells it.
    """
    above = {path: list(_directories(root, path)) for path in paths}
    # Those further down first: when one above changes meanwhile so that they look unchanged, it is seen at its turn.
    every = sorted({directory for some in above.values() for directory in some}, key=len, reverse=True)
    changed = {directory for directory in every if _changed(directory, since - _TICK_NS)}
    return [path for path, some in above.items() if not changed.isdisjoint(some)]


def _directories(root: str, path: str) -> Iterable[str]:
    while len(path) > len(root):
        path = os.path.dirname(path)  # noqa: PTH120  (text is many times as fast)
        yield path


def _changed(directory: str, since: int) -> bool:
    try:
        info = os.lstat(directory)
    except OSError:
        return True
    return not stat.S_ISDIR(info.st_mode) or info.st_ctime_ns >= since

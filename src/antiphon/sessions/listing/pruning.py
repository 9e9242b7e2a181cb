"""What can go: old sessions, and what is kept for workspaces and belongs to no session any more.

Says what; deletes nothing.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from antiphon.errors import SessionError
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.places import workspace_directory

_WORKSPACE = re.compile(r".+-[0-9a-f]{12}")
"""A name that `workspace_directory` gives."""
_FILE_NAME = re.compile(r"[A-Za-z0-9._-]+")
_SETTLED = 24 * 60 * 60.0
"""Seconds after which a file that no record names will not be named by one that is about to be written."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which sessions are to go.

    Attributes:
        before: those in which nothing happened since, in seconds since 1970.
        keep: never the newest so many of each workspace.
        empty: those in which nothing was said, too; alone: only those.
    """

    before: float | None = None
    keep: int | None = None
    empty: bool = False


def doomed(summaries: Sequence[Summary], wish: Wish) -> list[Summary]:
    """Return the sessions that are to go, in the order given, which is newest first.

    Never one that a process has open, nor one that is damaged: it may be mended.
    """
    seen: dict[str, int] = {}
    going: list[Summary] = []
    for summary in summaries:
        if summary.empty:
            goes = wish.empty
        else:
            seen[summary.workspace] = seen.get(summary.workspace, 0) + 1
            old = wish.before is None or summary.updated < wish.before
            many = wish.keep is None or seen[summary.workspace] > wish.keep
            goes = (wish.before is not None or wish.keep is not None) and old and many
        if goes and not summary.live and not summary.damaged:
            going.append(summary)
    return going


def leftovers(
    data: Path, staying: Sequence[Summary], texts: Callable[[str], Iterable[str]], *, now: float
) -> list[Path]:
    """Return what is kept for workspaces and belongs to none of the sessions that stay.

    That is the directory of a workspace without sessions, and over-long results that no record names.

    Args:
        data: the directory of all data.
        staying: summaries of all sessions that stay, empty ones included.
        texts: everything that a session's records say, by its id.
        now: seconds since 1970.

    Raises:
        SessionError: a session cannot be read.
    """
    if any(not summary.workspace and (summary.damaged or summary.live) for summary in staying):
        return []  # Nobody knows whose it is; one that is open has just begun.
    of_directory: dict[Path, list[Summary]] = {}
    for summary in staying:
        for path in {Path(summary.workspace), Path(os.path.realpath(summary.workspace))} if summary.workspace else ():
            of_directory.setdefault(workspace_directory(data, path), []).append(summary)
    found: list[Path] = []
    for directory in _directories(data / "workspaces"):
        its_sessions = of_directory.get(directory, [])
        if not its_sessions:
            found.append(directory)
        elif not any(summary.live or summary.damaged for summary in its_sessions):
            found += _unnamed(directory / "results", its_sessions, texts, now - _SETTLED)
    return found


def size_of(path: Path) -> int:
    """Return how many bytes a file or a directory takes."""
    try:
        if not path.is_dir() or path.is_symlink():
            return path.lstat().st_size
        return sum(file.lstat().st_size for file in path.rglob("*") if file.is_symlink() or not file.is_dir())
    except OSError:
        return 0  # It goes while we look.


def _unnamed(
    results: Path, summaries: Iterable[Summary], texts: Callable[[str], Iterable[str]], before: float
) -> list[Path]:
    files = [file for file in _entries(results) if file.is_file() and file.lstat().st_mtime < before]
    if not files:
        return []
    named = {name for summary in summaries for text in texts(summary.id) for name in _FILE_NAME.findall(text)}
    return [file for file in files if file.name not in named]


def _directories(workspaces: Path) -> list[Path]:
    return [
        path
        for path in _entries(workspaces)
        if _WORKSPACE.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    ]


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(directory.iterdir())
    except FileNotFoundError:
        return []
    except OSError as problem:
        raise SessionError(f"{directory} cannot be listed: {problem.strerror}.") from problem

"""Which files are below a directory, without those that are not meant: what git ignores, or what is commonly generated.

Where a repository is, git says. Elsewhere the directories are walked and those with well-known names of generated
things are passed over. Links are told and never followed. The order is that of the names, part by part.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from anyio import from_thread, to_thread

from antiphon.tools.file_tool import file_threads
from antiphon.tools.records import quiet_environment, read_records

PASSED_OVER = frozenset(
    {
        ".cache",
        ".git",
        ".hg",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".terraform",
        ".tox",
        ".venv",
        "__pycache__",
        "node_modules",
        "venv",
    }
)
"""Names of directories that are not entered where git does not say what to ignore."""
MOST = 200_000
"""Files found at most; more are not looked for."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file below a directory.

    Attributes:
        path: relative to the directory, parts joined by `/`; bytes that are no text as Python keeps them.
        link: it is a symbolic link.
    """

    path: str
    link: bool = False


Wanted = Callable[[str], bool]
"""Tells whether a path below the directory is wanted."""


async def files_below(directory: Path, wanted: Wanted) -> list[Found]:
    """Return the files below a directory that are wanted, in order.

    Raises:
        OSError: the directory cannot be read.
    """
    found = await _found_below(directory, "", wanted)
    return await to_thread.run_sync(_in_order, found, limiter=file_threads())


async def _found_below(top: Path, below: str, wanted: Wanted) -> list[Found]:
    """Return the files below `top/below`, their paths from the top, in any order."""
    named = await _named_by_git(top / below)
    if not named:
        # Also where git names nothing: somebody who asks for an ignored directory wants to see it.
        return await to_thread.run_sync(_walked, top, below, wanted, limiter=file_threads())
    found, nested = await to_thread.run_sync(_looked_at, top, below, named, wanted, limiter=file_threads())
    for name in nested:  # a repository in the repository, of which git tells no more than the name
        found += await _found_below(top, f"{name}/", wanted)
    return found


def _in_order(found: list[Found]) -> list[Found]:
    return sorted(found, key=lambda file: file.path.split("/"))[:MOST]


async def _named_by_git(directory: Path) -> list[str]:
    """Return the paths git knows or does not ignore; none where git cannot say."""
    git = shutil.which("git")
    if git is None or not any((above / ".git").exists() for above in (directory, *directory.parents)):
        return []
    names: dict[str, None] = {}

    def take(record: bytes) -> bool:
        if record:
            names[os.fsdecode(record)] = None
        return len(names) < MOST

    # A repository's own settings may name programs to run: not by us.
    argv = [git, "-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        ended = await read_records(argv, cwd=directory, take=take, separator=b"\0", env=quiet_environment())
    except OSError:
        return []
    return list(names) if ended.code == 0 or len(names) >= MOST else []


def _looked_at(top: Path, below: str, names: Iterable[str], wanted: Wanted) -> tuple[list[Found], list[str]]:
    """Return which of these names are files that are wanted, and which are repositories of their own."""
    found: list[Found] = []
    nested: list[str] = []
    for number, name in enumerate(names):
        if number % 1024 == 0:
            from_thread.check_cancelled()
        path = below + name.rstrip("/")
        is_file_name = not name.endswith("/")
        try:
            mode = os.lstat(f"{top}/{path}").st_mode
        except OSError:  # deleted, and git was not told
            continue
        if stat.S_ISDIR(mode):
            # In a submodule that was not fetched git names the directory itself, as `./`.
            if os.path.lexists(f"{top}/{path}/.git") and path.rstrip("./") != below.rstrip("/"):
                nested.append(path)
        elif is_file_name and (stat.S_ISREG(mode) or stat.S_ISLNK(mode)) and wanted(path):
            found.append(Found(path, link=stat.S_ISLNK(mode)))
    return found, nested


def _walked(top: Path, below: str, wanted: Wanted) -> list[Found]:
    found: list[Found] = []
    waiting = [below]
    while waiting and len(found) < MOST:
        from_thread.check_cancelled()
        at = waiting.pop()
        try:
            entries = sorted(_entries(f"{top}/{at}"), key=lambda entry: entry.name)
        except OSError:
            if at == below:
                raise
            continue  # a directory we may not read hides what is in it, not the rest
        waiting += [
            f"{at}{entry.name}/"
            for entry in reversed(entries)
            if entry.is_dir(follow_symlinks=False) and entry.name not in PASSED_OVER
        ]
        found += [
            Found(f"{at}{entry.name}", link=entry.is_symlink())
            for entry in entries
            if (entry.is_symlink() or entry.is_file(follow_symlinks=False)) and wanted(f"{at}{entry.name}")
        ]
    return found


def _entries(directory: str) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(directory) as entries:
        yield from entries

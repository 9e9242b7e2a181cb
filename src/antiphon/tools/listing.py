"""Which files are below a directory, without those that are not meant: what git ignores, or what is commonly generated.

Where a repository is, git says. Elsewhere the directories are walked and those with well-known names of generated
things are passed over. Links are told and never followed. The order is that of the names, part by part.
"""

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
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

    @property
    def key(self) -> list[str]:
        """What files are sorted by."""
        return self.path.split("/")


async def files_below(directory: Path) -> list[Found]:
    """Return the files below a directory, in order.

    Raises:
        OSError: the directory cannot be read.
    """
    named = await _named_by_git(directory)
    if named:
        found, nested = await to_thread.run_sync(_looked_at, directory, named, limiter=file_threads())
        for name in nested:  # a repository in the repository, of which git tells no more than the name
            inner = await files_below(directory / name)
            found += [Found(f"{name}/{file.path}", file.link) for file in inner]
    else:
        # Also where git names nothing: somebody who asks for an ignored directory wants to see it.
        found = await to_thread.run_sync(_walked, directory, limiter=file_threads())
    found.sort(key=lambda file: file.key)
    return found[:MOST]


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


def _looked_at(directory: Path, names: Iterable[str]) -> tuple[list[Found], list[str]]:
    """Return which of these are there, and which are directories."""
    found: list[Found] = []
    nested: list[str] = []
    top = str(directory)
    for number, name in enumerate(names):
        if number % 1024 == 0:
            from_thread.check_cancelled()
        try:
            mode = os.lstat(f"{top}/{name}").st_mode
        except OSError:  # deleted, and git was not told
            continue
        if stat.S_ISDIR(mode):
            nested.append(name.rstrip("/"))
        elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
            found.append(Found(name, link=stat.S_ISLNK(mode)))
    return found, nested


def _walked(directory: Path) -> list[Found]:
    found: list[Found] = []
    waiting = [""]
    while waiting and len(found) < MOST:
        from_thread.check_cancelled()
        below = waiting.pop()
        try:
            entries = sorted(_entries(f"{directory}/{below}"), key=lambda entry: entry.name)
        except OSError:
            if not below:
                raise
            continue  # a directory we may not read hides what is in it, not the rest
        waiting += [
            f"{below}{entry.name}/"
            for entry in reversed(entries)
            if entry.is_dir(follow_symlinks=False) and entry.name not in PASSED_OVER
        ]
        found += [
            Found(f"{below}{entry.name}", link=entry.is_symlink())
            for entry in entries
            if entry.is_symlink() or entry.is_file(follow_symlinks=False)
        ]
    return found


def _entries(directory: str) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(directory) as entries:
        yield from entries

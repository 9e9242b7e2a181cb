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

from antiphon.policy.ignoring import NOTHING_HIDDEN, Ignored
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


async def files_below(directory: Path, wanted: Wanted, ignored: Ignored = NOTHING_HIDDEN) -> list[Found]:
    """Return the files below a directory that are wanted, in order.

    Args:
        directory: where to look, resolved.
        wanted: tells which files.
        ignored: what the agent does not see; it is passed over.

    Raises:
        OSError: the directory cannot be read.
    """
    found = await _found_below(_Search(directory, wanted, ignored.glance()), "")
    return await to_thread.run_sync(_in_order, found, limiter=file_threads())


@dataclass(frozen=True, slots=True)
class _Search:
    """Where to look, and for what."""

    top: Path
    wanted: Wanted
    hides: Callable[[Path | str], bool]

    def at(self, path: str) -> str:
        """Return the whole path of one below the top."""
        return os.path.join(self.top, path)  # noqa: PTH118  (text is many times as fast)

    def wants(self, path: str) -> bool:
        """Tell whether a file is wanted and may be seen."""
        return self.wanted(path) and not self.hides(self.at(path))


async def _found_below(search: _Search, below: str) -> list[Found]:
    """Return the files below `top/below`, their paths from the top, in any order."""
    named = await _named_by_git(search.top / below)
    if not named:
        # Also where git names nothing: somebody who asks for an ignored directory wants to see it.
        return await to_thread.run_sync(_walked, search, below, limiter=file_threads())
    found, nested = await to_thread.run_sync(_looked_at, search, below, named, limiter=file_threads())
    for name in nested:  # a repository in the repository, of which git tells no more than the name
        found += await _found_below(search, f"{name}/")
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


def _looked_at(search: _Search, below: str, names: Iterable[str]) -> tuple[list[Found], list[str]]:
    """Return which of these names are files that are wanted, and which are repositories of their own."""
    found: list[Found] = []
    nested: list[str] = []
    directories: dict[str, bool] = {}
    for number, name in enumerate(names):
        if number % 1024 == 0:
            from_thread.check_cancelled()
        path = below + name.rstrip("/")
        is_file_name = not name.endswith("/")
        # git still names what was in a directory that has become a link, which may lead outside.
        above = os.path.dirname(search.at(path))  # noqa: PTH120  (text is many times as fast)
        if above not in directories:
            directories[above] = os.path.realpath(above) == os.path.normpath(above)
        if not directories[above]:
            continue
        try:
            mode = os.lstat(search.at(path)).st_mode
        except OSError:  # deleted, and git was not told
            continue
        if stat.S_ISDIR(mode):
            # In a submodule that was not fetched git names the directory itself, as `./`.
            is_repository = os.path.lexists(f"{search.at(path)}/.git") and path.rstrip("./") != below.rstrip("/")
            if is_repository and not search.hides(search.at(path)):
                nested.append(path)
        elif is_file_name and (stat.S_ISREG(mode) or stat.S_ISLNK(mode)) and search.wants(path):
            found.append(Found(path, link=stat.S_ISLNK(mode)))
    return found, nested


def _walked(search: _Search, below: str) -> list[Found]:
    found: list[Found] = []
    waiting = [below]
    while waiting and len(found) < MOST:
        from_thread.check_cancelled()
        at = waiting.pop()
        try:
            entries = sorted(_entries(search.at(at)), key=lambda entry: entry.name)
        except OSError:
            if at == below:
                raise
            continue  # a directory we may not read hides what is in it, not the rest
        waiting += [
            f"{at}{entry.name}/"
            for entry in reversed(entries)
            if entry.is_dir(follow_symlinks=False)
            and entry.name not in PASSED_OVER
            and not search.hides(search.at(at + entry.name))
        ]
        found += [
            Found(f"{at}{entry.name}", link=entry.is_symlink())
            for entry in entries
            if (entry.is_symlink() or entry.is_file(follow_symlinks=False)) and search.wants(f"{at}{entry.name}")
        ]
    return found


def _entries(directory: str) -> Iterator["os.DirEntry[str]"]:
    with os.scandir(directory) as entries:
        yield from entries

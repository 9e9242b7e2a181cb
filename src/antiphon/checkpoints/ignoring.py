"""Which files are nobody's work: what the user's own git ignores, and what tools make again.

The shadow repository reads `.gitignore` files below the workspace itself. What else the user's git goes by (files
above the workspace, `info/exclude`, `core.excludesFile`) is gathered here into one file for it. The user's repository
is only read.
"""

import fnmatch
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from antiphon.shell.reading_git import safe_git
from antiphon.tools.records import quiet_environment, read_records

MADE_AGAIN = """\
.DS_Store
.antiphon-*.tmp
.cache/
.direnv/
.eggs/
.gradle/
.hypothesis/
.mypy_cache/
.next/
.nox/
.nuxt/
.parcel-cache/
.pytest_cache/
.ruff_cache/
.svelte-kit/
.terraform/
.tox/
.turbo/
.venv/
.yarn/cache/
.zig-cache/
*.egg-info/
*.pyc
__pycache__/
bower_components/
node_modules/
"""
"""Ignored unless the user's git tracks it, or a `.gitignore` says otherwise (`!node_modules/`)."""
MADE_AGAIN_WITHOUT_GIT = """\
target/
venv/
"""
"""Ignored where no git says what is: elsewhere these may be names of somebody's work."""

_LARGEST = 1 << 20
"""Bytes read of a file of patterns."""


@dataclass(frozen=True, slots=True)
class UserRepository:
    """The user's own repository around a directory; only ever read.

    Attributes:
        top: the directory its files begin in.
        own: where it keeps its index.
        common: where it keeps what its worktrees share.
    """

    top: Path
    own: Path
    common: Path

    @classmethod
    def around(cls, directory: Path) -> "UserRepository | None":
        """Find the repository that a directory is in, as git does, but without asking whom it belongs to."""
        for top in (directory, *directory.parents):
            marker = top / ".git"
            own = marker
            if marker.is_file():
                first, _, rest = _text(marker).partition(":")
                own = top / rest.strip() if first == "gitdir" else marker
            if (own / "HEAD").is_file():
                shared = own / "commondir"
                return cls(top, own, own / _text(shared).strip() if shared.is_file() else own)
        return None

    def stamp(self) -> str:
        """Return what changes when files are tracked or no longer tracked."""
        try:
            info = (self.own / "index").stat()
        except OSError:
            return ""
        return f"{info.st_ino} {info.st_size} {info.st_mtime_ns}"

    def patterns(self, directory: Path) -> list[str]:
        """Return the patterns for a directory in it that are written down elsewhere; later ones are stronger."""
        parts = directory.relative_to(self.top).parts
        lines = list(inherited(_text(self.common / "info" / "exclude").splitlines(), parts))
        for depth in range(len(parts)):
            above = self.top.joinpath(*parts[:depth], ".gitignore")
            lines += inherited(_text(above).splitlines(), parts[depth:])
        return lines


def inherited(patterns: Iterable[str], parts: Sequence[str]) -> Iterator[str]:
    """Translate patterns for a directory into patterns for a directory below it, which `parts` lead to."""
    for line in patterns:
        pattern = line.rstrip()
        sign = "!" if pattern.startswith("!") else ""
        body = pattern.removeprefix("!")
        core = body.rstrip("/")
        tail = "/" if body != core else ""
        if not core or body.startswith("#"):
            continue
        if "/" not in core:
            yield pattern
            continue
        for rest in _below(core.removeprefix("/").split("/"), parts):
            yield f"{sign}/{'/'.join(rest)}{tail}"


def _below(pattern: Sequence[str], parts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield what is left of a pattern's parts in a directory that `parts` lead to; nothing left matches above it."""
    if not pattern:
        return
    if not parts:
        yield pattern
    elif pattern[0] == "**":
        yield from _below(pattern, parts[1:])
        yield from _below(pattern[1:], parts)
    elif fnmatch.fnmatchcase(parts[0], pattern[0]):
        yield from _below(pattern[1:], parts[1:])


def _text(path: Path) -> str:
    if not path.is_file():  # nobody may ever write into a named pipe
        return ""
    try:
        with path.open(encoding="utf-8", errors="surrogateescape") as file:
            return file.read(_LARGEST)
    except OSError:
        return ""


async def users_excludes(directory: Path) -> Path:
    """Return the file of patterns that the user's git configuration names for a directory; it may not exist."""
    lines: list[bytes] = []
    with suppress(OSError):
        await read_records(
            ["git", "config", "--type=path", "--get", "core.excludesFile"],
            cwd=directory,
            take=lambda line: lines.append(line) is None,
            env=quiet_environment(),
        )
    if lines:
        return Path(os.fsdecode(lines[0]))
    return _configuration() / "git" / "ignore"


def _configuration() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"))  # noqa: PTH111  (no home: no error)


async def is_ignored_itself(repository: UserRepository, directory: Path) -> bool:
    """Tell whether the user's repository ignores the whole directory, so that it says nothing about what is in it."""
    if directory == repository.top:
        return False
    with suppress(OSError):
        ended = await read_records(
            ["git", "check-ignore", "--quiet", str(directory)],
            cwd=repository.top,
            take=lambda _: True,
            env=safe_git(quiet_environment()),
        )
        return ended.code == 0
    return False


async def tracked_all_the_same(directory: Path, excludes: Path) -> list[str]:
    """Return the files of a directory that the user's git tracks although a pattern ignores them.

    Nothing when the user's git does not answer, as for a repository that it takes for somebody else's.
    """
    paths: list[str] = []
    with suppress(OSError):
        await read_records(
            ["git", "ls-files", "-z", "--cached", "--ignored", "--exclude-standard", f"--exclude-from={excludes}"],
            cwd=directory,
            take=lambda path: paths.append(os.fsdecode(path)) is None,
            separator=b"\0",
            env=safe_git(quiet_environment()),
        )
    return paths


def gathered(directory: Path, repository: UserRepository | None, users: Path) -> str:
    """Return the patterns for the files of a directory, as the text of a file; later ones are stronger."""
    lines: list[str] = [*MADE_AGAIN.splitlines()]
    if repository is None:
        lines += MADE_AGAIN_WITHOUT_GIT.splitlines()
    else:
        lines += inherited(_text(users).splitlines(), directory.relative_to(repository.top).parts)
        lines += repository.patterns(directory)
    return "".join(line + "\n" for line in lines)

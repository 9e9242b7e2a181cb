"""Making files what they were.

One rule keeps this safe: only what the checkpoint of the present holds is overwritten or deleted, and that is looked
at once more, by content, right before. So nothing can be lost that cannot be brought back. No link is followed.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio.to_thread

from antiphon.checkpoints.comparing import EXECUTABLE, SYMLINK, Difference, Entry
from antiphon.checkpoints.git import Git
from antiphon.checkpoints.model import Kept, State
from antiphon.checkpoints.small_files import write
from antiphon.tools.base import Workspace
from antiphon.tools.files import parent_of

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC

_TEMPORARY = ".antiphon-restore-"
"""How names of files begin that are being written."""


@dataclass(slots=True)
class Outcome:
    """What was done, and what was not."""

    written: list[str] = field(default_factory=list[str])
    deleted: list[str] = field(default_factory=list[str])
    kept: list[Kept] = field(default_factory=list[Kept])

    def refuse(self, path: str, error: OSError) -> None:
        """Note that the system did not let us touch a path."""
        self.kept.append(Kept(path, f"{error.strerror or error}"))


class Unlike(OSError):
    """What is there is not what is kept of the present."""


async def bring_back(
    git: Git, root: Path, found: Mapping[str, Difference], then: State, now: State, *, outcome: Outcome
) -> None:
    """Make files what they were `then`.

    Args:
        git: the shadow repository.
        root: the workspace.
        found: how they differ: what they were, and what they are.
        then: the state to bring back.
        now: the present one.
        outcome: what was done is noted here.

    Raises:
        CheckpointError: git fails; what was done until then is done.
    """
    workspace = Workspace(root)
    created = [path for path, difference in found.items() if difference.older is None]
    changed = {path: difference for path, difference in found.items() if difference.older is not None}
    ignored = await _ignored_then(git, created, found, then)
    deletable: list[tuple[str, Entry]] = []
    for path in created:
        why = next((f"it was {entry.reason} then" for entry in then.left_out if entry.covers(path)), None)
        if path in ignored:
            why = "it was ignored then"
        if why is not None:
            outcome.kept.append(Kept(path, f"{why}, so nobody knows whether it was there"))
        elif (entry := found[path].newer) is not None:
            deletable.append((path, entry))
    await anyio.to_thread.run_sync(_delete, workspace, deletable, outcome)
    outcome.kept += _new_repositories(root, created, then, now)
    await _write_back(git, workspace, changed, now, outcome)


def sweep(root: Path, found: Iterable[str]) -> None:
    """Remove what a restore of these paths was writing when its process died; only for who holds the lock."""
    for directory in {(root / path).parent for path in found}:
        if not directory.is_symlink():
            for left in directory.glob(f"{_TEMPORARY}*.tmp"):
                left.unlink(missing_ok=True)


async def _write_back(
    git: Git, workspace: Workspace, changed: Mapping[str, Difference], now: State, outcome: Outcome
) -> None:
    paths = list(changed)
    wanted = [entry for difference in changed.values() if (entry := difference.older) is not None]

    async def use(place: int, content: bytes | None) -> None:
        path, entry = paths[place], wanted[place]
        if content is None:
            outcome.kept.append(Kept(path, "its content is lost from the checkpoint"))
            return
        try:
            await anyio.to_thread.run_sync(_put, workspace, path, content, entry, changed[path].newer)
        except Unlike:
            outcome.kept.append(Kept(path, _why_unlike(path, changed[path], now)))
        except OSError as error:
            outcome.refuse(path, error)
        else:
            outcome.written.append(path)

    await git.each_blob([entry.id for entry in wanted], use)


def _why_unlike(path: str, difference: Difference, now: State) -> str:
    if difference.newer is not None:
        return "it was changed by somebody else meanwhile"
    reason = next((entry.reason for entry in now.left_out if entry.covers(path)), "ignored")
    return f"what is there now is {reason}, so it is not kept anywhere and is not overwritten"


def _delete(workspace: Workspace, paths: Sequence[tuple[str, Entry]], outcome: Outcome) -> None:
    """Delete files, and directories that are empty thereby."""
    emptied: set[str] = set()
    for path, entry in reversed(paths):
        try:
            with parent_of(workspace, workspace.root / path) as directory:
                name = path.rpartition("/")[2]
                _require(directory, name, entry)
                os.unlink(name, dir_fd=directory)
        except Unlike:
            outcome.kept.append(Kept(path, "it was changed by somebody else meanwhile"))
        except OSError as error:
            outcome.refuse(path, error)
        else:
            outcome.deleted.append(path)
            emptied.update(_above(path))
    outcome.deleted.reverse()
    for path in sorted(emptied, reverse=True):
        with suppress(OSError), parent_of(workspace, workspace.root / path) as directory:
            os.rmdir(path.rpartition("/")[2], dir_fd=directory)


def _above(path: str) -> Iterable[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _put(workspace: Workspace, path: str, content: bytes, entry: Entry, present: Entry | None) -> None:
    """Put a file in its place in one step.

    Raises:
        Unlike: what is there is not what is kept of the present.
        OSError: it cannot be written; then nothing has changed.
    """
    name = path.rpartition("/")[2]
    with parent_of(workspace, workspace.root / path, make=True) as directory:
        was = _require(directory, name, present)
        temporary = f"{_TEMPORARY}{os.urandom(8).hex()}.tmp"
        try:
            if entry.mode == SYMLINK:
                os.symlink(content, os.fsencode(temporary), dir_fd=directory)
            else:
                _write_new(directory, temporary, content, was, executable=entry.mode == EXECUTABLE)
            os.replace(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=directory)
            raise


def _write_new(directory: int, name: str, content: bytes, was: os.stat_result | None, *, executable: bool) -> None:
    """Write a new file; it takes over the owner and the mode of an old one, but for who may execute it."""
    old = was if was is not None and stat.S_ISREG(was.st_mode) else None
    mode = (0o777 if executable else 0o666) if old is None else 0o600
    with open(os.open(name, _NEW, mode, dir_fd=directory), "wb") as file:  # noqa: PTH123  (a descriptor)
        file.write(content)
        if old is not None:
            with suppress(PermissionError):
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            readers = old.st_mode & 0o444
            os.fchmod(file.fileno(), old.st_mode & 0o666 | (readers >> 2 if executable else 0))


def _require(directory: int, name: str, present: Entry | None) -> os.stat_result | None:
    """Return what is there, having made sure that it is what is kept of the present.

    Raises:
        Unlike: it is not.
        OSError: it cannot be read.
    """
    try:
        info = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None  # nothing that could be lost
    if stat.S_ISDIR(info.st_mode):
        os.rmdir(name, dir_fd=directory)  # fails unless it is empty
        return None
    if present is None or _content(directory, name, info) != present.id:
        raise Unlike(errno.EEXIST, "It is not what is kept")
    return info


def _content(directory: int, name: str, info: os.stat_result) -> str | None:
    """Return git's name for the content of a file or link; None for anything else."""
    if stat.S_ISLNK(info.st_mode):
        data = os.fsencode(os.readlink(name, dir_fd=directory))
    elif stat.S_ISREG(info.st_mode):
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with open(os.open(name, flags, dir_fd=directory), "rb") as file:  # noqa: PTH123  (a descriptor)
            data = file.read()
    else:
        return None
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _new_repositories(root: Path, created: Sequence[str], then: State, now: State) -> list[Kept]:
    """Tell of repositories that were made since: what git keeps in them is never touched."""
    return [
        Kept(f"{prefix}.git", "it is a repository of its own, which was not there then")
        for prefix in now.commits
        if prefix not in then.commits
        and any(path.startswith(prefix) for path in created)
        and os.path.lexists(root / prefix / ".git")
    ]


async def _ignored_then(git: Git, created: Sequence[str], found: Mapping[str, Difference], then: State) -> set[str]:
    """Return which of these files were ignored then, and so may have been there, by the `.gitignore` files of then.

    Those can have been only where a `.gitignore` was another.
    """
    others = [path for path in found if path.rpartition("/")[2] == ".gitignore"]
    if not others or not created:
        return set()
    ignored: set[str] = set()
    for prefix, commit in then.commits.items():
        nested = tuple(other for other in then.commits if other != prefix and other.startswith(prefix))
        mine = [
            path.removeprefix(prefix) for path in created if path.startswith(prefix) and not path.startswith(nested)
        ]
        if mine:
            ignored.update(prefix + path for path in await _matching(git, commit, mine))
    return ignored


async def _matching(git: Git, commit: str, paths: Sequence[str]) -> list[str]:
    """Return which paths the `.gitignore` files in a commit ignore."""
    listed = [record.split(b"\t", 1) for record in (await git.run("ls-tree", "-r", "-z", commit)).records()]
    rules = [(os.fsdecode(path), head.split(b" ")[2].decode()) for head, path in listed if _is_rules(head, path)]
    with TemporaryDirectory(dir=git.repository.parent) as name:

        async def use(place: int, content: bytes | None) -> None:
            await anyio.to_thread.run_sync(write, Path(name, rules[place][0]), content or b"")

        await git.each_blob([content for _, content in rules], use)
        answer = await replace(git, files=Path(name)).run(
            *("check-ignore", "--no-index", "--verbose", "-z", "--stdin"),
            given=b"".join(b"./%b\0" % os.fsencode(path) for path in paths),  # a name may begin with a colon
            accept=(0, 1),
        )
    fields = iter(answer.records())
    matches = zip(fields, fields, fields, fields, strict=True)  # source, line, pattern, path
    return [os.fsdecode(path.removeprefix(b"./")) for _, _, pattern, path in matches if not pattern.startswith(b"!")]


def _is_rules(head: bytes, path: bytes) -> bool:
    return path.rpartition(b"/")[2] == b".gitignore" and not head.startswith(SYMLINK.encode())

"""From the files of one repository in the workspace to a commit that holds them.

A workspace may hold repositories of its own (clones, submodules, worktrees). git would keep only the name of a commit
for them, so each is kept by itself, with an index of its own: a `Part`. All parts share one store of objects.
"""

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import anyio.to_thread

from antiphon.checkpoints.git import DiskFull, Git, GitFailed
from antiphon.checkpoints.ignoring import (
    UserRepository,
    gathered,
    is_ignored_itself,
    tracked_all_the_same,
    users_excludes,
)
from antiphon.checkpoints.model import LeftOut, Reason
from antiphon.checkpoints.small_files import read, write
from antiphon.errors import CheckpointError

_MANY = 500
"""From this number of files on, they go into one pack; one for each takes twice as long and three times the space."""
_PACKS = (2, 38)
_BATCH = 5000
"""Files that are added in one go: git compares each file that goes into a pack with all that went before."""
_MOST_ODD = 50
"""Files that cannot be added, after which something else must be wrong."""
_USERS_INDEX = "users-index"
_CLOSED = re.compile(r"could not open directory '(.*)'")


@dataclass(frozen=True, slots=True)
class Limits:
    """What is not kept.

    Attributes:
        largest: bytes of the largest file that is kept.
        most: bytes that one state may add.
    """

    largest: int
    most: int


@dataclass(frozen=True, slots=True)
class Held:
    """What one part holds.

    Attributes:
        commit: holds its files.
        left_out: what of it is not held; paths relative to the part.
        nested: the repositories inside of it, relative to it, each with a slash at its end.
    """

    commit: str
    left_out: list[LeftOut]
    nested: list[str]


@dataclass(slots=True)
class _Seen:
    """What was found out about the files, sorted by what is to be done."""

    add: list[str] = field(default_factory=list[str])
    remove: list[str] = field(default_factory=list[str])
    left_out: list[LeftOut] = field(default_factory=list[LeftOut])
    nested: list[str] = field(default_factory=list[str])
    staged: bool = False
    size: int = 0


class Part:
    """The files of one repository in the workspace, or of the workspace itself.

    Attributes:
        prefix: where it begins in the workspace: `""`, or a path with a slash at its end.
        files: the directory of its files.
        own: where its index is, in the way of git's worktrees.
    """

    def __init__(self, store: Path, root: Path, prefix: str, limits: Limits) -> None:
        """Name the part.

        Args:
            store: the directory of the shadow repository.
            root: the workspace.
            prefix: where the part begins in it: `""`, or a path with a slash at its end.
            limits: what is not kept.
        """
        key = "root" if not prefix else hashlib.sha256(os.fsencode(prefix)).hexdigest()[:32]
        self.prefix = prefix
        self.files = root / prefix
        self.own = store / "worktrees" / key
        self._excludes = store.parent / "excludes" / key
        self._limits = limits
        self._user: UserRepository | None = None
        self._users_excludes: Path | None = None

    def git(self, keep: tuple[int, ...] = ()) -> Git:
        """Return git for the files of this part."""
        return Git(self.own, self.files, keep)

    async def hold(self, keep: tuple[int, ...]) -> Held:
        """Bring the part's index up to date with its files; return a commit of it. Only for who holds the lock.

        Raises:
            CheckpointError: it cannot be done.
            OSError: the shadow repository cannot be written.
        """
        await self._prepare()
        git = self.git(keep)
        try:
            return await self._held(git)
        except DiskFull:
            raise
        except GitFailed:
            # A power cut may leave an index that cannot be read. It holds nothing that is not in the files.
            self._forget()
            return await self._held(git)

    async def _prepare(self) -> None:
        """Make the part's directory, the way `git worktree add` would, and its file of patterns."""
        if not (self.own / "HEAD").exists():
            self.own.mkdir(parents=True, exist_ok=True)
            write(self.own / "commondir", b"../..\n")
            write(self.own / "gitdir", os.fsencode(self.files / ".git") + b"\n")
            self._forget()
        if self._users_excludes is None:
            self._users_excludes = await users_excludes(self.files)
        user = UserRepository.around(self.files)
        if user != self._user:
            self._user = None if user is not None and await is_ignored_itself(user, self.files) else user
        write(self._excludes, os.fsencode(gathered(self.files, self._user, self._users_excludes)))

    def _forget(self) -> None:
        """Begin anew, as if nothing had ever been held."""
        for name in ("index", _USERS_INDEX):
            (self.own / name).unlink(missing_ok=True)
        write(self.own / "HEAD", b"ref: refs/heads/none\n")

    async def _held(self, git: Git) -> Held:
        seen = _Seen()
        await self._look(git, seen)
        stamp, *others = await self._look_at_tracked(seen)
        head = read(self.own / "HEAD").decode().strip()
        if seen.add or seen.remove or seen.staged or head.startswith("ref:"):
            await self._update(git, seen)
            tree = (await git.run("write-tree")).line()
            head = (await git.run("commit-tree", tree, given=b"files\n")).line()
            write(self.own / "HEAD", head.encode() + b"\n")
        left_out = sorted(set(seen.left_out))
        odd = {entry.path for entry in left_out}
        write(self.own / _USERS_INDEX, b"\0".join([stamp, *(path for path in others if os.fsdecode(path) in odd)]))
        return Held(head, left_out, seen.nested)

    async def _look(self, git: Git, seen: _Seen) -> None:
        """Ask git which files are not as they were, or new."""
        status = await git.run(
            *("status", "--porcelain=v1", "-z", "--no-renames", "--ignore-submodules=all"),
            settings=(f"core.excludesFile={self._excludes}",),
        )
        seen.left_out += [LeftOut(path, "unreadable") for path in _CLOSED.findall(status.errors)]
        untracked: list[str] = []
        changed: list[str] = []
        for record in status.records():
            path = os.fsdecode(record[3:])
            seen.staged |= record[:1] not in b" ?"
            match record[1:2]:
                case b"?" if path.endswith("/"):
                    seen.nested.append(path)
                case b"?":
                    untracked.append(path)
                case b"D":
                    seen.remove.append(path)
                case b" ":
                    pass
                case _:
                    changed.append(path)
        await anyio.to_thread.run_sync(self._sort, untracked, seen, False)
        await anyio.to_thread.run_sync(self._sort, changed, seen, True)

    async def _look_at_tracked(self, seen: _Seen) -> list[bytes]:
        """Look at files that the user's git tracks although they are ignored; return its stamp and these files.

        git takes what is in our index for tracked as well, so they are looked for only when the user's index has
        changed. Those that were left out then are looked at each time.
        """
        stamp = b"" if self._user is None else self._user.stamp().encode()
        before, *noted = read(self.own / _USERS_INDEX).split(b"\0")
        others = list(filter(None, noted))
        if stamp != before:
            tracked = await tracked_all_the_same(self.files, self._excludes)
            others = [os.fsencode(path) for path in tracked]
        if others:
            found = set(seen.add).union(entry.path for entry in seen.left_out)
            paths = [path for path in map(os.fsdecode, others) if path not in found]
            await anyio.to_thread.run_sync(self._sort, paths, seen, False)
        return [stamp, *others]

    def _sort(self, paths: Sequence[str], seen: _Seen, held: bool) -> None:  # noqa: FBT001  (called in a thread)
        """Look at each path, and decide what is to be done about it; `held` are those in the index."""
        for path in paths:
            verdict, size = self._judge(path)
            if verdict == "add":
                seen.add.append(path)
                seen.size += size
            elif verdict != "gone":
                seen.left_out.append(LeftOut(path, verdict))
            if verdict != "add" and held:
                seen.remove.append(path)
        if seen.size > self._limits.most:
            raise CheckpointError(
                f"{self.files} holds {seen.size / 1e9:.1f} GB in {len(seen.add):,} files that were not kept yet, and "
                f"at most {self._limits.most / 1e9:.1f} GB are. Say in a .gitignore file which need not be kept."
            )

    def _judge(self, path: str) -> tuple[Reason | Literal["add", "gone"], int]:
        full = os.path.join(self.files, path)  # noqa: PTH118  (fifty thousand of them)
        try:
            info = os.lstat(full)
        except (FileNotFoundError, NotADirectoryError):
            return "gone", 0
        except OSError:
            return "unreadable", 0
        if stat.S_ISLNK(info.st_mode):
            return "add", 0
        if not stat.S_ISREG(info.st_mode):
            return "not a file", 0
        if info.st_size > self._limits.largest:
            return "too large", 0
        return ("add", info.st_size) if os.access(full, os.R_OK) else ("unreadable", 0)

    async def _update(self, git: Git, seen: _Seen) -> None:
        if seen.remove:
            await _remove(git, seen.remove)
            seen.remove.clear()
        packs = len(seen.add) >= _MANY and await _can_pack(git)
        for start in range(0, len(seen.add), _BATCH):
            await self._add(git, seen.add[start : start + _BATCH], seen, packs=packs)
        if seen.remove:
            await _remove(git, seen.remove)

    async def _add(self, git: Git, paths: Sequence[str], seen: _Seen, *, packs: bool) -> None:
        """Put files into the index; those that cannot be read are found by halving, and left out."""
        try:
            await git.run(
                *("update-index", "-z", "--add", "--remove", "--replace", "--stdin"),
                given=_listed(paths),
                settings=("core.bigFileThreshold=1",) if packs and len(paths) >= _MANY else (),
            )
        except DiskFull:
            raise
        except GitFailed:
            if len(paths) == 1:
                seen.left_out.append(LeftOut(paths[0], "unreadable"))
                seen.remove.append(paths[0])
                if len(seen.remove) > _MOST_ODD:
                    raise
                return
            half = len(paths) // 2
            await self._add(git, paths[:half], seen, packs=packs)
            await self._add(git, paths[half:], seen, packs=packs)


async def _can_pack(git: Git) -> bool:
    """Tell whether this git makes one pack of all files that are added together; an older one makes one of each."""
    found = re.search(r"(\d+)\.(\d+)", (await git.run("version")).line())
    return found is not None and (int(found[1]), int(found[2])) >= _PACKS


async def _remove(git: Git, paths: Sequence[str]) -> None:
    await git.run("update-index", "--force-remove", "-z", "--stdin", given=_listed(paths))


def _listed(paths: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(path) + b"\0" for path in paths)

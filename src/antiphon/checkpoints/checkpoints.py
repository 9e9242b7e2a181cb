"""The checkpoints of one workspace: taking, comparing, bringing back, and keeping their number small.

Everything is in one private directory: a git repository, its lock, and what was going on when a process died.
"""

import json
import os
import shutil
from collections.abc import AsyncGenerator, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread

from antiphon.checkpoints.comparing import as_changes, differences, unified
from antiphon.checkpoints.git import DiskFull, Git
from antiphon.checkpoints.lock import holding, remove_half_written, remove_stale_locks
from antiphon.checkpoints.model import Change, Checkpoint, LeftOut, Pruned, Restored, State, Unfinished
from antiphon.checkpoints.restoring import Outcome, bring_back, sweep
from antiphon.checkpoints.scanning import Limits, Part
from antiphon.checkpoints.small_files import read, write
from antiphon.checkpoints.storing import decoded, encoded, is_made, make_repository, repository_in, size_of
from antiphon.checkpoints.suitable import unsuitable
from antiphon.errors import CheckpointError

DEFAULT_LARGEST = 16 << 20
"""Bytes of the largest file that is kept."""
DEFAULT_MOST = 4 << 30
"""Bytes of new files that one checkpoint takes at most."""
_MOST_REPOSITORIES = 100
_REFS = "refs/checkpoints/"


class Checkpoints:
    """The checkpoints of a workspace, in a directory that is used for nothing else.

    Methods may be called by several tasks and processes at once: those that change something wait for each other.
    All may be cancelled at any await and leave no process behind; a restore that has begun to write is carried
    through first.

    Attributes:
        root: the workspace, resolved.
        directory: where the checkpoints are; private to the user.
    """

    def __init__(
        self,
        root: Path | str,
        directory: Path | str,
        *,
        largest: int = DEFAULT_LARGEST,
        most: int = DEFAULT_MOST,
        wait: float = 60,
    ) -> None:
        """Use the checkpoints of a workspace; nothing is written before the first one is taken.

        Args:
            root: the workspace.
            directory: where its checkpoints are, outside of it; made when needed.
            largest: bytes of the largest file that is kept; larger ones are left out and told.
            most: bytes of new files that one checkpoint may take; a workspace with more is refused.
            wait: seconds to wait for another process that works on the same checkpoints.

        Raises:
            CheckpointError: this is no directory whose files should be kept (`unsuitable` says why).
        """
        self.root = Path(os.path.realpath(root))
        self.directory = Path(os.path.realpath(directory))
        reason = unsuitable(self.root)
        if reason is None and (self.directory.is_relative_to(self.root) or self.root.is_relative_to(self.directory)):
            reason = f"The directory for checkpoints, {self.directory}, must be outside of the workspace {self.root}."
        if reason is not None:
            raise CheckpointError(reason)
        self._limits = Limits(largest, most)
        self._wait = wait
        self._parts: dict[str, Part] = {}

    async def take(self, label: str = "") -> Checkpoint:
        """Keep the state of the workspace's files. When it is that of the newest checkpoint, that one is returned.

        Raises:
            CheckpointError: it cannot be kept; the message says why.
        """
        async with self._holding() as git:
            return await self._take(git, label)

    async def list(self) -> "list[Checkpoint]":
        """Return all checkpoints, oldest first.

        Raises:
            CheckpointError: they cannot be read.
        """
        return await self._read() if self._exists() else []

    async def get(self, id: str) -> Checkpoint:  # noqa: A002  (the word of `Checkpoint`)
        """Return the checkpoint of this id, or whose id begins like this.

        Raises:
            CheckpointError: none or several are.
        """
        found = [checkpoint for checkpoint in await self.list() if id and checkpoint.id.startswith(id)]
        if len(found) == 1:
            return found[0]
        if not found:
            raise CheckpointError(f"There is no checkpoint {id!r} of {self.root}.")
        raise CheckpointError(f"Several checkpoints begin with {id!r}: {', '.join(one.id for one in found)}.")

    async def changes(self, older: str, newer: str | None = None) -> "list[Change]":
        """Return which files differ between two checkpoints, or a checkpoint and now, sorted by path.

        Raises:
            CheckpointError: there is none of this id, or the present cannot be read.
        """
        before, after = await self._two(older, newer)
        return as_changes(await differences(self._git(), before, after, lines=True))

    async def diff(self, older: str, newer: str | None = None, path: str | Path | None = None) -> str:
        """Return how the files differ as a unified diff; only those at or below a path, if given.

        Raises:
            CheckpointError: there is none of this id, or the present cannot be read.
        """
        before, after = await self._two(older, newer)
        within = None if path is None else self._relative(path)
        return await unified(self._git(), before, after, within or None)

    async def restore(self, id: str, paths: Iterable[str | Path] | None = None) -> Restored:  # noqa: A002  (as above)
        """Make the workspace's files what they were, having kept what they are.

        Changed and deleted files come back, with their mode; links too. Files that were created since are deleted,
        unless they may have been there without having been kept. What the checkpoint of the present does not hold
        (ignored files, too large ones, what somebody changes meanwhile) is never touched. Directories that were empty
        do not come back.

        Args:
            id: the checkpoint.
            paths: only these files, and what is below these directories; relative to the workspace, or absolute.

        Raises:
            CheckpointError: there is none of this id, a path is outside of the workspace, or the present cannot be
                kept; then nothing was touched.
        """
        wanted = None if paths is None else [self._relative(path) for path in paths]
        await self.get(id)  # before anything is made for an id that does not exist
        async with self._holding() as git:
            to = await self.get(id)
            before = await self._take(git, f"before going back to {to.number}")
            found = await differences(git, to.state, before.state)
            if wanted is not None and "" not in wanted:
                found = {path: found[path] for path in found if any(_is_at(path, one) for one in wanted)}
            self._note(Unfinished(to.id, before.id))
            outcome = Outcome()
            with anyio.CancelScope(shield=True):
                await bring_back(git, self.root, found, to.state, before.state, outcome=outcome)
            self._note(None)
        return Restored(to, before, tuple(outcome.written), tuple(outcome.deleted), tuple(sorted(outcome.kept)))

    def unfinished(self) -> Unfinished | None:
        """Return the restore that a process died over, if there is one.

        Restoring either of the two checkpoints ends it; so does going on to work.

        Raises:
            CheckpointError: the note about it cannot be read.
        """
        try:
            noted = json.loads(read(self.directory / "restoring") or b"null")
        except OSError as error:
            raise _unusable(error) from error
        except ValueError:  # what a power cut left of it
            return None
        return noted and Unfinished(noted["to"], noted["before"])

    async def size(self) -> int:
        """Return how many bytes on the disk all checkpoints take together."""
        return await anyio.to_thread.run_sync(size_of, self.directory)

    async def prune(self, *, newest: int, keep: Collection[str] = ()) -> Pruned:
        """Delete checkpoints and give their space back; takes seconds for a large workspace.

        Args:
            newest: how many of the newest to keep; one is always kept.
            keep: ids of others to keep.

        Raises:
            CheckpointError: it cannot be done; what is to be kept is kept.
        """
        if not self._exists():
            return Pruned(0, 0, 0)
        async with self._holding() as git:
            size = await self.size()
            every = await self._read()
            spared = {one.id for one in every[-max(newest, 1) :]}.union(keep)
            doomed = [one for one in every if one.id not in spared]
            lines = "".join(f"delete {_REFS}{one.number:08d}\n" for one in doomed)
            await git.run("update-ref", "--stdin", given=lines.encode())
            self._drop_parts(one for one in every if one.id in spared)
            await git.run("prune", "--expire=now")  # makes room for what follows
            await git.run("pack-refs", "--all")
            await git.run("repack", "-a", "-d", "-q", "--window=4")  # most of the gain, half of the time
            await git.run("prune", "--expire=now")
            left = await self.size()
        return Pruned(len(doomed), left, size - left)

    async def delete(self) -> None:
        """Delete all checkpoints of the workspace, and their directory.

        Raises:
            CheckpointError: it cannot be done, or another process works on them.
        """
        if self.directory.is_dir():
            async with self._holding():
                await anyio.to_thread.run_sync(shutil.rmtree, self.directory)
                self._parts.clear()

    def _git(self, *keep: int) -> Git:
        return Git(repository_in(self.directory), self.root, keep)

    def _exists(self) -> bool:
        return is_made(self.directory)

    @asynccontextmanager
    async def _holding(self) -> AsyncGenerator[Git]:
        """Be the only one that works on the checkpoints, in a repository that can be used."""
        try:
            async with holding(self.directory / "lock", wait=self._wait) as lock:
                git = self._git(lock)
                remove_stale_locks(git.repository)
                make_repository(self.directory, self.root)
                await self._sweep(git)
                try:
                    yield git
                except DiskFull:
                    remove_half_written(git.repository)
                    raise
        except OSError as error:
            raise _unusable(error) from error

    async def _sweep(self, git: Git) -> None:
        """Remove half-written files of a restore that a process died over."""
        cut = self.unfinished()
        if cut is not None:
            states = {one.id: one.state for one in await self._read()}
            if cut.to in states and cut.before in states:
                sweep(self.root, await differences(git, states[cut.to], states[cut.before]))

    async def _take(self, git: Git, label: str) -> Checkpoint:
        newest = await self._read(1)
        last = newest[-1] if newest else None
        state = await self._present(git)
        if last is not None and last.state == state:
            return last
        taken = Checkpoint("", last.number + 1 if last else 1, datetime.now(UTC), label, state=state)
        holds = [f"-p{commit}" for commit in dict.fromkeys(state.commits.values())]
        tree = f"{state.commits['']}^{{tree}}"
        commit = (await git.run("commit-tree", tree, *holds, given=encoded(taken))).line()
        await git.run("update-ref", f"{_REFS}{taken.number:08d}", commit)
        self._note(None)
        return replace(taken, id=commit)

    async def _present(self, git: Git) -> State:
        """Return what the files are now, with all of it in the store."""
        commits: dict[str, str] = {}
        left_out: list[LeftOut] = []
        waiting = [""]
        while waiting:
            prefix = waiting.pop(0)
            files = self.root / prefix
            if prefix and len(commits) >= _MOST_REPOSITORIES:
                left_out.append(LeftOut(prefix, "too many repositories"))
            elif not os.access(files, os.R_OK | os.X_OK):
                if not prefix:
                    raise CheckpointError(f"The directory {self.root} cannot be read.")
                left_out.append(LeftOut(prefix, "unreadable"))
            else:
                part = self._parts.setdefault(prefix, Part(git.repository, self.root, prefix, self._limits))
                try:
                    held = await part.hold(git.keep)
                except CheckpointError:
                    if not prefix or files.is_dir():
                        raise
                    continue  # deleted while we looked
                commits[prefix] = held.commit
                left_out += (LeftOut(prefix + entry.path, entry.reason) for entry in held.left_out)
                waiting += (prefix + nested for nested in held.nested)
        return State(commits, tuple(sorted(left_out)))

    async def _read(self, newest: int | None = None) -> "list[Checkpoint]":
        """Return checkpoints, oldest first; only so many of the newest, if given."""
        some = () if newest is None else (f"--count={newest}",)
        listed = await self._git().run(
            "for-each-ref", *some, "--sort=-refname", "--format=%(objectname) %(contents:subject)", _REFS
        )
        return [decoded(line) for line in reversed(listed.text.splitlines())]

    async def _two(self, older: str, newer: str | None) -> tuple[State, State]:
        before = (await self.get(older)).state
        if newer is not None:
            return before, (await self.get(newer)).state
        async with self._holding() as git:
            return before, await self._present(git)

    def _relative(self, path: str | Path) -> str:
        """Return a path relative to the workspace, as git writes it; `""` for the workspace itself."""
        whole = os.path.normpath(self.root / path)
        if not Path(whole).is_relative_to(self.root):  # by another name of the workspace, maybe
            whole = os.path.join(os.path.realpath(os.path.dirname(whole)), os.path.basename(whole))  # noqa: PTH118, PTH119, PTH120  (text, as git has it)
        if not Path(whole).is_relative_to(self.root):
            raise CheckpointError(f"{path} is outside of the workspace {self.root}.")
        return "" if whole == str(self.root) else os.path.relpath(whole, self.root)

    def _note(self, unfinished: Unfinished | None) -> None:
        """Leave word of a restore for who comes after us, in case we die over it."""
        path = self.directory / "restoring"
        if unfinished is None:
            path.unlink(missing_ok=True)
        else:
            write(path, json.dumps({"to": unfinished.to, "before": unfinished.before}).encode())

    def _drop_parts(self, left: Iterable[Checkpoint]) -> None:
        """Forget repositories in the workspace that no checkpoint knows any more: they would keep their objects."""
        known = {
            Part(repository_in(self.directory), self.root, prefix, self._limits).own
            for one in left
            for prefix in one.state.commits
        }
        for own in (repository_in(self.directory) / "worktrees").iterdir():
            if own not in known:
                shutil.rmtree(own)
        self._parts.clear()


def _is_at(path: str, wanted: str) -> bool:
    return path == wanted or path.startswith(f"{wanted}/")


def _unusable(error: OSError) -> CheckpointError:
    return CheckpointError(f"The checkpoints cannot be used: {error}.")

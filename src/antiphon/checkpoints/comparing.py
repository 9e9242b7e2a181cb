"""What differs between two states, across all repositories in the workspace."""

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from antiphon.checkpoints.git import Git
from antiphon.checkpoints.model import Change, State

SYMLINK = "120000"
EXECUTABLE = "100755"
_NOTHING = "000000"


class Entry(NamedTuple):
    """A file as git keeps it.

    Attributes:
        mode: git's: 100644, 100755 or 120000.
        id: names the content.
    """

    mode: str
    id: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A path that differs; `added` and `removed` count lines, and are None when a side is no text."""

    older: Entry | None
    newer: Entry | None
    added: int | None = 0
    removed: int | None = 0

    def and_then(self, other: "Difference") -> "Difference":
        """Join what two repositories say of one path: a directory has become a repository, or is none any more."""
        return Difference(
            self.older or other.older,
            self.newer or other.newer,
            _sum(self.added, other.added),
            _sum(self.removed, other.removed),
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


async def differences(git: Git, older: State, newer: State, *, lines: bool = False) -> Mapping[str, Difference]:
    """Return every path that differs, in order; with `lines` also how many lines do.

    Raises:
        CheckpointError: git fails.
    """
    found: dict[str, Difference] = {}
    kinds = ("--raw", "--numstat") if lines else ("--raw",)
    async for prefix, before, after in _pairs(git, older, newer):
        printed = await git.run("diff-tree", "-r", "-z", *kinds, "--no-abbrev", "--no-renames", before, after)
        for path, difference in _parsed(printed.records()).items():
            whole = prefix + path
            found[whole] = found[whole].and_then(difference) if whole in found else difference
    return {path: found[path] for path in sorted(found) if found[path].older != found[path].newer}


async def _pairs(git: Git, older: State, newer: State) -> AsyncIterator[tuple[str, str, str]]:
    """Yield each repository that differs, with its older and its newer tree."""
    prefixes = [
        prefix
        for prefix in sorted({*older.commits, *newer.commits})
        if older.commits.get(prefix) != newer.commits.get(prefix)
    ]
    if not prefixes:
        return
    empty = ""
    if any(prefix not in state.commits for prefix in prefixes for state in (older, newer)):
        empty = (await git.run("hash-object", "-t", "tree", "-w", "--stdin", given=b"")).line()
    for prefix in prefixes:
        yield prefix, older.commits.get(prefix, empty), newer.commits.get(prefix, empty)


def _parsed(records: list[bytes]) -> dict[str, Difference]:
    found: dict[str, Difference] = {}
    rest = iter(records)
    for record in rest:
        if record.startswith(b":"):
            old_mode, new_mode, old_id, new_id, _ = record[1:].decode("ascii").split(" ")
            found[os.fsdecode(next(rest))] = Difference(_entry(old_mode, old_id), _entry(new_mode, new_id))
        else:
            added, removed, path = record.split(b"\t", 2)
            name = os.fsdecode(path)
            found[name] = replace(found[name], added=_count(added), removed=_count(removed))
    return found


def _entry(mode: str, content: str) -> Entry | None:
    return None if mode == _NOTHING else Entry(mode, content)


def _count(text: bytes) -> int | None:
    return None if text == b"-" else int(text)


def as_changes(found: Mapping[str, Difference]) -> list[Change]:
    """Return differences in the words of users."""
    return [
        Change(
            path,
            "added" if difference.older is None else "deleted" if difference.newer is None else "modified",
            difference.added,
            difference.removed,
        )
        for path, difference in found.items()
    ]


async def unified(git: Git, older: State, newer: State, path: str | None) -> str:
    """Return the difference as text that `git apply` and people read; only of a file or directory, if given.

    Raises:
        CheckpointError: git fails.
    """
    texts: list[bytes] = []
    async for prefix, before, after in _pairs(git, older, newer):
        within = _within(prefix, path)
        if within is not None:
            printed = await git.run(
                *("diff-tree", "-r", "-p", "--no-renames", "--no-ext-diff", "--no-textconv", "--no-color"),
                *(f"--src-prefix=a/{prefix}", f"--dst-prefix=b/{prefix}", before, after, "--", *within),
            )
            texts.append(printed.text)
    return b"".join(texts).decode("utf-8", "replace")


def _within(prefix: str, path: str | None) -> list[str] | None:
    """Return which paths of a repository are meant by a path of the workspace; None when none is."""
    if path is None or f"{path}/" == prefix or prefix.startswith(f"{path}/"):
        return []
    return [f":(literal){path.removeprefix(prefix)}"] if path.startswith(prefix) else None

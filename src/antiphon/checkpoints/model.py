"""What is told about checkpoints.

Paths are relative to the workspace. Bytes in them that are no text are kept as Python does (`os.fsdecode`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Reason = Literal["too large", "unreadable", "not a file", "too many repositories"]


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """Something that a checkpoint does not hold, although no rule says that it is to be ignored.

    Attributes:
        path: where it is; a directory ends with a slash.
        reason: why it was left out.
    """

    path: str
    reason: Reason

    def covers(self, path: str) -> bool:
        """Tell whether a path is this or below it."""
        return path == self.path or (self.path.endswith("/") and path.startswith(self.path))


@dataclass(frozen=True, slots=True)
class State:
    """What the workspace's files are, as far as they are kept.

    Attributes:
        commits: the commit that holds the files of each repository in the workspace, by the directory it begins in:
            `""` is the workspace itself, others end with a slash.
        left_out: what is not held, sorted.
    """

    commits: Mapping[str, str]
    left_out: tuple[LeftOut, ...] = ()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A kept state of the workspace's files.

    Attributes:
        id: names it; a prefix of it that only one has will do.
        number: counts the checkpoints of a workspace.
        at: when it was taken, in UTC.
        label: what the caller called it.
        new: whether it was made by this call; False when nothing had changed since, and it is the earlier one.
        state: what it holds, for this package.
    """

    id: str
    number: int
    at: datetime
    label: str
    new: bool = field(default=True, compare=False)
    state: State = field(default_factory=lambda: State({}), repr=False)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What it does not hold although nothing says that it is to be ignored, sorted by path."""
        return self.state.left_out


@dataclass(frozen=True, slots=True)
class Change:
    """A file that differs between two states.

    Attributes:
        path: which.
        kind: what became of it from the older to the newer state.
        added: lines only the newer has; None when a side is no text.
        removed: lines only the older has; None when a side is no text.
    """

    path: str
    kind: Literal["added", "modified", "deleted"]
    added: int | None
    removed: int | None


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """A path that was left as it is, although the checkpoint has it otherwise.

    Attributes:
        path: which.
        reason: why it was not touched, or what failed.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What bringing a checkpoint back has done.

    Attributes:
        to: the checkpoint that was brought back.
        before: the state before that; bringing this one back undoes it.
        written: files that were given their earlier content, or made again.
        deleted: files that did not exist then, and no longer do.
        kept: what is not as it was then; empty when all of it is.
    """

    to: Checkpoint
    before: Checkpoint
    written: tuple[str, ...]
    deleted: tuple[str, ...]
    kept: tuple[Kept, ...]


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A restore whose process died on the way: some files may be as they were then, others as they were before.

    Attributes:
        to: id of the checkpoint that was being brought back.
        before: id of the state before that.
    """

    to: str
    before: str


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed.

    Attributes:
        checkpoints: how many.
        size: bytes on disk that are left.
        freed: bytes on disk that are free now.
    """

    checkpoints: int
    size: int
    freed: int

"""Where an agent works: the directories it may use, and what of them is hidden from it."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from antiphon.policy.ignoring import NOTHING_HIDDEN, Ignored


@dataclass(frozen=True, slots=True)
class Workspace:
    """Where the agent works: the directory it was started in and directories added to it.

    Attributes:
        root: absolute, resolved.
        added: further directories, absolute, resolved.
        spill: where the whole of an over-long result is kept; readable by the file tools.
        ignored: files that are there and that the agent does not see.
    """

    root: Path
    added: tuple[Path, ...] = ()
    spill: Path | None = None
    ignored: Ignored = NOTHING_HIDDEN

    @classmethod
    def at(cls, root: Path | str, added: Iterable[Path | str] = (), spill: Path | str | None = None) -> Self:
        """Return the workspace of these directories, resolved."""
        return cls(
            Path(root).resolve(),
            tuple(Path(directory).resolve() for directory in added),
            None if spill is None else Path(spill).resolve(),
        )

    def root_of(self, real: str | Path, *, writing: bool = False) -> Path | None:
        """Return the allowed directory that holds a resolved path, or None."""
        text = str(real)
        for root in self.roots(writing=writing):
            top = str(root)
            if text == top or text.startswith(top if top.endswith(os.sep) else top + os.sep):
                return root
        return None

    def roots(self, *, writing: bool = False) -> tuple[Path, ...]:
        """Return the directories that may be read, or those that may be written: not that of spilled results."""
        spill = () if writing or self.spill is None else (self.spill,)
        return (self.root, *self.added, *spill)

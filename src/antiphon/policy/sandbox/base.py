"""What a sandbox is."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Confined:
    """A command as it has to be started so that it is confined.

    Attributes:
        argv: program and arguments.
        env: its environment.
        keep: descriptors that it inherits.
        contained: all that the command starts lives in a process space of its own and ends with it, for the kernel
            sees to that; its input and errors are then what `containing.py` says.
        notes: sentences for whoever reads the result, there after the context was left: what was undone or refused.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    keep: Sequence[int] = field(default=())
    contained: bool = False
    notes: list[str] = field(default_factory=list[str])


class Sandbox(Protocol):
    """Confines commands."""

    @property
    def name(self) -> str:
        """What keeps it: bubblewrap, landlock or seatbelt."""
        ...

    def confine(
        self, argv: Sequence[str], cwd: Path, env: Mapping[str, str], *, lasting: bool = False
    ) -> AbstractAsyncContextManager[Confined]:
        """Return how to start a command; what the command needs is there while the context is open.

        On leaving, what it may not have changed is as it was.

        Args:
            argv: program and arguments.
            cwd: where it starts.
            env: its environment, out of which the sandbox takes what a confined command may not have.
            lasting: it goes on while the user and other commands work, so nothing is undone: what is new among
                protected files may be theirs. It is told.

        Raises:
            OSError: the sandbox cannot be set up now; nothing was started.
        """
        ...

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
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    keep: Sequence[int] = field(default=())


class Sandbox(Protocol):
    """Confines commands."""

    @property
    def name(self) -> str:
        """What keeps it: bubblewrap, landlock or seatbelt."""
        ...

    def confine(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> AbstractAsyncContextManager[Confined]:
        """Return how to start a command; what the command needs is there while the context is open.

        On leaving what it may not have changed is as it was.

        Raises:
            OSError: the sandbox cannot be set up now; nothing was started.
        """
        ...

"""Which files of a workspace an agent does not see: those that `.antiphonignore` names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol


class Ignored(Protocol):
    """Tells what is hidden."""

    def hides(self, path: Path) -> bool:
        """Tell whether a resolved path, or a directory above it, is hidden. It need not exist."""
        ...

    def hidden(self) -> Sequence[Path]:
        """Return what is hidden and exists now, topmost paths only: a hidden directory stands for all in it."""
        ...


class NothingHidden:
    """Hides nothing."""

    def hides(self, path: Path) -> bool:
        """Tell that it is not hidden."""
        del path
        return False

    def hidden(self) -> Sequence[Path]:
        """Return nothing."""
        return ()


NOTHING_HIDDEN = NothingHidden()

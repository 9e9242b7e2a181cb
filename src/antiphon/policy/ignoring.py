"""Which files of a workspace an agent does not see: those that `.antiphonignore` names."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from antiphon.errors import SettingsError
from antiphon.policy.ignore_files import IgnoreFiles


class Ignored(Protocol):
    """Tells what is hidden. Looks at the disk; may be asked from any thread."""

    def hides(self, path: Path) -> bool:
        """Tell whether a resolved path, or a directory above it, is hidden. It need not exist."""
        ...

    def why(self, path: Path) -> str | None:
        """Say what hides a resolved path, such as `.antiphonignore, line 3`; None when nothing does."""
        ...

    def glance(self) -> Callable[[Path | str], bool]:
        """Return what tells the same as `hides` for many paths at once, and quickly."""
        ...

    def hidden(self) -> Sequence[Path]:
        """Return what is hidden and exists now, topmost paths only: a hidden directory stands for all in it."""
        ...

    def is_source(self, path: Path) -> bool:
        """Tell whether a path has the name of a file that says what is hidden. Does not look at the disk."""
        ...

    def sources(self) -> Sequence[Path]:
        """Return the files that `hidden` met the last time and that say what is hidden."""
        ...


class NothingHidden:
    """Hides nothing."""

    def hides(self, path: Path | str) -> bool:
        """Tell that it is not hidden."""
        del path
        return False

    def why(self, path: Path) -> str | None:
        """Say that nothing hides it."""
        del path
        return None

    def glance(self) -> Callable[[Path | str], bool]:
        """Return what says that nothing is hidden."""
        return self.hides

    def hidden(self) -> Sequence[Path]:
        """Return nothing."""
        return ()

    def is_source(self, path: Path) -> bool:
        """Tell that it says nothing about this."""
        del path
        return False

    def sources(self) -> Sequence[Path]:
        """Return nothing."""
        return ()


NOTHING_HIDDEN = NothingHidden()


class _HiddenByAny:
    """Hides what one of several hides."""

    def __init__(self, parts: Sequence[Ignored]) -> None:
        self._parts = parts

    def hides(self, path: Path) -> bool:
        """Tell whether one of them hides it."""
        return self.why(path) is not None

    def why(self, path: Path) -> str | None:
        """Say what hides it."""
        return next((why for part in self._parts if (why := part.why(path)) is not None), None)

    def glance(self) -> Callable[[Path | str], bool]:
        """Return what tells it for many paths."""
        looks = [part.glance() for part in self._parts]
        return lambda path: any(look(path) for look in looks)

    def hidden(self) -> Sequence[Path]:
        """Return what any of them hides."""
        return list(dict.fromkeys(path for part in self._parts for path in part.hidden()))

    def is_source(self, path: Path) -> bool:
        """Tell whether its name is that of such a file."""
        return any(part.is_source(path) for part in self._parts)

    def sources(self) -> Sequence[Path]:
        """Return what says what is hidden in any of them."""
        return list(dict.fromkeys(path for part in self._parts for path in part.sources()))


def open_ignored(root: Path, names: Sequence[str], added: Sequence[Path] = ()) -> Ignored:
    """Return what is hidden in a workspace. Files that are created or changed later count from then on.

    Args:
        root: the workspace, resolved.
        names: what ignore files are called, as in the setting `ignore_files`.
        added: further directories of the workspace, resolved.

    Raises:
        SettingsError: one of the names is no file name.
    """
    for name in names:
        if not name.strip() or "/" in name or "\0" in name or name in {".", ".."}:
            raise SettingsError(f"ignore_files: {name!r} is no file name. Wanted is a name such as .antiphonignore.")
    if not names:
        return NOTHING_HIDDEN
    parts = [IgnoreFiles(directory, names) for directory in dict.fromkeys((root, *added))]
    return parts[0] if len(parts) == 1 else _HiddenByAny(parts)

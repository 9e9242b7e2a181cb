"""Which directories are no workspace whose files could be kept: a home directory, everything, collections."""

import os
from pathlib import Path

_COLLECTIONS = ("Desktop", "Documents", "Downloads")
"""Directories of a home in which many things are that have nothing to do with each other, of any size."""


def unsuitable(root: Path) -> str | None:
    """Return why checkpoints of this directory are refused, in a sentence; None when they are not."""
    real = Path(os.path.realpath(root))
    if not real.is_dir():
        return f"{root} is not a directory."
    what = _kind(real, _home())
    return None if what is None else f"{root} {what}; start in the directory of a project."


def _kind(real: Path, home: Path | None) -> str | None:
    if real == Path(real.anchor):
        return "holds the whole file system"
    if home is None:
        return None
    if real == home:
        return "is a home directory"
    if real in home.parents:
        return "holds home directories"
    if real.parent == home and real.name in _COLLECTIONS:
        return "collects files of all kinds"
    return None


def _home() -> Path | None:
    try:
        return Path(os.path.realpath(Path.home()))
    except RuntimeError:  # nobody says where it is
        return None

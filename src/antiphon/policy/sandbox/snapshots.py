"""Files as they are now, to compare them later and to put them back."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

_MOST_FILES = 5000
_MOST_BYTES = 20_000_000
"""What is kept in memory. The files it is for are small."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One file, link or directory as it was.

    Attributes:
        seen: changes with every change of a file, and with others too.
        mode: type and rights.
        owner: numbers of user and group.
        contents: of a file.
        link: where a link leads.
    """

    seen: tuple[int, ...] = field(compare=False)
    mode: int
    owner: tuple[int, int]
    contents: bytes | None = None
    link: str | None = None


Snapshots = Mapping[Path, Snapshot]


def taken_of(paths: Iterable[Path], known: Snapshots | None = None) -> dict[Path, Snapshot]:
    """Return files and all that is in directories, upper ones first; links are not followed.

    Args:
        paths: where to look.
        known: what they were earlier; what did not change is not read again.

    Raises:
        OSError: it is too much to keep.
    """
    found: dict[Path, Snapshot] = {}
    size = 0
    for top in paths:
        for path in _tree(top):
            snapshot = _snapshot(path, (known or {}).get(path))
            if snapshot is not None:
                found[path] = snapshot
                size += len(snapshot.contents or b"")
            if known is None and (len(found) > _MOST_FILES or size > _MOST_BYTES):
                raise OSError(f"{top} and other protected files are too many or too large to keep a copy of")
    return found


def _tree(top: Path) -> Iterator[Path]:
    yield top
    if top.is_dir() and not top.is_symlink():
        for directory, names, files in os.walk(top):
            yield from (Path(directory, name) for name in (*names, *files))


def _snapshot(path: Path, known: Snapshot | None) -> Snapshot | None:
    try:
        status = path.lstat()
        owner = (status.st_uid, status.st_gid)
        if path.is_symlink():
            return Snapshot((), status.st_mode, owner, link=os.readlink(path))  # noqa: PTH115  (as it is written)
        if path.is_dir():
            return Snapshot((), status.st_mode, owner)
        # Nobody can set the time at which an inode was changed.
        seen = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if known is not None and known.seen == seen:
            return Snapshot(seen, status.st_mode, owner, known.contents)
        return Snapshot(seen, status.st_mode, owner, _contents(path) if path.is_file() else None)
    except OSError:
        return None


def _contents(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(_MOST_BYTES + 1)

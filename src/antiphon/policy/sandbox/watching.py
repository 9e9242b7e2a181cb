"""Looks before and after a command at what it may not change, and undoes what the sandbox could not refuse.

A file that does not exist cannot be covered without being made; so one that a command creates in a protected place is
taken away afterwards. Where nothing can be covered (Landlock), what is there is kept beforehand and put back.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from antiphon.policy.sandbox.grounds import Grounds
from antiphon.policy.sandbox.new_repository import is_as_git_made_it

_MOST_FILES = 5000
_MOST_BYTES = 20_000_000
"""What is kept in memory of protected files, and kept once: they are small, and rarely change."""
_MODE = 0o7777


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file, link or directory as it was. `seen` changes with every change of a file's contents."""

    seen: tuple[int, ...]
    mode: int
    contents: bytes | None = field(default=None, compare=False)
    link: str | None = None


class Watch:
    """What is protected, as it was when a command started."""

    def __init__(self, grounds: Grounds, *, contents: bool) -> None:
        """Look.

        Args:
            grounds: where to look.
            contents: keep what is there, too, since nothing else keeps a command from changing it.

        Raises:
            OSError: there is too much to keep.
        """
        self._grounds = grounds
        self._contents = contents
        self._before = grounds.protected()
        self._entries = dict(_entries(self._kept(self._before)))

    def _kept(self, paths: Iterable[Path]) -> Iterator[Path]:
        return (path for path in paths if self._contents or path.is_symlink())

    def restore(self) -> list[str]:
        """Undo what was changed, and return sentences that say so."""
        taken = [path for path in self._new() if _take_away(path, self._grounds.scratch / "refused")]
        changed = self._put_back()
        notes = [_sentence("made", self._named(taken), "taken away")] if taken else []
        return [*notes, _sentence("changed", self._named(changed), "put back")] if changed else notes

    def tell(self) -> list[str]:
        """Return sentences that say what is new, and leave it where it is."""
        new = self._new()
        return [f"Meanwhile protected files were made, by the command or by others: {self._named(new)}."] if new else []

    def _new(self) -> list[Path]:
        known = set(self._before)
        new = [path for path in self._grounds.protected() if path not in known]
        return [path for path in new if not (_in_repository(path) and is_as_git_made_it(path))]

    def _put_back(self) -> list[Path]:
        now = dict(_entries(self._kept(self._before), self._entries))
        changed = [path for path, entry in self._entries.items() if now.get(path) != entry]
        extra = [path for path in now if path not in self._entries]
        for path in reversed(extra):
            _remove(path)
        for path in changed:
            _write(path, self._entries[path])
        return [*changed, *extra]

    def _named(self, paths: Iterable[Path]) -> str:
        names = list(dict.fromkeys(self._name(path) for path in paths))
        return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

    def _name(self, path: Path) -> str:
        root = self._grounds.workspace.root
        return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _sentence(done: str, names: str, undone: str) -> str:
    return (
        f"The command {done} protected files, which was undone ({undone}): {names}. "
        "To change them use edit_file or write_file, or `outside_sandbox`; the user is asked."
    )


def _in_repository(path: Path) -> bool:
    return ".git" in path.parts[:-1]


def _entries(paths: Iterable[Path], known: dict[Path, _Entry] | None = None) -> Iterator[tuple[Path, _Entry]]:
    """Read what is there, upper ones first; contents are not read again where nothing changed.

    Raises:
        OSError: it is too much.
    """
    files = size = 0
    for top in paths:
        for path in _tree(top):
            entry = _entry(path, (known or {}).get(path), keep=known is None)
            if entry is None:
                continue
            files += 1
            size += len(entry.contents or b"")
            if known is None and (files > _MOST_FILES or size > _MOST_BYTES):
                raise OSError(f"{top} and other protected files are too many or too large to keep a copy of")
            yield path, entry


def _tree(top: Path) -> Iterator[Path]:
    yield top
    if top.is_dir() and not top.is_symlink():
        for directory, names, files in os.walk(top):
            yield from (Path(directory, name) for name in (*names, *files))


def _entry(path: Path, known: _Entry | None, *, keep: bool) -> _Entry | None:
    try:
        status = path.lstat()
        if path.is_symlink():
            return _Entry((), status.st_mode, link=os.readlink(path))  # noqa: PTH115  (as text, whatever it means)
        if path.is_dir():
            return _Entry((), status.st_mode)
        # Nobody can set the time of the last change of an inode.
        seen = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        contents = path.read_bytes() if keep and path.is_file() else known.contents if known else None
        return _Entry(seen, status.st_mode, contents)
    except OSError:
        return None


def _write(path: Path, entry: _Entry) -> None:
    """Make a path what it was. What stands in its way goes first, so nothing is written through a link."""
    is_directory = entry.link is None and entry.contents is None
    if not (is_directory and path.is_dir() and not path.is_symlink()):
        _remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if entry.link is not None:
            path.symlink_to(entry.link)
            return
        if entry.contents is None:
            path.mkdir()
        else:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(file, "wb") as target:
                target.write(entry.contents)
    path.chmod(entry.mode & _MODE)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _take_away(path: Path, to: Path) -> bool:
    """Move something out of the workspace, kept as long as the session."""
    place = to / str(sum(1 for _ in to.iterdir()) if to.is_dir() else 0)
    place.mkdir(parents=True)
    try:
        shutil.move(path, place / path.name)
    except FileNotFoundError:
        return False
    return True

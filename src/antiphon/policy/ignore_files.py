"""Which files below a directory are hidden by the ignore files there.

An ignore file is about what is below its directory. One further down can hide more, and cannot show what one above it
hides: somebody who may write files there must not be able to look behind what is hidden. Ignore files are read again
when they change.
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock

from antiphon.policy.ignore_patterns import IgnorePatterns, Stamp, UnusableIgnoreFile, stamp_of, text_of

_SETTLED_NS = 2_000_000_000
"""File systems tell times no finer than some milliseconds (some, seconds): what was changed may change again unseen."""


@dataclass(frozen=True, slots=True)
class _IgnoreFile:
    """An ignore file as it is now. Without patterns it is unusable, and hides all that is beside and below it."""

    directory: str
    name: str
    text: str
    patterns: IgnorePatterns | None = field(compare=False)
    problem: str = ""

    def hiding(self, path: str, *, is_directory: Callable[[], bool] | bool) -> str | None:
        """Say which line hides a path below the directory; None when none does."""
        if self.patterns is None:
            return f"which cannot be used: {self.problem}"
        start = len(self.directory) + (not self.directory.endswith(os.sep))
        line = self.patterns.hiding(path[start:], is_directory=is_directory)
        return None if line is None else f"line {line}"


@dataclass(frozen=True, slots=True)
class _Read:
    """An ignore file, its state, and when that was looked at."""

    stamp: Stamp
    read_at: int
    file: _IgnoreFile


@dataclass(frozen=True, slots=True)
class _Directory:
    """What is known of a directory: why it is hidden, or else which ignore files are about what is in it."""

    hidden: str | None
    files: tuple[_IgnoreFile, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a directory held when it was last read, as far as that matters."""

    stamp: tuple[int, int, int]
    files: tuple[_IgnoreFile, ...]
    present: tuple[str, ...]
    hidden: tuple[str, ...]
    directories: tuple[str, ...]


class IgnoreFiles:
    """The ignore files of a directory and of those below it.

    May be used from any thread. `hidden` reads directories and may take long the first time; the rest looks at no more
    than the ignore files on the way to a path.
    """

    def __init__(self, root: Path, names: Sequence[str]) -> None:
        """Look at nothing yet.

        Args:
            root: the topmost directory that is looked at, resolved.
            names: what ignore files are called; each is read as if there were no other.
        """
        self._root = str(root)
        self._names = tuple(dict.fromkeys(names))
        self._ignores_case = _ignores_case(root)
        self._read: dict[tuple[str, str], _Read] = {}
        self._seen: dict[str, _Seen] = {}
        self._walking = Lock()

    def hides(self, path: Path) -> bool:
        """Tell whether a resolved path, or a directory above it, is hidden. It need not exist."""
        return self.why(path) is not None

    def why(self, path: Path) -> str | None:
        """Say what hides a resolved path, such as `.antiphonignore, line 3`; None when nothing does."""
        return self._look()(path)

    def glance(self) -> Callable[[Path | str], bool]:
        """Return what tells the same as `hides`, for many paths at once: it looks each ignore file up only once."""
        look = self._look()
        return lambda path: look(path) is not None

    def hidden(self) -> Sequence[Path]:
        """Return what is hidden and exists now, topmost paths only: a hidden directory stands for all in it.

        For a link what it leads to is returned, where that is below the root: nothing can be put over a link. What is
        in hidden directories, in `.git` and behind links to directories is not looked at.
        """
        with self._walking:
            before, self._seen = self._seen, {}
            found = self._walked(before)
        return list(dict.fromkeys(path for text in found if (path := self._reached(text)) is not None))

    def is_source(self, path: Path) -> bool:
        """Tell whether a path has the name of an ignore file, in whatever case."""
        return path.name.casefold() in {name.casefold() for name in self._names}

    def sources(self) -> Sequence[Path]:
        """Return the ignore files that `hidden` met the last time: what must not be changed, if they are to hold."""
        with self._walking:
            return [Path(directory, name) for directory, seen in self._seen.items() for name in seen.present]

    def _look(self) -> "Callable[[Path | str], str | None]":
        known = {self._root: _Directory(None, tuple(self._files_in(self._root, self._names)))}

        def directory(path: str) -> _Directory:
            unknown: list[str] = []
            while path not in known:
                unknown.append(path)
                path = os.path.dirname(path)  # noqa: PTH120  (text is many times as fast)
            found = known[path]
            for below in reversed(unknown):
                hidden = found.hidden or self._hiding(found.files, below, is_directory=True)
                files = () if hidden else (*found.files, *self._files_in(below, self._names))
                found = known[below] = _Directory(hidden, files)
            return found

        top = self._root if self._root.endswith(os.sep) else self._root + os.sep

        def look(path: Path | str) -> str | None:
            text = str(path)
            if not text.startswith(top):
                return None
            above = directory(os.path.dirname(text))  # noqa: PTH120
            if above.hidden or not above.files:
                return above.hidden
            return self._hiding(above.files, text, is_directory=partial(os.path.isdir, text))

        return look

    def _hiding(
        self, files: Sequence[_IgnoreFile], path: str, *, is_directory: Callable[[], bool] | bool
    ) -> str | None:
        for file in files:
            line = file.hiding(path, is_directory=is_directory)
            if line is not None:
                name = os.path.relpath(os.path.join(file.directory, file.name), self._root)  # noqa: PTH118
                return f"{name}, {line}"
        return None

    def _files_in(self, directory: str, names: Sequence[str]) -> Iterator[_IgnoreFile]:
        for name in names:
            path = Path(directory, name)
            stamp = stamp_of(path)
            if stamp is None:
                continue
            known = self._read.get((directory, name))
            if known is None or known.stamp != stamp or known.read_at <= stamp.changed + _SETTLED_NS:
                now = time.time_ns()
                file = self._read_file(path, stamp)
                # The same object for the same text: what was decided by it holds.
                same = known is not None and file == known.file
                known = self._read[directory, name] = _Read(stamp, now, known.file if same and known else file)
            yield known.file

    def _read_file(self, path: Path, stamp: Stamp) -> _IgnoreFile:
        directory, name, text = str(path.parent), path.name, ""
        try:
            text = text_of(path, stamp)
            patterns = IgnorePatterns(text, ignores_case=self._ignores_case)
        except UnusableIgnoreFile as problem:
            return _IgnoreFile(directory, name, text, None, str(problem))
        return _IgnoreFile(directory, name, text, patterns)

    def _walked(self, before: Mapping[str, _Seen]) -> list[str]:
        """Return what is hidden; look again at what has changed since `before`."""
        found: list[str] = []
        waiting: list[tuple[str, tuple[_IgnoreFile, ...]]] = [(self._root, ())]
        while waiting:
            directory, above = waiting.pop()
            try:
                info = os.lstat(directory)
                seen = before.get(directory)
                if seen is None or seen.stamp != _directory_stamp(info) or not self._holds(seen, directory, above):
                    seen = self._read_directory(directory, info, above)
            except OSError:
                continue  # who cannot read a directory does not see what is in it
            self._seen[directory] = seen
            found += seen.hidden
            for below in seen.directories:
                waiting.append((below, seen.files))  # noqa: PERF401  (nearly all have few: this is quicker)
        return found

    def _holds(self, seen: _Seen, directory: str, above: tuple[_IgnoreFile, ...]) -> bool:
        """Tell whether the ignore files about a directory are those by which it was decided."""
        files = (*above, *self._files_in(directory, seen.present)) if seen.present else above
        return files is seen.files or (
            len(files) == len(seen.files) and all(one is other for one, other in zip(files, seen.files, strict=True))
        )

    def _read_directory(self, directory: str, info: os.stat_result, above: tuple[_IgnoreFile, ...]) -> _Seen:
        now = time.time_ns()
        if not stat.S_ISDIR(info.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), directory)
        # What changed a moment ago may have changed again by the time it is read, at what counts as the same time.
        stamp = _directory_stamp(info) if now > info.st_ctime_ns + _SETTLED_NS else (0, 0, 0)
        with os.scandir(directory) as scanned:
            entries = list(scanned)
        names = {entry.name for entry in entries}
        present = tuple(name for name in self._names if name in names)
        files = (*above, *self._files_in(directory, present)) if present else above
        hidden: list[str] = []
        directories: list[str] = []
        for entry in entries:
            is_directory = entry.is_dir(follow_symlinks=False)
            if files and self._hiding(files, entry.path, is_directory=is_directory):
                hidden.append(entry.path)
            elif is_directory and entry.name != ".git":
                directories.append(entry.path)
        return _Seen(stamp, files, present, tuple(hidden), tuple(directories))

    def _reached(self, path: str) -> Path | None:
        if not os.path.islink(path):  # noqa: PTH114
            return Path(path)
        real = Path(os.path.realpath(path))
        return real if real.is_relative_to(self._root) and str(real) != self._root and real.exists() else None


def _directory_stamp(info: os.stat_result) -> tuple[int, int, int]:
    # The time of change, not that of modification, which anybody can set back.
    return info.st_dev, info.st_ino, info.st_ctime_ns


def _ignores_case(directory: Path) -> bool:
    """Tell whether the file system of a directory takes `A` and `a` for the same name."""
    other = str(directory).swapcase()
    try:
        return other != str(directory) and directory.samefile(other)
    except OSError:
        return False

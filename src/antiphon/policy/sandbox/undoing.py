"""Changes files in a directory in which a confined command may just be putting links in the way.

We are not confined. So each directory on the way is opened from the one above it and never through a link, and what is
done, is done in the open directory: nothing outside is touched, whatever happens meanwhile.
"""

import os
import shutil
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from antiphon.policy.sandbox.snapshots import Snapshot

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE = 0o7777


def take_away(root: Path, path: Path, to: Path) -> bool:
    """Move a file or a directory to a new place outside; return whether there was one.

    Raises:
        OSError: it cannot be moved.
    """
    try:
        with _parent(root, path) as directory:
            if not _exists(directory, path.name):
                return False
            to.mkdir(parents=True)
            try:
                os.rename(path.name, to / path.name, src_dir_fd=directory)
            except OSError:  # another disk
                _copy(directory, path.name, to / path.name)
                _remove(directory, path.name)
            return True
    except (FileNotFoundError, NotADirectoryError):
        return False


def put_back(root: Path, path: Path, was: Snapshot) -> None:
    """Make a file, link or directory below a root what it was; what is in its way is removed.

    Raises:
        OSError: it cannot be made.
    """
    with _parent(root, path, make=True) as directory:
        name = path.name
        if was.link is not None:
            _remove(directory, name)
            os.symlink(was.link, name, dir_fd=directory)
        elif was.contents is not None:
            _remove(directory, name)
            file = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=directory)
            with os.fdopen(file, "wb") as target:
                target.write(was.contents)
                _give(target.fileno(), was)
        elif stat.S_ISDIR(was.mode):
            place = _opened(directory, name, make=True)
            try:
                _give(place, was)
            finally:
                os.close(place)


def _give(descriptor: int, was: Snapshot) -> None:
    with suppress(PermissionError):  # only root can give files away
        os.fchown(descriptor, *was.owner)
    os.fchmod(descriptor, was.mode & _MODE)


@contextmanager
def _parent(root: Path, path: Path, *, make: bool = False) -> Generator[int]:
    directory = os.open(root, _DIRECTORY)
    try:
        for name in path.relative_to(root).parts[:-1]:
            below = _opened(directory, name, make=make)
            os.close(directory)
            directory = below
        yield directory
    finally:
        os.close(directory)


def _opened(directory: int, name: str, *, make: bool) -> int:
    """Open a directory in an open one; `make` replaces what is no directory."""
    try:
        return os.open(name, _DIRECTORY, dir_fd=directory)
    except OSError:
        if not make:
            raise
        _remove(directory, name)
        os.mkdir(name, dir_fd=directory)
        made = os.open(name, _DIRECTORY, dir_fd=directory)
        around = os.fstat(directory)
        with suppress(PermissionError):  # only root can give files away
            os.fchown(made, around.st_uid, around.st_gid)
        return made


def _exists(directory: int, name: str) -> bool:
    try:
        os.lstat(name, dir_fd=directory)
    except FileNotFoundError:
        return False
    return True


def _remove(directory: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return
    except OSError:  # a directory
        shutil.rmtree(name, dir_fd=directory)


def _copy(directory: int, name: str, to: Path) -> None:
    source = f"/proc/self/fd/{directory}/{name}"
    if Path(source).is_dir() and not Path(source).is_symlink():
        shutil.copytree(source, to, symlinks=True)
    else:
        shutil.copy2(source, to, follow_symlinks=False)

"""Opening and replacing files so that what is touched is what was resolved.

A path was resolved (`paths.resolve`) some time before the file is opened, and a link may have changed since. So a
file is reached from its workspace directory one part at a time, and no part may be a link. Blocking; called in worker
threads. Knows nothing of tools.
"""

import errno
import os
import stat
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from antiphon.tools.base import Workspace

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # not to wait for the other end of a named pipe
_IN_PLACE = frozenset({errno.EACCES, errno.EPERM, errno.EBUSY, errno.EXDEV})
"""Why a file that may be written may still not be replaced: a directory that may not, a file mounted by itself."""


class Changed(Exception):
    """The file is not what it was when the call began; the message is for the model."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What tells one state of a file from another."""

    device: int
    inode: int
    size: int
    modified: int
    mode: int
    owner: int
    group: int

    @classmethod
    def of(cls, info: os.stat_result) -> "Stamp":
        """Return the stamp of what `stat` found."""
        return cls(info.st_dev, info.st_ino, info.st_size, info.st_mtime_ns, info.st_mode, info.st_uid, info.st_gid)


@contextmanager
def parent_of(workspace: Workspace, path: Path, *, make: bool = False) -> Generator[int]:
    """Open the directory that holds a resolved path, without following a link; yield its descriptor.

    Args:
        workspace: the workspace that `path` was resolved in.
        path: a resolved path.
        make: create missing directories.

    Raises:
        OSError: as `open` does; `NotADirectoryError` also for a link where there was none.
    """
    root = workspace.root_of(path)
    if root is None or path == root:
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    with ExitStack() as stack:

        def opened(descriptor: int) -> int:
            stack.callback(os.close, descriptor)
            return descriptor

        directory = opened(os.open(root, _DIRECTORY))
        for part in path.relative_to(root).parts[:-1]:
            if make:
                with suppress(FileExistsError):
                    os.mkdir(part, dir_fd=directory)
            directory = opened(os.open(part, _DIRECTORY, dir_fd=directory))
        yield directory


@contextmanager
def directory_at(workspace: Workspace, path: Path) -> Generator[int]:
    """Open a resolved directory itself, without following a link; yield its descriptor.

    Raises:
        OSError: as `open` does.
    """
    # A last part that nobody looks at: the parent of it is what is wanted.
    with parent_of(workspace, path / "_") as descriptor:
        yield descriptor


def open_file(workspace: Workspace, path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Raises:
        OSError: it does not exist, may not be read, is a directory or a link (see `parent_of`).
        Changed: it is a device, socket or pipe.
    """
    with parent_of(workspace, path) as directory:
        descriptor = os.open(path.name, os.O_RDONLY | _FILE, dir_fd=directory)
    try:
        require_regular(os.fstat(descriptor), path)
        return open(descriptor, "rb")  # noqa: PTH123  (a descriptor, handed to the caller)
    except BaseException:
        os.close(descriptor)
        raise


def require_regular(info: os.stat_result, path: Path) -> None:
    """Refuse what is no regular file.

    Raises:
        OSError: it is a directory.
        Changed: it is a device, socket or pipe.
    """
    if stat.S_ISDIR(info.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(info.st_mode):
        raise Changed("It is not a regular file but a device, a socket or a pipe.")


def replace_file(workspace: Workspace, path: Path, data: bytes, *, was: Stamp | None, durable: bool = False) -> None:
    """Put a file with this content in the place of `path`, in one step; make its directories.

    Whoever reads meanwhile sees the old content or the new, never a part. Mode and owner of the old file are kept.
    Where the directory forbids replacing, the file is written in place.

    Args:
        workspace: the workspace that `path` was resolved in.
        path: a resolved path.
        data: the whole content.
        was: the state of the file that `data` was made from; None when there was no file.
        durable: return only when the content is on the disk.

    Raises:
        OSError: it cannot be written; then nothing has changed, unless it had to be written in place.
        Changed: the file is no longer as it `was`, or it is read-only.
    """
    with parent_of(workspace, path, make=was is None) as directory:
        _require_unchanged(directory, path, was)
        _require_writable(directory, path, was)
        temporary = f".antiphon-{os.urandom(8).hex()}.tmp"
        try:
            try:
                _write_new(directory, temporary, data, was, durable=durable)
                _require_unchanged(directory, path, was)
                os.replace(temporary, path.name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary, dir_fd=directory)
                raise
        except OSError as error:
            if was is None or error.errno not in _IN_PLACE:
                raise
            _overwrite(directory, path.name, data, durable=durable)


def stamp_of(workspace: Workspace, path: Path) -> Stamp | None:
    """Return the state of a file, or None when there is none.

    Raises:
        OSError: its directory cannot be reached, or it is a directory.
        Changed: it is a device, socket or pipe.
    """
    try:
        with parent_of(workspace, path) as directory:
            return _stamp(directory, path)
    except FileNotFoundError:
        return None


def _stamp(directory: int, path: Path) -> Stamp | None:
    try:
        info = os.stat(path.name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(info.st_mode):
        raise Changed("It has become a link meanwhile.")
    require_regular(info, path)
    return Stamp.of(info)


def _require_unchanged(directory: int, path: Path, was: Stamp | None) -> None:
    now = _stamp(directory, path)
    if now == was:
        return
    if was is None:
        raise Changed("It was created by somebody else meanwhile. Read it first.")
    if now is None:
        raise Changed("It was deleted by somebody else meanwhile.")
    raise Changed("It was changed by somebody else meanwhile. Read it again.")


def _require_writable(directory: int, path: Path, was: Stamp | None) -> None:
    """Refuse to replace what may not be written: the directory alone would allow it."""
    if was is None:
        return
    if not was.mode & 0o222:
        raise Changed("It is read-only.")
    if not os.access(path.name, os.W_OK, dir_fd=directory):
        raise Changed("It may not be written (permission denied).")


def _write_new(directory: int, name: str, data: bytes, was: Stamp | None, *, durable: bool) -> None:
    # Nobody may read it before it has the mode of the file whose place it takes.
    mode = 0o666 if was is None else 0o600
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FILE, mode, dir_fd=directory)
    with open(descriptor, "wb") as file:  # noqa: PTH123  (a descriptor)
        file.write(data)
        if was is not None:
            _take_over(descriptor, was)
        if durable:
            file.flush()
            os.fsync(descriptor)


def _take_over(descriptor: int, was: Stamp) -> None:
    """Give a new file the owner and the mode of an old one, but for the bits that let a program act as its owner."""
    info = os.fstat(descriptor)
    if (info.st_uid, info.st_gid) != (was.owner, was.group):
        with suppress(PermissionError):
            os.fchown(descriptor, was.owner, was.group)
    os.fchmod(descriptor, stat.S_IMODE(was.mode) & ~(stat.S_ISUID | stat.S_ISGID))


def _overwrite(directory: int, name: str, data: bytes, *, durable: bool) -> None:
    descriptor = os.open(name, os.O_WRONLY | os.O_TRUNC | _FILE, dir_fd=directory)
    with open(descriptor, "wb") as file:  # noqa: PTH123  (a descriptor)
        file.write(data)
        if durable:
            file.flush()
            os.fsync(descriptor)

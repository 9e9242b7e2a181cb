"""Stops a process, and all it starts, at each call that changes files, for somebody to say what becomes of it.

::

    # in the process that is watched, before it starts threads
    send_handle(connection, announce_file_changes(), parent)

    # in the process that watches
    for call in FileChanges(recv_handle(connection), below=directory):
        call.go_on()            # or call.fail(errno.ENOSPC), or os.kill(pid, SIGKILL)

Linux does it: seccomp(2) filters with user notification, which need no rights and no other program. Calls are told one
after the other, of all threads and children together, so that the N-th of them is one certain call.
"""

import ctypes
import errno
import fcntl
import os
import platform
import select
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

_FILTERED = {
    "x86_64": (
        0xC000003E,
        {"seccomp": 317, "openat": 257},
        {"write": 1, "pwrite64": 18, "writev": 20, "pwritev": 296, "fsync": 74, "fdatasync": 75, "ftruncate": 77,
         "fallocate": 285, "copy_file_range": 326},
        {"truncate": 76, "rename": 82, "renameat": 264, "renameat2": 316, "link": 86, "linkat": 265, "unlink": 87,
         "unlinkat": 263, "mkdir": 83, "mkdirat": 258, "rmdir": 84},
    ),
    "aarch64": (
        0xC00000B7,
        {"seccomp": 277, "openat": 56},
        {"write": 64, "pwrite64": 68, "writev": 66, "pwritev": 70, "fsync": 82, "fdatasync": 83, "ftruncate": 46,
         "fallocate": 47, "copy_file_range": 285},
        {"truncate": 45, "renameat": 38, "renameat2": 276, "linkat": 37, "unlinkat": 35, "mkdirat": 34},
    ),
}  # fmt: skip
"""By machine: its number, further calls, calls whose first argument is an open file, calls that name a file."""

_SET_NO_NEW_PRIVILEGES = 38
_SET_MODE_FILTER, _NEW_LISTENER = 1, 8
_SIGNALS_WAIT = 32  # since Linux 5.19; without it a signal has a call told twice
_LOAD, _IF_EQUAL, _IF_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_TELL, _LET = 0x7FC00000, 0x7FFF0000
_NUMBER, _MACHINE, _FLAGS = 0, 4, 16 + 8 * 2  # places in what a filter looks at; the flags are openat's third argument
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTIFICATION = struct.Struct("=QIIiIQ6Q")  # id, pid, flags, call, machine, place in the program, arguments
_ANSWER = struct.Struct("=QqiI")  # id, value, error, flags
_CONTINUE = 1


@cache
def why_not() -> str:
    """Say why calls cannot be watched here; empty if they can."""
    if not sys.platform.startswith("linux"):
        return "only Linux tells of system calls like this"
    if platform.machine() not in _FILTERED:
        return f"the system calls of {platform.machine()} are not known"
    # There is no way back for who tries it, so another process does.
    tried = subprocess.run([sys.executable, "-I", __file__], capture_output=True, text=True, check=False)  # noqa: S603  (ourselves)
    return (
        "" if tried.returncode == 0 else f"the system does not allow it: {tried.stderr.strip().rpartition(chr(10))[2]}"
    )


def announce_file_changes() -> int:
    """Have the calls of this process that change files told from now on; return the descriptor that tells of them.

    Each of them waits until somebody reads of it there and answers; when nobody has the descriptor any more, it fails.
    There is no way back, for this process and those that it starts.

    Raises:
        OSError: the system does not let us.
    """
    machine, others, *told = _FILTERED[platform.machine()]
    program = _program(machine, others["openat"], [number for calls in told for number in calls.values()])
    libc: Any = ctypes.CDLL(None, use_errno=True)
    memory = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: how many instructions, and where they are.
    pointer = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(memory)))
    if libc.prctl(_SET_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    for flags in (_NEW_LISTENER | _SIGNALS_WAIT, _NEW_LISTENER):
        descriptor = int(libc.syscall(others["seccomp"], _SET_MODE_FILTER, flags, pointer))
        if descriptor >= 0:
            return descriptor
    raise OSError(ctypes.get_errno(), "seccomp")


def _program(machine: int, opening: int, told: list[int]) -> bytes:
    """Return the filter: tell of these calls, and of opening a file if that makes or empties one."""
    count = len(told)
    lines = [
        (_LOAD, 0, 0, _MACHINE),
        (_IF_EQUAL, 0, count + 5, machine),
        (_LOAD, 0, 0, _NUMBER),
        *((_IF_EQUAL, count - index + 2, 0, number) for index, number in enumerate(told)),
        (_IF_EQUAL, 0, 3, opening),
        (_LOAD, 0, 0, _FLAGS),
        (_IF_BITS, 0, 1, os.O_CREAT | os.O_TRUNC),
        (_RETURN, 0, 0, _TELL),
        (_RETURN, 0, 0, _LET),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


@dataclass(slots=True)
class FileChange:
    """A call that waits for an answer.

    Attributes:
        name: of the call, such as `pwrite64`.
        process: the thread that makes it.
        path: of the file, where it is an open one.
    """

    name: str
    process: int
    path: str
    _id: int
    _listener: int
    _answered: bool = False

    def go_on(self) -> None:
        """Let the call be made."""
        self._answer(0, _CONTINUE)

    def fail(self, code: int) -> None:
        """Let the call fail with this error, without being made."""
        self._answer(-code, 0)

    def _answer(self, error: int, flags: int) -> None:
        if not self._answered:
            self._answered = True
            _control(self._listener, _SEND, bytearray(_ANSWER.pack(self._id, 0, error, flags)))


class FileChanges:
    """The calls that change files, one after the other, until nobody is left who could make any."""

    def __init__(self, listener: int, *, below: Path) -> None:
        """Listen.

        Args:
            listener: what `announce_file_changes` returned.
            below: changes of open files elsewhere, and of pipes and sockets, are let go on untold.
        """
        self._listener = listener
        self._below = f"{below.resolve()}/"
        _, others, by_file, by_name = _FILTERED[platform.machine()]
        self._names = {number: name for calls in (others, by_file, by_name) for name, number in calls.items()}
        self._by_file = frozenset(by_file.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._listener)

    def __iter__(self) -> Iterator[FileChange]:
        """Yield calls. One that is not answered when the next is asked for goes on."""
        while (call := self.next(None)) is not None:
            yield call
            call.go_on()

    def next(self, seconds: float | None) -> FileChange | None:
        """Return the next call, or None when nobody is left, or none came in time."""
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        while events := poll.poll(None if seconds is None else seconds * 1000):
            if not events[0][1] & select.POLLIN:
                return None
            received = bytearray(_NOTIFICATION.size)
            if not _control(self._listener, _RECEIVE, received):
                continue  # who made the call is gone
            key, process, _, number, _, _, first, *_ = _NOTIFICATION.unpack(received)
            path = ""
            if number in self._by_file:
                path = _path_of(process, first)
                if not path.startswith(self._below):
                    FileChange("", process, path, key, self._listener).go_on()
                    continue
            return FileChange(self._names[number], process, path, key, self._listener)
        return None


def _control(descriptor: int, request: int, data: bytearray) -> bool:
    """Ask the kernel; False when who made the call is gone."""
    try:
        fcntl.ioctl(descriptor, request, data)
    except OSError as problem:
        if problem.errno in (errno.ENOENT, errno.EINTR):
            return False
        raise
    return True


def _path_of(process: int, descriptor: int) -> str:
    try:
        return str(Path(f"/proc/{process}/fd/{descriptor & 0xFFFFFFFF}").readlink())
    except OSError:
        return ""


if __name__ == "__main__":
    announce_file_changes()
    os._exit(0)

"""The profile as rules of Landlock, for systems that allow no namespaces: what a process may do, kept by the kernel.

It allows and cannot except: what is not to be read is left out by naming all that is beside it, and protected files in
a directory that may be changed cannot be refused at all; `watching.py` puts them back. Without a network namespace no
socket can be made, but those to the proxy's port.
"""

import ctypes
import errno
import os
import socket
import stat
import struct
import sys
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from antiphon.policy.sandbox.base import Confined
from antiphon.policy.sandbox.network import DomainProxy
from antiphon.policy.sandbox.profile import Profile
from antiphon.policy.sandbox.seccomp import LOCAL_AND_INTERNET, socket_filter

LAUNCHER = Path(__file__).with_name("launcher.py")
_CREATE_RULES, _ADD_RULE = 444, 445
_TELL_VERSION = 1
_BENEATH, _PORT = 1, 2
_OLDEST = 3
"""The version that can refuse to empty a file: Linux 6.2."""
_WITH_PORTS, _WITH_DEVICES, _WITH_SIGNALS = 4, 5, 6

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIRECTORY, _TRUNCATE, _DEVICE = (
    1 << 0,
    1 << 1,
    1 << 2,
    1 << 3,
    1 << 14,
    1 << 15,
)
_EVERYTHING_OLD = (1 << 15) - 1
_READ = _EXECUTE | _READ_FILE | _READ_DIRECTORY
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE
_MOVE = 1 << 4 | 1 << 5 | 1 << 13
"""To remove directories and files, and to move from one directory to another."""
_MAKE = 1 << 7 | 1 << 8
"""To make directories and files."""
_BIND_AND_CONNECT, _CONNECT = 3, 2
_SOCKETS_AND_SIGNALS = 3

_DEVICES = ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "pts")
_NOT_READ = ("/dev", "/tmp", "/var/tmp")  # noqa: S108  (named so that nothing there is used)


class Landlock:
    """Keeps commands by rules about files, and by a filter of system calls.

    Attributes:
        name: landlock.
        covers: single files in a directory that may be changed cannot be excepted.
    """

    name = "landlock"
    covers = False

    def __init__(self, proxy: DomainProxy | None = None) -> None:
        """Let commands reach this proxy, where there is one."""
        self._proxy = proxy
        self._furnished = False

    @contextmanager
    def start(self, profile: Profile, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Generator[Confined]:
        """Return how to start a command.

        Raises:
            OSError: the rules cannot be made.
        """
        del cwd
        if not self._furnished:
            # Before the first command: a later one could have put a link where we would write.
            _furnish(profile)
            self._furnished = True
        stand_in = str(profile.stand_in)
        env = {**env, "HOME": stand_in, "TMPDIR": str(profile.temporary)}
        if profile.network == "proxy" and self._proxy is not None:
            env |= self._proxy.environment()
        rules = _rules(profile, self._port(profile))
        seccomp = -1
        try:
            program = _filter(profile)
            if program is not None:
                seccomp = os.memfd_create("filter", os.MFD_CLOEXEC)
                os.write(seccomp, program)
                os.lseek(seccomp, 0, os.SEEK_SET)
            elif profile.network != "open":
                raise OSError(errno.ENOSYS, "sockets cannot be refused on this kind of machine")
            command = [sys.executable, "-I", "-S", str(LAUNCHER), str(rules), str(seccomp), *argv]
            yield Confined(command, env, tuple(fd for fd in (rules, seccomp) if fd >= 0))
        finally:
            os.close(rules)
            if seccomp >= 0:
                os.close(seccomp)

    def _port(self, profile: Profile) -> int | None:
        if profile.network != "proxy" or self._proxy is None or self._proxy.url is None:
            return None
        return urlsplit(self._proxy.url).port


@cache
def version() -> int:
    """Return the version of Landlock that the kernel has; 0 if none."""
    if sys.platform != "linux":
        return 0
    return max(_libc().syscall(_CREATE_RULES, None, ctypes.c_size_t(0), _TELL_VERSION), 0)


def unavailable() -> str:
    """Return why commands cannot be confined by Landlock here; empty if they can."""
    if version() < _OLDEST:
        return "There is no Landlock in the kernel, or an old one (Linux 6.2 is needed)."
    if socket_filter(LOCAL_AND_INTERNET) is None:
        return "Landlock cannot refuse sockets on this kind of machine."
    return ""


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _furnish(profile: Profile) -> None:
    """Put links to what is shown of the home directory where commands look for it."""
    if profile.home is None:
        return
    for path in sorted(profile.shown):
        if path.is_relative_to(profile.home):
            link = profile.stand_in / path.relative_to(profile.home)
            with suppress(FileExistsError, NotADirectoryError):
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)


def _filter(profile: Profile) -> bytes | None:
    if profile.network == "open":
        return socket_filter(LOCAL_AND_INTERNET)
    # Unix sockets reach services of this machine, datagrams reach anybody, and neither is known to Landlock.
    with_port = profile.network == "proxy" and version() >= _WITH_PORTS
    return socket_filter((socket.AF_INET,) if with_port else (), streams_only=True)


def _rules(profile: Profile, port: int | None) -> int:
    """Make the rules; return their descriptor."""
    handled = _EVERYTHING_OLD | (_DEVICE if version() >= _WITH_DEVICES else 0)
    with_ports = profile.network != "open" and version() >= _WITH_PORTS
    scoped = _SOCKETS_AND_SIGNALS if version() >= _WITH_SIGNALS else 0
    attributes = struct.pack("=QQQ", handled, _BIND_AND_CONNECT if with_ports else 0, scoped)
    size = 24 if version() >= _WITH_SIGNALS else 16 if version() >= _WITH_PORTS else 8
    rules = _libc().syscall(_CREATE_RULES, attributes, ctypes.c_size_t(size), 0)
    if rules < 0:
        raise _error("rules")
    try:
        for path, access in _allowed(profile):
            # Another command may be putting links in the way, where it can.
            _allow(rules, path, access & handled, exactly=access & _MAKE != 0)
        if port is not None and with_ports:
            _add(rules, _PORT, struct.pack("=QQ", _CONNECT, port), f"port {port}")
    except BaseException:
        os.close(rules)
        raise
    return rules


def _allowed(profile: Profile) -> Iterator[tuple[Path, int]]:
    """Yield what may be done where. A rule holds for all that is below."""
    everything = _EVERYTHING_OLD | _DEVICE
    unread = {*map(Path, _NOT_READ), *profile.homes, *profile.emptied, *profile.hidden}
    for path in _besides(Path("/"), unread):
        yield path, _READ
    for path in profile.shown:
        for part in _besides(path, unread - {path}):
            yield part, _READ
    for name in _DEVICES:
        yield Path("/dev", name), _READ_FILE | _WRITE_FILE | _READ_DIRECTORY | _DEVICE
    for path in (profile.temporary, profile.stand_in):
        yield path, everything
    hidden = set(profile.hidden)
    for path in profile.writable:
        if any(path in below.parents for below in hidden):
            # In the directories above a hidden file nothing can be moved, or it would be read by its next name. What is
            # new there can be written, and read by the next command.
            yield path, everything & ~_READ & ~_MOVE
            # A link to it can be made there, and is the same file.
            same = {_file(path) for path in hidden}
            for part in _besides(path, hidden):
                if _file(part) not in same:
                    yield part, everything
        else:
            yield path, everything


def _file(path: Path) -> tuple[int, int]:
    try:
        status = path.lstat()
    except OSError:
        return (0, 0)
    return (status.st_dev, status.st_ino)


def _besides(top: Path, without: Collection[Path]) -> list[Path]:
    """Return what has to be named so that all below a directory is, but for some."""
    left_out = {str(path) for path in without}
    above = {str(directory) for path in without for directory in path.parents}

    def named(path: str) -> Iterator[str]:
        if path in left_out:
            return
        if path not in above:
            yield path
            return
        with suppress(OSError):
            for name in os.listdir(path):  # noqa: PTH208  (names are all we need)
                yield from named(os.path.join(path, name))  # noqa: PTH118  (many are made)

    return list(map(Path, named(str(top))))


def _allow(rules: int, path: Path, access: int, *, exactly: bool = False) -> None:
    """Allow something below a path; `exactly`: only if no link is on the way, now that it is open."""
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:  # gone, or not ours to see
        return
    try:
        mode = os.fstat(place).st_mode
        if stat.S_ISLNK(mode) or (exactly and str(Path(f"/proc/self/fd/{place}").readlink()) != str(path)):
            return
        if not stat.S_ISDIR(mode):
            access &= _OF_FILES
        if access:
            _add(rules, _BENEATH, struct.pack("=Qi", access, place), str(path))
    finally:
        os.close(place)


def _add(rules: int, kind: int, rule: bytes, what: str) -> None:
    if _libc().syscall(_ADD_RULE, rules, kind, rule, 0) != 0:
        raise _error(what)


def _error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"Landlock, {what}: {os.strerror(number)}")

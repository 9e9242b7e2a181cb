"""The profile in the words of bubblewrap: namespaces of Linux, set up by a small program and kept by the kernel."""

import os
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from antiphon.policy.sandbox.base import Confined
from antiphon.policy.sandbox.containing import contained
from antiphon.policy.sandbox.network import DomainProxy, forwarded
from antiphon.policy.sandbox.profile import LASTING, Profile
from antiphon.policy.sandbox.seccomp import LOCAL_AND_INTERNET, socket_filter

_SHARED_MEMORY = 512 * 2**20
"""Bytes of /dev/shm, which are memory; browsers and databases want some."""
_EMPTIED = 64 * 2**20
"""Bytes that fit in a directory that is empty inside, and made anew for each command."""
_ROOTS_FILES = ("/proc/sys", "/proc/sysrq-trigger", "/proc/mtrr")
_ROOTS_DIRECTORIES = ("/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi")
"""What in a new /proc root may write although it has no rights: it owns the files. bubblewrap means to cover some of
them, but asks whether it may write to the directories, and not to what is in them."""
_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108  (in the first the scratch directory is seen, the second is empty)


class Bubblewrap:
    """Keeps commands in namespaces of their own.

    Attributes:
        name: bubblewrap.
        covers: single files can be mounted read-only.
    """

    name = "bubblewrap"
    covers = True

    def __init__(self, program: str, proxy: DomainProxy | None = None) -> None:
        """Use this program; the proxy is the way out, where there is one."""
        self._program = program
        self._proxy = proxy
        self._filter = socket_filter(LOCAL_AND_INTERNET)

    @contextmanager
    def start(self, profile: Profile, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Generator[Confined]:
        """Return how to start a command.

        Raises:
            OSError: there is no memory for the filter.
        """
        inner = argv if self._proxy is None else forwarded(argv, self._proxy.socket, direct=self._proxy.direct)
        env = {**env, "TMPDIR": _TEMPORARY[0]}
        if profile.home is not None:
            env["npm_config_cache"] = str(profile.home / ".cache" / "npm")
        seccomp = None if self._filter is None else _in_memory(self._filter)
        try:
            command = [
                self._program,
                *arguments(profile, cwd, seccomp=seccomp, root=os.geteuid() == 0),
                *contained(inner),
            ]
            yield Confined(command, env, () if seccomp is None else (seccomp,), contained=True)
        finally:
            if seccomp is not None:
                os.close(seccomp)


def _in_memory(contents: bytes) -> int:
    file = os.memfd_create("filter", os.MFD_CLOEXEC)
    os.write(file, contents)
    os.lseek(file, 0, os.SEEK_SET)
    return file


def arguments(profile: Profile, cwd: Path, *, seccomp: int | None = None, root: bool = False) -> list[str]:
    """Return the arguments of bubblewrap but for the command. Later mounts cover earlier ones.

    Args:
        profile: the bounds.
        cwd: where the command starts.
        seccomp: a descriptor with a filter of system calls.
        root: whether we are root.
    """
    return [
        *("--ro-bind", "/", "/"),
        *("--dev", "/dev", "--size", str(_SHARED_MEMORY), "--tmpfs", "/dev/shm"),  # noqa: S108  (the sandbox's own)
        *("--remount-ro", "/dev"),
        *("--proc", "/proc"),
        *(_covered_for_root() if root else ()),
        *_mounts(profile),
        # A user namespace of its own drops all rights, root's too; no further one can be made inside.
        *("--unshare-user", "--disable-userns", "--cap-drop", "ALL"),
        *("--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"),
        *(() if profile.network == "open" else ("--unshare-net",)),
        *(() if seccomp is None else ("--seccomp", str(seccomp))),
        *("--die-with-parent", "--chdir", str(cwd), "--"),
    ]


def _covered_for_root() -> list[str]:
    files = [option for name in _ROOTS_FILES for option in ("--ro-bind-try", name, name)]
    # Nobody needs to read these, and each mount that shows something takes half a millisecond.
    directories = [name for name in _ROOTS_DIRECTORIES if Path(name).is_dir()]
    return files + [option for name in directories for option in ("--size", "4096", "--tmpfs", name)]


def _mounts(profile: Profile) -> list[str]:
    shared, empty = _TEMPORARY
    found = _bind(profile.temporary, shared)
    for path in _upper_first({Path(empty), *profile.emptied, *profile.homes, *_ways_through_temporary(profile)}):
        found += ["--size", str(_EMPTIED), "--tmpfs", str(path)]
    if profile.home is not None:
        found += _bind(profile.stand_in / LASTING, profile.home / LASTING)
    for path in _upper_first(profile.shown):
        found += ["--ro-bind-try", str(path), str(path)]
    for path in _upper_first(profile.writable):
        found += _bind(path, path)
    found += _exceptions(profile)
    if profile.proxy is not None:
        found += ["--ro-bind", str(profile.proxy.parent), str(profile.proxy.parent)]
    return found


def _exceptions(profile: Profile) -> list[str]:
    """Return the mounts on single files and directories in what may be changed."""
    found: list[str] = []
    decided = {
        **dict.fromkeys(profile.pinned, "pinned"),
        **dict.fromkeys(profile.read_only, "read-only"),
        **dict.fromkeys(profile.hidden, "hidden"),
    }
    for path in _upper_first(decided):
        if decided[path] == "pinned":
            found += _bind(path, path)
        elif decided[path] == "read-only":
            found += ["--ro-bind", str(path), str(path)]
        elif path.is_dir():
            found += ["--perms", "0000", "--size", "4096", "--tmpfs", str(path), "--remount-ro", str(path)]
        else:
            # A device that cannot be opened: no devices work in what is bound.
            found += ["--ro-bind", "/dev/null", str(path)]
    return found


def _ways_through_temporary(profile: Profile) -> Iterable[Path]:
    """Return directories in those for temporary files through which one gets to what is seen in its own place.

    They are made anew for each command. In one that stays, a command could put a link for the next one's mounts.
    """
    proxy = () if profile.proxy is None else (profile.proxy,)
    for path in (*profile.homes, *profile.shown, *profile.writable, *proxy):
        for name in _TEMPORARY:
            if path.is_relative_to(name):
                top = Path(name, path.relative_to(name).parts[0])
                if top not in profile.writable:
                    yield top


def _bind(source: Path, seen_at: Path | str) -> list[str]:
    return ["--bind", str(source), str(seen_at)]


def _upper_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(set(paths), key=lambda path: (len(path.parts), path))

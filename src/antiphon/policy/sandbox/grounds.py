"""What a command may see and change, as things are now: from the workspace and the settings to a profile."""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from antiphon.policy.protected import protected_in
from antiphon.policy.sandbox.homes import home_of, homes_with, secrets_in, shown_of
from antiphon.policy.sandbox.network import FORWARDER
from antiphon.policy.sandbox.profile import Network, Profile
from antiphon.policy.sandbox.repositories import repository_outside
from antiphon.policy.workspace import Workspace

_EMPTIED = ("/run", "/var/run", "/mnt/wslg")
"""Where services of the system and of the user's session listen: docker, dbus, the keyring."""
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108  (as names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What holds for all commands of a session.

    Attributes:
        workspace: may be changed, but for what is protected; what it ignores is hidden.
        scratch: a directory of the session.
        environment: says where the home directory and the user's programs are.
        write: what else may be changed.
        show: what else is seen of the home directory.
        network: which network commands have.
        proxy: the socket of the proxy, where they have one.
    """

    workspace: Workspace
    scratch: Path
    environment: Mapping[str, str]
    write: tuple[Path, ...] = ()
    show: tuple[Path, ...] = ()
    network: Network = "none"
    proxy: Path | None = None
    _directories: tuple[Path, ...] = field(init=False)
    _home: Path | None = field(init=False)
    _shown: tuple[Path, ...] = field(init=False)

    def __post_init__(self) -> None:
        # All of this once, before any command runs: one could have it say something else.
        roots = self.workspace.roots(writing=True)
        repositories = [path for path in map(repository_outside, roots) if path is not None]
        directories = tuple(dict.fromkeys((*roots, *self.write, *repositories)))
        home = home_of(self.environment)
        ours = [] if self.workspace.spill is None else [self.workspace.spill]
        if self.proxy is not None:
            ours.append(FORWARDER.parent)
        shown = (*shown_of(home, self.environment, self.show), *ours, *_system_files(self.network))
        object.__setattr__(self, "_directories", tuple(_uppermost(directories)))
        object.__setattr__(self, "_home", home)
        object.__setattr__(self, "_shown", tuple(path for path in _uppermost(shown) if not _within(path, directories)))

    @property
    def directories(self) -> tuple[Path, ...]:
        """Where files may be changed, scratch directories not counted."""
        return self._directories

    def protected(self) -> list[Path]:
        """Return what exists of the files that no command may change, links not followed."""
        return [path for directory in self.directories for path in protected_in(directory)]

    def profile(self, protected: Iterable[Path]) -> Profile:
        """Return the bounds of a command that starts now, given what is protected."""
        home = self._home
        ignored = self.workspace.ignored
        hidden = [*ignored.hidden(), *secrets_in(self.directories, home, self.show)]
        # Further down there may be others that say what is hidden.
        protected = dict.fromkeys((*protected, *ignored.sources()))
        covered = [real for path in protected for real in _targets(path, self.directories)]
        if self.network != "open":
            hidden += _sockets(self._unseen(home))
        return Profile(
            scratch=self.scratch,
            home=home,
            homes=homes_with(home),
            emptied=tuple(self._emptied()),
            shown=self._shown,
            writable=self.directories,
            pinned=tuple(self._above([*covered, *hidden])),
            read_only=tuple(covered),
            hidden=tuple(path for path in hidden if not path.is_symlink()),
            network=self.network,
            proxy=self.proxy,
        )

    def _emptied(self) -> Iterator[Path]:
        yield from (path for path in map(Path, _EMPTIED) if path.is_dir() and not path.is_symlink())
        # Where temporary files are instead of /tmp, others' are too.
        temporary = self.scratch.parent
        if temporary not in _TEMPORARY and not _within(temporary, self.directories):
            yield temporary

    def _above(self, paths: Iterable[Path]) -> Iterator[Path]:
        """Yield the directories through which one gets to a path: were one moved, what is below could be replaced."""
        for path in paths:
            for directory in path.parents:
                if not any(root in directory.parents for root in self.directories):
                    break
                yield directory

    def _unseen(self, home: Path | None) -> tuple[Path, ...]:
        places = (*homes_with(home), *map(Path, _EMPTIED), *_TEMPORARY)
        return (*places, *self.directories)


def _uppermost(paths: Sequence[Path]) -> Iterator[Path]:
    return (path for path in paths if not any(other in path.parents for other in paths))


def _within(path: Path, directories: Iterable[Path]) -> bool:
    return any(directory in (path, *path.parents) for directory in directories)


def _system_files(network: Network) -> Iterator[Path]:
    """Yield what is wanted of directories that are empty inside: programs of NixOS, and how to find name servers."""
    for name in ("/run/current-system", "/run/opengl-driver"):
        if Path(name).exists():
            yield Path(name)
    resolving = Path("/etc/resolv.conf").resolve()
    if network == "open" and resolving.is_relative_to("/run") and resolving.exists():
        yield resolving


def _targets(path: Path, directories: tuple[Path, ...]) -> Iterator[Path]:
    """Yield a path, or what it leads to if that can be changed: a link itself cannot be covered."""
    if not path.is_symlink():
        yield path
        return
    real = path.resolve()
    if real.exists() and real not in directories and any(directory in real.parents for directory in directories):
        yield real


def _sockets(unseen: tuple[Path, ...]) -> list[Path]:
    """Return the sockets of services that can be reached as files, but for those in places that are not seen."""
    try:
        lines = Path("/proc/net/unix").read_text("utf-8", "replace").splitlines()[1:]
    except OSError:
        return []
    names = {line.split(maxsplit=7)[7] for line in lines if len(line.split(maxsplit=7)) == 8}
    found: list[Path] = []
    for name in names:
        path = Path(name)
        if path.is_absolute() and not any(place in path.parents for place in unseen) and _is_socket(path):
            found.append(path)
    return found


def _is_socket(path: Path) -> bool:
    try:
        return stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False

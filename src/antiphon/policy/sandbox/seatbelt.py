"""The profile in the words of macOS's sandbox-exec (SBPL), and its use. The last rule that fits a call decides."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from antiphon.policy.sandbox.base import Confined
from antiphon.policy.sandbox.network import DomainProxy
from antiphon.policy.sandbox.profile import Profile

_BEGINNING = """\
(version 1)
(deny default)
(allow process-exec)
(allow process-fork)
(allow process-info* (target same-sandbox))
(allow signal (target same-sandbox))
(allow sysctl-read)
(allow file-read* file-map-executable)
(allow file-ioctl (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (literal "/dev/ptmx"))
(allow file-read* file-write-data
  (literal "/dev/null") (literal "/dev/zero") (literal "/dev/tty") (literal "/dev/random") (literal "/dev/urandom")
  (subpath "/dev/fd"))
(allow pseudo-tty)
(allow ipc-posix-sem)
(allow mach-lookup
  (global-name "com.apple.system.opendirectoryd.libinfo")
  (global-name "com.apple.system.opendirectoryd.membership")
  (global-name "com.apple.system.logger")
  (global-name "com.apple.system.notification_center")
  (global-name "com.apple.trustd.agent"))
"""
_TEMPORARY = ("/private/tmp", "/private/var/tmp", "/private/var/folders")
_OPEN_NETWORK = """\
(allow network*)
(allow system-socket)
(allow mach-lookup
  (global-name "com.apple.SystemConfiguration.configd")
  (global-name "com.apple.dnssd.service")
  (global-name "com.apple.networkd"))
"""


class Seatbelt:
    """Keeps commands by a profile of macOS.

    Attributes:
        name: seatbelt.
        covers: single files in a directory that may be changed can be excepted.
    """

    name = "seatbelt"
    covers = True

    def __init__(self, program: str, proxy: DomainProxy | None = None) -> None:
        """Use this program (`/usr/bin/sandbox-exec`); the proxy is the way out, where there is one."""
        self._program = program
        self._proxy = proxy

    @contextmanager
    def start(self, profile: Profile, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> Generator[Confined]:
        """Return how to start a command."""
        del cwd
        env = {**env, "TMPDIR": str(profile.temporary)}
        port = None
        if profile.network == "proxy" and self._proxy is not None:
            env |= self._proxy.environment()
            port = urlsplit(self._proxy.url or "").port
        yield Confined([self._program, "-p", sbpl(profile, port), *argv], env)


def sbpl(profile: Profile, port: int | None = None) -> str:
    """Return the profile as text.

    Args:
        profile: the bounds.
        port: where the proxy listens, where there is one.
    """
    lines = [_BEGINNING.rstrip("\n")]
    unseen = [*map(Path, _TEMPORARY), *profile.homes, *profile.emptied]
    lines += _each("deny file-read-data file-write*", unseen)
    # Names of directories above what is seen have to be known, or no path could be resolved.
    lines += _each("allow file-read*", [*profile.shown, *profile.writable])
    lines += _each("allow file-read* file-write* file-map-executable", (profile.temporary, profile.stand_in))
    lines += _each("allow file-write*", profile.writable)
    lines += [f"(deny file-write-unlink file-write-create (literal {_quoted(path)}))" for path in profile.pinned]
    lines += _each("deny file-write*", profile.read_only)
    lines += _each("deny file-read* file-write*", profile.hidden)
    if profile.network == "open":
        lines.append(_OPEN_NETWORK.rstrip("\n"))
    elif port is not None:
        lines.append(f'(allow network-outbound (remote ip "localhost:{port}"))')
        lines.append("(allow system-socket)")
    return "\n".join(lines) + "\n"


def _each(rule: str, paths: Iterable[Path]) -> list[str]:
    return [f"({rule} (subpath {_quoted(path)}))" for path in paths]


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'

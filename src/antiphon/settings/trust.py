"""What was trusted: for each file of a project, what it said at that time.

Kept in the data directory, out of reach of the projects. A file that is changed in what needs trust, a copy of the
project and a linked worktree are other things, and are asked about anew.
"""

import fcntl
import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from antiphon.errors import SettingsError
from antiphon.sessions.places import data_directory
from antiphon.settings.project import ProjectFile

_SAFELY = os.O_NOFOLLOW | os.O_CLOEXEC


class Trusted(Struct, frozen=True):
    """What was trusted of a file: the digest it is bound to, what it wanted, and when."""

    digest: str
    wants: tuple[str, ...] = ()
    at: str = ""


class TrustStore:
    """What a user has trusted on this machine."""

    def __init__(self, path: Path) -> None:
        """Keep it in this file; it need not exist."""
        self._path = path

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "TrustStore":
        """Return the store of the user whom this environment belongs to."""
        return cls(data_directory(environment) / "trust.json")

    def trusts(self, file: ProjectFile) -> bool:
        """Tell whether what a file says was trusted, just as it says it now."""
        if not file.on_trust:
            return True
        trusted = self.of_path(file.path)
        return trusted is not None and trusted.digest == file.digest

    def of_path(self, path: Path) -> Trusted | None:
        """Return what was trusted of a file, whatever it says now."""
        return self._read().get(str(path))

    def trust(self, files: Iterable[ProjectFile]) -> None:
        """Remember that what these files say now is trusted.

        Raises:
            SettingsError: it cannot be kept.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._changing() as places:
            for file in files:
                places[str(file.path)] = Trusted(file.digest, file.wants, now)

    def distrust(self, paths: Iterable[Path]) -> list[Path]:
        """Forget these files, and return those that something was known of.

        Raises:
            SettingsError: it cannot be kept.
        """
        with self._changing() as places:
            return [path for path in paths if places.pop(str(path), None) is not None]

    def _read(self) -> dict[str, Trusted]:
        # What cannot be read trusts nothing: at worst a person is asked once more.
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Trusted])
        return {}

    @contextmanager
    def _changing(self) -> Generator[dict[str, Trusted]]:
        """Yield what is trusted, and keep what was made of it; one process at a time."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(
                self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                places = self._read()
                yield places
                _replace(self._path, msgspec.json.format(msgspec.json.encode(places, order="sorted")) + b"\n")
            finally:
                os.close(lock)
        except OSError as problem:
            raise SettingsError(f"{self._path} cannot be written: {problem.strerror}.") from problem


def _replace(path: Path, data: bytes) -> None:
    """Put a file that only the user can read in the place of this one, in one step."""
    temporary = path.with_suffix(f".{os.urandom(8).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _SAFELY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

"""All sessions of a user: a directory, and in it one directory per session.

Knows where sessions are and how they come and go. Does not know what is in a record.
"""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from antiphon.errors import SessionError
from antiphon.sessions.log import FILE, Durability, Lock, SessionLog, read_entries
from antiphon.sessions.records import Begun, Entry, Forked
from antiphon.sessions.replay import State, replay
from antiphon.sessions.session import Session


def data_directory(environment: Mapping[str, str]) -> Path:
    """Return where Antiphon keeps what users would miss: `ANTIPHON_DATA_DIR`, else `antiphon` in the XDG data home."""
    named = environment.get("ANTIPHON_DATA_DIR", "")
    if named:
        return Path(named).expanduser().absolute()
    base = environment.get("XDG_DATA_HOME", "")
    # The XDG specification says that a relative path is to be ignored.
    root = Path(base) if Path(base).is_absolute() else Path(environment.get("HOME", "~")).expanduser() / ".local/share"
    return root / "antiphon"


class Sessions:
    """The sessions below a directory.

    Attributes:
        directory: where they are; made when the first one is.
    """

    def __init__(
        self,
        directory: Path | str | None = None,
        *,
        durability: Durability = "process",
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        """Use the sessions in a directory, or the user's own.

        Args:
            directory: where they are; the one `data_directory` names for this process unless given.
            durability: what a record survives.
            new_id: gives a session its id.
        """
        self.directory = Path(directory) if directory is not None else data_directory(os.environ) / "sessions"
        self._durability: Durability = durability
        self._new_id = new_id

    def create(self, workspace: Path | str, *, id: str | None = None, begun: Begun | None = None) -> Session:  # noqa: A002
        """Begin a session in a workspace.

        Args:
            workspace: the directory it works in.
            id: its id, if it is to have a certain one.
            begun: its first record, where more is to be said than that; its id and workspace are filled in.

        Raises:
            SessionError: there is a session of this id, or it cannot be written.
        """
        session_id = id or self._new_id()
        given = begun or Begun("", "")
        first = Begun(
            session_id, str(Path(workspace).absolute()), given.version, given.parent, given.source, given.format
        )
        log = SessionLog.create(self.directory / session_id, durability=self._durability)
        log.append(first)
        return Session(log, log.entries())

    def open(self, session_id: str) -> Session:
        """Open a session to go on with it.

        Raises:
            SessionError: there is none of this id, another process writes to it, or it cannot be read.
        """
        log, entries = SessionLog.open(self.directory / session_id, durability=self._durability)
        return Session(log, entries)

    def fork(self, session_id: str, *, before: int | None = None) -> Session:
        """Begin a session that goes on where another one stands, which stays as it is and may be in use.

        Args:
            session_id: which one.
            before: number of the record the copy ends before, such as `Prompt.entry`; the whole unless given.

        Raises:
            SessionError: it cannot be read, or the copy cannot be written.
        """
        entries = self.entries(session_id)
        origin = replay(entries).begun
        session = self.create(origin.workspace, begun=Begun("", "", origin.version, parent=session_id))
        for entry in entries:
            if not isinstance(entry.record, Begun) and (before is None or entry.number < before):
                session.record(entry.record, at=entry.at)
        session.record(Forked())
        session.require_written()
        session.close()
        return self.open(session.id)

    def entries(self, session_id: str, after: int = 0) -> list[Entry]:
        """Return the records of a session behind a number, also while another process writes to it.

        Raises:
            SessionError: there is none of this id, or it cannot be read.
        """
        return read_entries(self.directory / session_id, after)

    def state(self, session_id: str) -> State:
        """Return what a session's records come to.

        Raises:
            SessionError: there is none of this id, or it cannot be read.
        """
        return replay(self.entries(session_id))

    def ids(self) -> Iterator[str]:
        """Yield the ids of all sessions, in no order."""
        try:
            with os.scandir(self.directory) as found:
                yield from (entry.name for entry in found if (self.directory / entry.name / FILE).exists())
        except FileNotFoundError:
            return

    def delete(self, session_id: str) -> None:
        """Delete a session.

        Raises:
            SessionError: there is none of this id, or a process has it open.
        """
        directory = self.directory / session_id
        if not (directory / FILE).exists():
            raise SessionError(f"there is no session {session_id}.")
        lock = Lock(directory)
        try:
            shutil.rmtree(directory)
        except OSError as problem:
            raise SessionError(f"session {session_id} cannot be deleted: {problem.strerror}.") from problem
        finally:
            lock.release()

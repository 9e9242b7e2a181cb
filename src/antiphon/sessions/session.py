"""A session: its log, and the state that its records come to."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from antiphon.sessions.records import Entry, Named, Prompted, Record, Repaired
from antiphon.sessions.replay import State, replay
from antiphon.sessions.storage.log import SessionLog, read_entries
from antiphon.sessions.storage.salvage import file_of


class Session:
    """A session that is open for writing; one process has it at a time.

    Attributes:
        found: the state when it was opened, from which an agent goes on; it does not follow what is recorded later.
    """

    def __init__(self, log: SessionLog, entries: Iterable[Entry]) -> None:
        """Wrap an open log; see `antiphon.sessions.Sessions`."""
        self._log = log
        self.found: State = replay(entries)
        self._used = bool(self.found.messages or self.found.prompts)

    @property
    def id(self) -> str:
        """The session's id."""
        return self.found.begun.session

    @property
    def workspace(self) -> str:
        """The directory it works in, absolute."""
        return self.found.begun.workspace

    @property
    def file(self) -> Path:
        """The file of its log."""
        return file_of(self._log.directory)

    @property
    def used(self) -> bool:
        """Whether there is something in it to go on with."""
        return self._used

    @property
    def problem(self) -> str:
        """Why records are kept in memory only at the moment; empty while all is written."""
        return self._log.problem

    def record(self, record: Record, *, at: float | None = None) -> int:
        """Append to the log and return the record's number; see `SessionLog.append`, which never raises."""
        self._used = self._used or isinstance(record, Prompted | Repaired)
        return self._log.append(record, at=at)

    def take_over(self, entries: Sequence[Entry]) -> None:
        """Append the records of another session, with their times."""
        self._used = self._used or any(isinstance(entry.record, Prompted | Repaired) for entry in entries)
        self._log.take_over(entries)

    def require_written(self) -> None:
        """Make sure that what was recorded is in the file.

        Raises:
            SessionError: it is not, and says why.
        """
        self._log.require_written()

    def rename(self, name: str) -> None:
        """Give the session a name."""
        self.record(Named(name))

    def entries(self) -> list[Entry]:
        """Return all that is in the log by now."""
        return self._log.entries()

    def history(self) -> list[Entry]:
        """Return all that is in the log by now, by a connection of its own: also for another thread than the writer's.

        Raises:
            SessionError: it cannot be read.
        """
        return read_entries(self._log.directory)

    def close(self) -> None:
        """Write what is left and let other processes have the session."""
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

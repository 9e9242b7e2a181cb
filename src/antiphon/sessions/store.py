"""All sessions of a user: a directory, and in it one directory per session.

Knows where sessions are and how they come and go. Does not know what is in a record.
"""

import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from antiphon.errors import SessionError
from antiphon.sessions.listing.finding import candidates, chosen, of_workspace
from antiphon.sessions.listing.index import Index
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.places import data_directory
from antiphon.sessions.records import Begun, Entry, Forked, Named
from antiphon.sessions.replay import State, replay
from antiphon.sessions.searching.matching import Query
from antiphon.sessions.searching.search import Found, Search
from antiphon.sessions.session import Session
from antiphon.sessions.storage.log import FILE, Durability, Lock, SessionLog, read_entries

_DELETED = ".deleted-"
"""How the name of a directory begins that is being deleted."""


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
        self._index = Index(self.directory)
        self._search = Search(self.directory)

    def create(self, workspace: Path | str, *, id: str | None = None, begun: Begun | None = None) -> Session:  # noqa: A002  (the word of `Session`)
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
        entries = [entry for entry in self.entries(session_id) if before is None or entry.number < before]
        state = replay(entries)
        begun = Begun("", "", state.begun.version, parent=session_id)
        session = self.create(state.begun.workspace, begun=begun)
        session.take_over([entry for entry in entries if not isinstance(entry.record, Begun)])
        session.record(Forked())
        if state.name:
            session.record(Named(f"{state.name} (copy)"))
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
                names = (entry.name for entry in found if not entry.name.startswith("."))
                yield from (name for name in names if (self.directory / name / FILE).exists())
        except FileNotFoundError:
            return

    def list(self, workspace: Path | str | None = None, *, empty: bool = False) -> Sequence[Summary]:
        """Return what there is to say about the sessions of a workspace, or of all, newest first.

        One that cannot be read is there and says so.

        Args:
            workspace: only sessions that work here.
            empty: list those too in which nothing was said yet.

        Raises:
            SessionError: the directory of the sessions cannot be read.
        """
        found = [summary for summary in self._index.summaries() if empty or summary.damaged or not summary.empty]
        return found if workspace is None else of_workspace(found, workspace)

    def latest(self, workspace: Path | str) -> Summary | None:
        """Return the session of a workspace in which something happened last, or None where there is none.

        Raises:
            SessionError: the directory of the sessions cannot be read.
        """
        return next(iter(self.list(workspace)), None)

    def find(self, text: str, workspace: Path | str | None = None) -> Summary:
        """Return the session that a text names: an id, the beginning of one, a name, or a part of a title.

        Args:
            text: what the user said.
            workspace: sessions that work here are looked at first, and others only where none of these is meant.

        Raises:
            SessionError: there is no such session, or there are several; it says which.
        """
        if _is_an_id(text) and (exact := self._index.summary(text)) is not None:
            return exact
        found = self.list()
        here = found if workspace is None else of_workspace(found, workspace)
        summary = chosen(here, text) or chosen(found, text)
        if summary is not None:
            return summary
        there = f"; the latest are {candidates(here or found)}" if found else ": there are no sessions yet"
        raise SessionError(f"there is no session {text!r}{there}.")

    def search(
        self,
        text: str,
        workspace: Path | str | None = None,
        *,
        sessions: int = 20,
        hits: int = 3,
        shown: Callable[[str], str] = str,
    ) -> Sequence[Found]:
        """Return the sessions in which something was said that has all these words, newest first.

        Words are found by their beginning, whatever their case; "words in quotes" stand side by side. Prompts, replies,
        calls and results are looked through, also those that a summary has replaced since.

        Args:
            text: what is looked for.
            workspace: only sessions that work here; all unless given.
            sessions: most sessions to return.
            hits: most texts to show of each.
            shown: makes of a text what may be shown, before an excerpt is cut out of it.

        Raises:
            SessionError: there is no word in the text, or the directory of the sessions cannot be read.
        """
        query = Query(text)
        if not query.phrases:
            raise SessionError(f"{text!r} has no word that could be looked for.")
        found = self.list(workspace)
        return self._search.search(query, found, sessions=sessions, hits=hits, now=time.time(), shown=shown)

    def delete(self, session_id: str) -> None:
        """Delete a session, and what is kept about it to list and find it.

        Raises:
            SessionError: there is none of this id, or a process has it open.
        """
        directory = self.directory / session_id
        if not _is_an_id(session_id) or not (directory / FILE).exists():
            raise SessionError(f"there is no session {session_id}.")
        lock = Lock(directory)
        try:
            self._search.forget()
            self._index.forget(session_id)
            # It is there or it is gone, also where this process is killed: never half of it.
            doomed = self.directory / f"{_DELETED}{uuid.uuid4()}"
            directory.rename(doomed)
            shutil.rmtree(doomed)
            for left in self.directory.glob(f"{_DELETED}*"):
                shutil.rmtree(left, ignore_errors=True)
        except OSError as problem:
            raise SessionError(f"session {session_id} cannot be deleted: {problem.strerror}.") from problem
        finally:
            lock.release()


def _is_an_id(text: str) -> bool:
    """Say whether a text can be the name of a session's directory, and of no other place."""
    return bool(text) and not text.startswith(".") and not set(text) & set("/\\\0")

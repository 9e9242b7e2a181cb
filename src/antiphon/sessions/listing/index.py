"""The summaries of all sessions, kept in a file beside them so that a list does not read every session.

The sessions are the truth; this is a cache that can be thrown away at any time. A session is looked at again when its
files are not those of last time, and then only behind the record it was read to. Whatever is wrong with the cache
(damaged, locked, read-only, of another version) costs time and nothing else: then the sessions themselves are read.
"""

import os
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from antiphon.errors import SessionError
from antiphon.sessions.listing.files import Look
from antiphon.sessions.listing.kept import KeptSummaries
from antiphon.sessions.listing.summary import Digest, Summary
from antiphon.sessions.storage.database import Database
from antiphon.sessions.storage.encoding import encode_record
from antiphon.sessions.storage.log import FILE, read_entries


class Index:
    """What is known of the sessions in a directory."""

    def __init__(self, directory: Path, *, clock: Callable[[], float] = time.time) -> None:
        """Use the cache in this directory; it is made when there is something to keep."""
        self._directory = directory
        self._kept = KeptSummaries(directory)
        self._clock = clock

    def summaries(self) -> list[Summary]:
        """Return a summary of every session, newest first, those with nothing in them included.

        Never raises for what is wrong with a session: its summary says so.
        """
        known = self._kept.summaries()
        found: list[Summary] = []
        changed: list[tuple[str, Look]] = []
        for session_id, look in self._looks():
            stamp, summary = known.pop(session_id, ("", None))
            if summary is None or stamp != look.stamp or not stamp:
                changed.append((session_id, look))
            else:
                found.append(replace(summary, live=True) if look.live else summary)
        found += self._read(changed)
        if known:
            self._kept.forget(known)
        return sorted(found, key=lambda summary: (summary.updated, summary.id), reverse=True)

    def summary(self, session_id: str) -> Summary | None:
        """Return the summary of one session, or None where there is none of this id."""
        look = Look.at(str(self._directory / session_id), self._clock())
        return self._read([(session_id, look)])[0] if look is not None else None

    def forget(self, session_id: str) -> None:
        """Drop what is kept of a session that is deleted."""
        self._kept.forget([session_id])

    def _looks(self) -> Iterable[tuple[str, Look]]:
        now = self._clock()
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    # A session that is being deleted has a name that begins with a point.
                    look = None if entry.name.startswith(".") else Look.at(entry.path, now)
                    if look is not None:
                        yield entry.name, look
        except FileNotFoundError:
            return
        except OSError as problem:
            raise SessionError(f"the sessions in {self._directory} cannot be listed: {problem.strerror}.") from problem

    def _read(self, changed: list[tuple[str, Look]]) -> list[Summary]:
        """Read what is new in these sessions, and keep it."""
        if not changed:
            return []
        digests = self._kept.digests([session_id for session_id, _ in changed])
        kept: list[tuple[str, str, Summary, Digest]] = []
        found: list[Summary] = []
        for session_id, look in changed:
            digest, damaged = self._digested(session_id, look, digests.get(session_id))
            summary = digest.summary(session_id, damaged=damaged)
            if summary.damaged and not summary.updated:
                summary = replace(summary, created=look.written, updated=look.written)
            kept.append((session_id, "" if summary.damaged else look.stamp, summary, digest))
            found.append(replace(summary, live=look.live))
        self._kept.keep(kept)
        return found

    def _digested(self, session_id: str, look: Look, digest: Digest | None) -> tuple[Digest, str]:
        """Return the digest of a session as it is now, and what is wrong with its file."""
        if digest is None or digest.file != look.file or digest.damaged:
            digest = Digest(file=look.file)
        if not look.size:
            return digest, ""  # It was killed before it wrote anything.
        try:
            with closing(Database.read(self._directory / session_id / FILE)) as database:
                digest.take(database.rows(digest.last))
        except SessionError as problem:
            # The first moments of a session look like damage: a file without anything in it.
            if look.live and not digest.last:
                return digest, ""
            return self._salvaged(session_id, look) or digest, str(problem)
        if digest.damaged:
            return self._salvaged(session_id, look) or digest, digest.damaged
        return digest, ""

    def _salvaged(self, session_id: str, look: Look) -> Digest | None:
        """Return the digest of what can be read of a damaged session, as it will be when somebody goes on with it."""
        try:
            entries = read_entries(self._directory / session_id)
        except SessionError:
            return None
        digest = Digest(file=look.file)
        digest.take((entry.number, entry.at, *encode_record(entry.record)) for entry in entries)
        return digest

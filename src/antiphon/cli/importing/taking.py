"""Takes over the conversations of one file as sessions. Says what became of them; prints nothing.

The file is read and nothing else. A session's id is made from its file and from what was said in it, so the same
conversation is taken over once, and again when it has grown.
"""

import hashlib
import os
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path, PurePosixPath

from antiphon import __version__
from antiphon.cli.checking.finding import Target
from antiphon.cli.checking.rules import rule_entry
from antiphon.cli.checking.writing import has_log
from antiphon.cli.importing.outcome import Outcome
from antiphon.cli.importing.programs import SESSION_FORMATS, Program, is_of_subagent, program_of
from antiphon.cli.importing.recording import Tale, record
from antiphon.cli.safe_text import one_line
from antiphon.errors import AntiphonError, SessionError
from antiphon.protocol.editing import fingerprint
from antiphon.protocol.messages import blocks_of
from antiphon.sessions import Sessions
from antiphon.sessions.records import Answered, Begun, Named, Prompted, Repaired, Replied
from antiphon.transcripts.about import About, about
from antiphon.transcripts.detecting import FORMATS, detect, read
from antiphon.transcripts.document import Document, Stored
from antiphon.transcripts.takeover import Takeover, take_over

_IDS = uuid.UUID("0d2c8a51-9f0b-5d0e-8a43-6a1f8f0e7b2d")
"""The namespace of ids of sessions that were taken over."""
_OF_IMPORTS = (Begun, Named, Repaired, Prompted, Replied, Answered)
"""What a session holds that was being written when the process died."""
_LONGEST_TITLE = 80
_MOST_FINDINGS = 5


@dataclass(frozen=True, slots=True)
class Taker:
    """Takes over files, one at a time.

    Attributes:
        sessions: where the sessions go.
        here: the directory of sessions whose own is not known.
        workspace: the directory of all of them, if one was named.
        program: the program the files are of, if one was named.
        again: also what was taken over before and has not changed.
        dry: say what would be done, and write nothing.
    """

    sessions: Sessions
    here: Path
    workspace: Path | None = None
    program: Program | None = None
    again: bool = False
    dry: bool = False

    def take(self, target: Target) -> list[Outcome]:
        """Take over the conversations of a file; an empty list where it is no session and nobody said that it was.

        Never raises for what is wrong with a file: that is in the outcome.
        """
        if target.problem or target.path is None:
            return [Outcome(target.name, "failed", error=target.problem or "standard input is no file to take over")]
        try:
            # Who asked for all of a directory did not ask for what agents did among themselves.
            if not target.named and is_of_subagent(target.path):
                return [Outcome(target.name, "left-out", "subagent")]
            return list(self._all(target, target.path))
        except Exception as problem:  # noqa: BLE001  (a fault of ours must not keep other files from being taken over)
            return [Outcome(target.name, "failed", error=_why(problem))]

    def _all(self, target: Target, path: Path) -> Iterator[Outcome]:
        data = path.read_bytes()
        chosen = FORMATS[self.program.format] if self.program and target.named else detect(path, data)
        if not target.named and not (chosen and self._is_wanted(chosen.name)):
            return
        if chosen is None:
            read(path, data)  # says what is wrong
            return
        document = chosen.read(path, data)
        written = path.stat().st_mtime
        del data
        program = self.program or program_of(Path(os.path.realpath(path)), chosen.name)
        known = about(path, document)
        # A file that holds nothing else, and was named, is wanted.
        alone = target.named and all(facts.subagent for facts in known)
        for stored, facts in zip(document.conversations, known, strict=True):
            if facts.subagent and not alone:
                yield Outcome(target.name, "left-out", stored.label, program.title, chosen.name)
                continue
            item = _Item(target.name, path, program, chosen.name, stored, facts, written)
            try:
                yield self._one(item, document)
            except Exception as problem:  # noqa: BLE001  (nor other conversations of the file)
                yield replace(item.outcome, status="failed", error=_why(problem))

    def _is_wanted(self, format: str) -> bool:  # noqa: A002  (what it is called everywhere)
        """Say whether files of this format in a directory are meant."""
        if self.program is None:
            return format in SESSION_FORMATS
        # Where Cline does not keep them, its tasks look like those of Roo Code.
        return format == self.program.format or (format == "roo" and self.program.key == "cline")

    def _one(self, item: "_Item", document: Document) -> Outcome:
        taken = take_over(item.stored, item.program.title)
        workspace, note = self._workspace(item.facts.workspace)
        damage, repaired = tuple(_damage(document)), tuple(_repairs(taken))
        first = _first_words(taken)
        changed = (*damage, *repaired, *taken.notes)
        tale = Tale(taken, item.facts.times, item.written, _name(item.facts.title, first), changed)
        outcome = replace(
            item.outcome,
            title=one_line(item.facts.title or first, _LONGEST_TITLE),
            workspace=str(workspace),
            messages=len(taken.messages),
            began=tale.moments[0],
            ended=tale.moments[-1],
            damage=damage,
            repaired=repaired,
            notes=(*taken.notes, *item.note, *note),
        )
        session_id, is_known = self._id(item)
        if is_known:
            return replace(outcome, status="known", session=session_id)
        if self.dry:
            return replace(outcome, status="would-import")
        self._write(session_id, workspace, item, tale)
        return replace(outcome, status="imported", session=session_id)

    def _write(self, session_id: str, workspace: Path, item: "_Item", tale: Tale) -> None:
        begun = Begun("", "", __version__, source=item.origin, format=item.format)
        session = self.sessions.create(workspace, id=session_id, begun=begun)
        try:
            with session:
                record(session, tale)
        except BaseException:
            # Half a conversation would look like a whole one.
            with suppress(SessionError):
                self.sessions.delete(session_id)
            raise

    def _workspace(self, named: str) -> tuple[Path, tuple[str, ...]]:
        """Return the directory of a session, and what is to be said about it."""
        if self.workspace is not None:
            return self.workspace, ()
        if not PurePosixPath(named).is_absolute():
            why = f"{named} is no directory of this system" if named else "its directory is not known"
            return self.here, (f"{why}: it is a session of {self.here} now; --workspace names another",)
        workspace = Path(named)
        if not workspace.is_dir():
            return workspace, (f"its directory {workspace} is not there; --workspace names another",)
        return workspace, ()

    def _id(self, item: "_Item") -> tuple[str, bool]:
        """Return the id for a conversation, and whether a session of this id is already what it would become.

        Raises:
            SessionError: another process is taking it over right now.
        """
        for number in count():
            found = str(uuid.uuid5(_IDS, f"{item.key}\n{number}"))
            if not (self.sessions.directory / found).exists():
                return found, False
            is_whole = self._is_whole(found)
            if is_whole and not self.again:
                return found, True
            if is_whole is False:
                # It was being written when its process died.
                if not self.dry:
                    self.sessions.delete(found)
                return found, False
        raise AssertionError("there is always a next number")

    def _is_whole(self, session_id: str) -> bool | None:
        """Say whether all of a conversation was written to a session, or it went on since; None where nobody can."""
        try:
            entries = self.sessions.entries(session_id)
        except SessionError:
            return None
        # The last record of an import is none of these; nor is anything that somebody did in the session later.
        return any(not isinstance(entry.record, _OF_IMPORTS) for entry in entries)


@dataclass(frozen=True, slots=True)
class _Item:
    """A conversation that is to be taken over.

    Attributes:
        name: the file, as it was named.
        path: the file.
        program: whose it is.
        format: the file's format.
        stored: what was said.
        facts: what is known beside that.
        written: when the file was last written.
    """

    name: str
    path: Path
    program: Program
    format: str
    stored: Stored
    facts: About
    written: float

    @property
    def source(self) -> Path:
        """The file itself, absolute."""
        return Path(os.path.realpath(self.path))

    @property
    def note(self) -> tuple[str, ...]:
        """What is to be said about the file."""
        if not has_log(self.source):
            return ()
        return (f"what is in {self.source.name}-wal is not in the file yet, and was not looked at",)

    @property
    def origin(self) -> str:
        """The file, and which conversation of it."""
        return f"{self.source}#{self.stored.label}" if self.stored.label else str(self.source)

    @property
    def key(self) -> str:
        """What tells this conversation, as it stands, from every other."""
        said = hashlib.sha256(fingerprint(self.stored.request).encode(errors="surrogatepass"))
        return f"{self.origin.encode(errors='surrogateescape').hex()}\n{said.hexdigest()}"

    @property
    def outcome(self) -> Outcome:
        """What is to be told of it in any case."""
        return Outcome(self.name, "failed", self.stored.label, self.program.title, self.format)


def _first_words(taken: Takeover) -> str:
    """Return how a conversation begins: the first text in it."""
    texts = (block.get("text") for message in taken.messages for block in blocks_of(message))
    return next((text for text in texts if isinstance(text, str) and text.strip()), "")


def _name(title: str, first: str) -> str:
    """Return the name of a session: none where the title is how its first prompt begins."""
    line = one_line(title, _LONGEST_TITLE)
    return "" if line == one_line(first, _LONGEST_TITLE) else line


def _repairs(taken: Takeover) -> Sequence[str]:
    counted = Counter(found.rule for found in taken.repaired)
    return [
        f"{rule} {entry.name}{'' if times == 1 else f' ({times} times)'}: {entry.done or 'repaired'}"
        for rule, times in counted.items()
        for entry in [rule_entry(rule)]
    ]


def _damage(document: Document) -> list[str]:
    """Return what is wrong with the file of a conversation; of one that holds many, nobody knows whose it is."""
    if sum(1 for stored in document.conversations if not stored.label.startswith("subagent ")) > 1:
        return []
    told = [
        f"line {finding.line}: {finding.text}" if finding.line is not None else finding.text
        for finding in document.findings
    ]
    more = len(told) - _MOST_FINDINGS
    return told if more <= 0 else [*told[:_MOST_FINDINGS], f"and {more} more things of this kind"]


def _why(problem: Exception) -> str:
    """Return why something was not taken over."""
    if isinstance(problem, AntiphonError):
        return str(problem)
    if isinstance(problem, OSError):
        return f"it cannot be read ({problem.strerror or problem})"
    if isinstance(problem, RecursionError):
        return "something in it is nested too deeply to be kept"
    return f"internal error: {type(problem).__name__}: {problem}; please report it"

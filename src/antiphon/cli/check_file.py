"""Checks one file: reads it, judges it, repairs it where that is wanted. Says what became of it; prints nothing."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from antiphon.cli.check_diff import file_diff, first_change, lost_thinking
from antiphon.cli.check_files import STDIN, Target
from antiphon.cli.check_judging import CannotJudge, Judge, path_of
from antiphon.cli.check_problem import Problem, Report, Wish
from antiphon.cli.check_rules import rule_entry
from antiphon.cli.check_writing import NotWritten, Snapshot, in_use, read_file, write_file
from antiphon.protocol.messages import Json
from antiphon.transcripts.detecting import FORMATS, detect, read
from antiphon.transcripts.document import Document, Format, Stored, Unreadable

_NO_SESSION = frozenset({"request", "jsonl"})
"""Formats that no running program goes on writing. They are told by their shape alone, too."""


@dataclass(slots=True)
class _Opened:
    """A file that is looked at; `snapshot` is None for standard input."""

    name: str
    path: Path
    data: bytes
    snapshot: Snapshot | None
    format: Format


@dataclass(slots=True)
class _Outcome:
    """What repairs made of a file: its new content, what was repaired, what it costs, and the difference if wanted."""

    data: bytes
    fixed: list[Problem]
    notes: list[str]
    changes: list[str]


@dataclass(slots=True)
class FileChecker:
    """Checks files, one at a time.

    Attributes:
        judge: what is looked for.
        wish: what is to be done.
        output: what standard input became by repairs, or what it was; None where it was not read.
    """

    judge: Judge
    wish: Wish
    output: bytes | None = field(default=None, init=False)

    def check(self, target: Target) -> Report | None:
        """Check a file; None when it is nothing that can be checked and nobody said that it was.

        Never raises for what is wrong with a file, or with the disk: that is in the report.
        """
        report = Report(target.name)
        try:
            opened = self._open(target)
            if opened is None:
                return None
            outcome = self._judge(opened, report, named=target.named)
            if outcome is not None:
                self._conclude(opened, outcome, report)
            elif opened.snapshot is None:
                self.output = opened.data
        except (Unreadable, CannotJudge, NotWritten) as problem:
            report.error = str(problem)
        except OSError as problem:
            report.error = f"it cannot be read ({problem.strerror or problem})"
        except Exception as problem:  # noqa: BLE001  (a fault of ours must not hide what is wrong in other files)
            report.error = f"internal error: {type(problem).__name__}: {problem}; please report it"
        return report

    def _open(self, target: Target) -> _Opened | None:
        path = target.path or Path(STDIN)
        data, snapshot = (sys.stdin.buffer.read(), None) if target.path is None else read_file(path)
        wanted = self.wish.format
        chosen = detect(path, data) if wanted is None else FORMATS[wanted]
        if chosen is not None:
            return _Opened(target.name, path, data, snapshot, chosen)
        if target.named:
            try:
                read(path, data)
            except Unreadable as problem:
                raise Unreadable(f"{problem}; --input-format names the format of a file") from None
        return None

    def _judge(self, opened: _Opened, report: Report, *, named: bool) -> _Outcome | None:
        """Find what is wrong with a file, and what repairs would make of it where they are wanted and change it."""
        try:
            document = opened.format.read(opened.path, opened.data)
        except Unreadable as problem:
            if named or opened.format.name not in _NO_SESSION:
                raise
            # Many a JSON file of a directory looks like a request from afar.
            report.notes.append(f"skipped: {problem}")
            return None
        report.problems = self.judge.problems(document)
        report.found = len(report.problems)
        if not report.problems or not (self.wish.fix or self.wish.diff):
            return None
        if opened.snapshot is not None and not self.wish.diff:
            # It is on disk, and the document has what it needs: a large file is not held twice.
            opened.data = b""
        mended = self.judge.mended(document, lossy=self.wish.lossy)
        fixed = [*_mended_findings(document, self.judge), *mended.fixed]
        if not fixed:
            return None
        new = document.rendered(mended.requests)
        if new == opened.data or (opened.snapshot is not None and opened.snapshot.holds(new)):
            return None
        pairs = list(zip(document.conversations, mended.requests, strict=True))
        changes = file_diff(report.name, opened.data, new, pairs) if self.wish.diff else []
        return _Outcome(new, fixed, _notes(pairs), changes)

    def _conclude(self, opened: _Opened, outcome: _Outcome, report: Report) -> None:
        """Write what repairs made of a file, or only tell. Nothing else of the file is in memory any more."""
        opened.data = b""
        try:
            # What is told of a repaired file is what anybody will find in it.
            left = self.judge.problems(opened.format.read(opened.path, outcome.data))
        except Unreadable as problem:
            raise NotWritten(f"what repairs made of it cannot be read ({problem}), so it was not written") from problem
        if self.wish.diff:
            report.changes = outcome.changes
        elif opened.snapshot is None:
            self.output = outcome.data
        else:
            busy = in_use(opened.snapshot.path, session=opened.format.name not in _NO_SESSION)
            if busy and not self.wish.force:
                raise NotWritten(f"{busy}; it was not written. End its program first, or write anyway with --force")
            kept = write_file(opened.snapshot, outcome.data, backup=self.wish.backup)
            if kept is not None:
                # The name that was given is easier to read; it does not lead there if it is a link.
                report.backup = str(kept if opened.path.is_symlink() else opened.path.with_name(kept.name))
        report.problems, report.fixed = left, outcome.fixed
        report.notes += outcome.notes


def _mended_findings(document: Document, judge: Judge) -> list[Problem]:
    return [
        Problem(replace(rule_entry(finding.rule), fix="safe"), finding.text, finding.line)
        for finding in document.findings
        if finding.mended and judge.selection.has(finding.rule)
    ]


def _notes(pairs: Sequence[tuple[Stored, Json]]) -> list[str]:
    """Say what a repair costs: the prompt cache behind the first change, and thinking that had to go."""
    notes: list[str] = []
    for before, after in pairs:
        where = f"{before.label}: " if before.label else ""
        first = first_change(before.request, after)
        if first is not None:
            place = path_of(before.request, first, None)
            notes.append(f"{where}{place} is the first message that changes; a prompt cache holds up to there")
        lost = [path_of(before.request, *place) for place in lost_thinking(before.request, after)]
        if lost:
            notes.append(f"{where}signed thinking that goes, as it would be refused: {', '.join(lost)}")
    return notes

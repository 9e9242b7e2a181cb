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
    document: Document


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
            opened = self._open(target, report)
            if opened is None:
                return report if report.notes else None
            self._judge(opened, report)
        except (Unreadable, CannotJudge, NotWritten) as problem:
            report.error = str(problem)
        except OSError as problem:
            report.error = f"it cannot be read ({problem.strerror or problem})"
        except Exception as problem:  # noqa: BLE001  (a fault of ours must not hide what is wrong in other files)
            report.error = f"internal error: {type(problem).__name__}: {problem}; please report it"
        return report

    def _open(self, target: Target, report: Report) -> _Opened | None:
        path = target.path or Path(STDIN)
        data, snapshot = (sys.stdin.buffer.read(), None) if target.path is None else read_file(path)
        wanted = self.wish.format
        chosen = detect(path, data) if wanted is None else FORMATS[wanted]
        if chosen is None:
            if target.named:
                try:
                    read(path, data)
                except Unreadable as problem:
                    raise Unreadable(f"{problem}; --input-format names the format of a file") from None
            return None
        try:
            document = chosen.read(path, data)
        except Unreadable as problem:
            if target.named or chosen.name not in _NO_SESSION:
                raise
            # Many a JSON file of a directory looks like a request from afar.
            report.notes.append(f"skipped: {problem}")
            return None
        return _Opened(target.name, path, data, snapshot, chosen, document)

    def _judge(self, opened: _Opened, report: Report) -> None:
        report.problems = self.judge.problems(opened.document)
        report.found = len(report.problems)
        new = self._mended(opened, report) if self.wish.fix or self.wish.diff else None
        if opened.snapshot is None:
            self.output = opened.data if new is None else new

    def _mended(self, opened: _Opened, report: Report) -> bytes | None:
        """Repair a file, write it unless only the difference is wanted, and return what it is then."""
        if not report.problems:
            return None
        mended = self.judge.mended(opened.document, lossy=self.wish.lossy)
        stored = list(opened.document.conversations)
        fixed = [*_mended_findings(opened.document, self.judge), *mended.fixed]
        if not fixed:
            return None
        new = opened.document.rendered(mended.requests)
        if new == opened.data:
            return None
        left = self._left(opened, new)
        report.notes += _notes(stored, mended.requests)
        if self.wish.diff:
            report.changes = file_diff(report.name, opened.data, new, list(zip(stored, mended.requests, strict=True)))
        elif opened.snapshot is not None:
            self._write(opened.snapshot, opened, new, report)
        report.problems, report.fixed = left, fixed
        return new

    def _left(self, opened: _Opened, new: bytes) -> list[Problem]:
        """Return what is wrong with a repaired file, read as anybody would read it."""
        try:
            return self.judge.problems(opened.format.read(opened.path, new))
        except Unreadable as problem:
            raise NotWritten(f"what repairs made of it cannot be read ({problem}), so it was not written") from problem

    def _write(self, snapshot: Snapshot, opened: _Opened, new: bytes, report: Report) -> None:
        busy = in_use(snapshot.path, session=opened.format.name not in _NO_SESSION)
        if busy and not self.wish.force:
            raise NotWritten(f"{busy}; it was not written. End its program first, or write all the same with --force")
        kept = write_file(snapshot, opened.data, new, backup=self.wish.backup)
        report.backup = "" if kept is None else str(kept)


def _mended_findings(document: Document, judge: Judge) -> list[Problem]:
    return [
        Problem(replace(rule_entry(finding.rule), fix="safe"), finding.text, finding.line)
        for finding in document.findings
        if finding.mended and judge.selection.has(finding.rule)
    ]


def _notes(stored: Sequence[Stored], repaired: Sequence[Json]) -> list[str]:
    """Say what a repair costs: the prompt cache behind the first change, and thinking that had to go."""
    notes: list[str] = []
    for before, after in zip(stored, repaired, strict=True):
        where = f"{before.label}: " if before.label else ""
        first = first_change(before.request, after)
        if first is not None:
            place = path_of(before.request, first, None)
            notes.append(f"{where}{place} is the first message that changes; a prompt cache holds up to there")
        lost = [path_of(before.request, *place) for place in lost_thinking(before.request, after)]
        if lost:
            notes.append(f"{where}signed thinking that goes, as it would be refused: {', '.join(lost)}")
    return notes

"""Checks one file: reads it, judges it, repairs it where that is wanted. Says what became of it; prints nothing."""

import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from antiphon.cli.checking.costs import costs
from antiphon.cli.checking.diff import line_diff, message_diff, shows_in_lines
from antiphon.cli.checking.finding import STDIN, Target
from antiphon.cli.checking.judging import CannotJudge, Judge
from antiphon.cli.checking.problem import Problem, Report, Wish
from antiphon.cli.checking.rules import rule_entry
from antiphon.cli.checking.writing import NotWritten, Snapshot, digest, has_log, in_use, read_file, write_file
from antiphon.transcripts.detecting import FORMATS, detect, read
from antiphon.transcripts.document import Document, Format, Unreadable

_NO_SESSION = frozenset({"request", "jsonl"})
"""Formats that no running program goes on writing. They are told by their shape alone, too."""
_PASSES = 8
"""How often a file is repaired: what is mended in it can bring to light what could not be seen before."""


@dataclass(slots=True)
class _Opened:
    """A file that is looked at.

    Attributes:
        name: as it is shown.
        path: its name, which tells some formats.
        format: what kind of file it is.
        snapshot: the file as it was read; None for standard input.
        data: what it holds, or what repairs made of that so far.
        original: what it held, where that is still needed.
        fixed: what was repaired so far.
        notes: what that costs.
        changes: the difference it makes to messages, where lines do not show it.
    """

    name: str
    path: Path
    format: Format
    snapshot: Snapshot | None
    data: bytes
    original: bytes = b""
    fixed: list[Problem] = field(default_factory=list[Problem])
    notes: list[str] = field(default_factory=list[str])
    changes: list[str] = field(default_factory=list[str])


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
        report = Report(target.name, error=target.problem)
        if target.problem:
            return report
        try:
            opened = self._open(target)
            if opened is None:
                return None
            self._check(opened, report, named=target.named)
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
            return _Opened(target.name, path, chosen, snapshot, data, data if self.wish.diff else b"")
        if target.named:
            try:
                read(path, data)
            except Unreadable as problem:
                raise Unreadable(f"{problem}; --input-format names the format of a file") from None
        return None

    def _check(self, opened: _Opened, report: Report, *, named: bool) -> None:
        try:
            report.problems, changed = self._look(opened)
        except Unreadable as problem:
            if named or opened.format.name not in _NO_SESSION:
                raise
            # Many a JSON file of a directory looks like a request from afar.
            report.notes.append(f"skipped: {problem}")
            return
        report.found = len(report.problems)
        if opened.snapshot is not None and has_log(opened.snapshot.path):
            report.notes.append(f"what is in {opened.path.name}-wal is not in the file yet, and was not looked at")
        if changed:
            left = self._look_again(opened)
            self._conclude(opened, report)
            report.problems, report.fixed = left, opened.fixed
        report.notes += opened.notes
        if opened.snapshot is None:
            self.output = opened.data

    def _look(self, opened: _Opened) -> tuple[list[Problem], bool]:
        """Return what is wrong with a file, and whether repairs, where they are wanted, made another one of it."""
        document = opened.format.read(opened.path, opened.data)
        problems = self.judge.problems(document)
        if not problems or not (self.wish.fix or self.wish.diff):
            return problems, False
        mended = self.judge.mended(document, lossy=self.wish.lossy)
        opened.notes += [note for note in mended.notes if note not in opened.notes]
        fixed = [*_mended_findings(document, self.judge), *mended.fixed]
        if not fixed:
            return problems, False
        before = digest(opened.data)
        # The document has what it needs, and the disk has the rest: a large file is not held twice.
        opened.data = b""
        opened.data = document.rendered(mended.requests)
        if digest(opened.data) == before:
            return problems, False
        pairs = list(zip(document.conversations, mended.requests, strict=True))
        opened.fixed += fixed
        opened.notes += [note for note in costs(pairs, self.judge.model) if note not in opened.notes]
        if self.wish.diff and not shows_in_lines(opened.original):
            opened.changes += message_diff(opened.name, pairs)
        return problems, True

    def _look_again(self, opened: _Opened) -> list[Problem]:
        """Return what is wrong with a repaired file, as anybody will find it; repair what only now came to light."""
        left: list[Problem] = []
        for _ in range(_PASSES):
            try:
                left, changed = self._look(opened)
            except Unreadable as problem:
                raise NotWritten(
                    f"what repairs made of it cannot be read ({problem}), so it was not written"
                ) from problem
            if not changed:
                break
        return left

    def _conclude(self, opened: _Opened, report: Report) -> None:
        """Write what repairs made of a file, or tell the difference."""
        if self.wish.diff:
            in_lines = shows_in_lines(opened.original)
            report.changes = line_diff(opened.name, opened.original, opened.data) if in_lines else opened.changes
        elif opened.snapshot is not None:
            busy = in_use(opened.snapshot.path, session=opened.format.name not in _NO_SESSION)
            if busy and not self.wish.force:
                raise NotWritten(f"{busy}; it was not written. End its program first, or write anyway with --force")
            kept = write_file(opened.snapshot, opened.data, backup=self.wish.backup)
            if kept is not None:
                # The name that was given is easier to read; it does not lead there if it is a link.
                report.backup = str(kept if opened.path.is_symlink() else opened.path.with_name(kept.name))


def _mended_findings(document: Document, judge: Judge) -> list[Problem]:
    return [
        Problem(replace(rule_entry(finding.rule), fix="safe"), finding.text, finding.line)
        for finding in document.findings
        if finding.mended and judge.selection.has(finding.rule)
    ]

"""`antiphon check`: says what a model API would refuse in requests and stored sessions, and repairs it."""

import argparse
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from antiphon.cli.checking.checker import FileChecker
from antiphon.cli.checking.finding import STDIN, targets
from antiphon.cli.checking.json_report import github_lines, problems_json, statistics_json
from antiphon.cli.checking.judging import Judge
from antiphon.cli.checking.places import advice
from antiphon.cli.checking.problem import Report, Wish
from antiphon.cli.checking.progress import Progress
from antiphon.cli.checking.rules import selection_of
from antiphon.cli.checking.sarif_report import sarif
from antiphon.cli.checking.text_report import (
    diff_lines,
    fixed_lines,
    problem_line,
    shown_name,
    statistics_lines,
    summary,
)
from antiphon.cli.paint import Paint
from antiphon.cli.safe_text import one_line
from antiphon.errors import SettingsError
from antiphon.protocol.dialects import ALL_DIALECTS
from antiphon.transcripts.detecting import FORMATS

CLEAN, PROBLEMS, FAILED = 0, 1, 2
"""Exit codes: nothing wrong is left; something is; a file could not be read or written, or a flag makes no sense."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the flags of the command."""
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files, directories, globs; - is standard input")
    group = parser.add_argument_group("what is looked for")
    rules = "ids, beginnings of ids or names of rules, separated by commas"
    group.add_argument("--select", action="append", metavar="RULES", help=f"only these: {rules}")
    group.add_argument("--ignore", action="append", metavar="RULES", help="all but these")
    group.add_argument(
        "--dialect",
        type=_one_of(ALL_DIALECTS),
        metavar="NAME",
        help="whose rules hold, as in bedrock (default: of the API the conversation is made for)",
    )
    group.add_argument(
        "--model", metavar="MODEL", help="the model that will go on with it (default: the one it names, if it does)"
    )
    group.add_argument("--strict-order", action="store_true", help="want results in the order of their calls")
    group.add_argument(
        "--input-format",
        type=_one_of(FORMATS),
        metavar="NAME",
        help="the format of the files, as in claude-code (default: found out)",
    )
    group.add_argument(
        "--ignore-unknown", action="store_true", help="skip files that are nothing to be checked, also when named"
    )
    group = parser.add_argument_group("repairs")
    group.add_argument(
        "--fix", action="store_true", help="repair what loses nothing, in place, with a backup beside it"
    )
    group.add_argument(
        "--lossy-fixes", action="store_true", help="with --fix or --diff: also repairs that invent, convert or drop"
    )
    group.add_argument("--diff", action="store_true", help="show what --fix would change, and write nothing")
    group.add_argument("--no-backup", action="store_true", help="keep no copy of a file as it was")
    group.add_argument("--force", action="store_true", help="write a file although its program seems to run")
    group = parser.add_argument_group("what is printed")
    group.add_argument(
        "-o",
        "--output-format",
        "--format",
        choices=("text", "json", "sarif", "github"),
        default="text",
        help="text for people, JSON, SARIF 2.1.0, or annotations in a GitHub workflow (default: text)",
    )
    group.add_argument("--statistics", action="store_true", help="only count how often each rule is broken")
    group.add_argument("-q", "--quiet", action="store_true", help="print problems and errors, nothing else")
    group.add_argument("--exit-zero", action="store_true", help="end with exit code 0 even when there are problems")
    group.add_argument("--exit-non-zero-on-fix", action="store_true", help="end with 1 also when all was repaired")


def _one_of(names: Iterable[str]) -> Callable[[str], str]:
    """Return a parser of one of these names; a list of all of them would drown the help."""

    def name(text: str) -> str:
        if text not in names:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(sorted(names))}")
        return text

    return name


def run(arguments: argparse.Namespace) -> int:
    """Check what is named and return the exit code.

    Raises:
        SettingsError: flags contradict each other, or choose nothing.
    """
    _require_sense(arguments)
    if not arguments.paths:
        sys.stderr.write(f"antiphon check: name what to check.\n{advice(os.environ)}")
        return FAILED
    selection = selection_of(arguments.select, arguments.ignore)
    judge = Judge(selection, arguments.dialect, arguments.strict_order, arguments.model)
    wish = Wish(
        fix=arguments.fix,
        lossy=arguments.lossy_fixes,
        diff=arguments.diff,
        force=arguments.force,
        backup=not arguments.no_backup,
        format=arguments.input_format,
    )
    checker = FileChecker(judge, wish)
    printer = _Printer(arguments)
    reports = list(_checked(checker, arguments, printer))
    if checker.output is not None and wish.fix and not wish.diff:
        sys.stdout.flush()
        sys.stdout.buffer.write(checker.output)
        sys.stdout.buffer.flush()
    printer.end(reports, wish)
    return _exit_code(reports, arguments)


def _require_sense(arguments: argparse.Namespace) -> None:
    if arguments.lossy_fixes and not (arguments.fix or arguments.diff):
        raise SettingsError("--lossy-fixes says which repairs are made: give --fix or --diff with it.")
    if arguments.diff and (arguments.output_format != "text" or arguments.statistics):
        raise SettingsError("--diff prints a diff; it goes with no other format.")
    if arguments.statistics and arguments.output_format not in {"text", "json"}:
        raise SettingsError("--statistics prints text or json.")


def _checked(checker: FileChecker, arguments: argparse.Namespace, printer: "_Printer") -> Iterator[Report]:
    files = list(targets(arguments.paths, strict=not arguments.ignore_unknown))
    shown = sys.stderr.isatty() and not arguments.quiet and os.environ.get("TERM", "dumb") != "dumb"
    with Progress(sys.stderr, len(files), shown=shown, width=shutil.get_terminal_size().columns) as progress:
        for number, target in enumerate(files):
            progress.at(number, target.name)
            report = checker.check(target)
            if report is not None:
                if printer.has_to_say(report):
                    progress.wiped()
                    printer.tell(report)
                yield report


class _Printer:
    """Prints reports as they come where they are for people, and all at the end where they are for programs."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._format: str = arguments.output_format
        self._statistics: bool = arguments.statistics
        self._diff: bool = arguments.diff
        self._quiet: bool = arguments.quiet
        self._lines = self._format == "text" and not self._statistics
        # Standard output is the repaired file's where standard input is repaired.
        occupied = STDIN in arguments.paths and arguments.fix and not arguments.diff
        self._out = sys.stderr if occupied else sys.stdout
        self._paint = Paint.of(self._out, os.environ)

    def has_to_say(self, report: Report) -> bool:
        """Say whether there is anything to print about a file."""
        return bool(
            report.error or report.notes or report.backup or (self._lines and (report.problems or report.fixed))
        )

    def tell(self, report: Report) -> None:
        """Print what is to be told of a file now."""
        name = shown_name(report.name)
        if self._lines and self._diff:
            self._write(diff_lines(report.changes, self._paint, terminal=self._out.isatty()))
        elif self._lines:
            fixed = () if self._quiet else fixed_lines(report, self._paint)
            self._write([*fixed, *(problem_line(report.name, problem, self._paint) for problem in report.problems)])
        self._out.flush()
        notes = [] if self._quiet else [f"{name}: {one_line(note)}" for note in report.notes]
        if report.backup and not self._quiet:
            notes.append(f"{name}: as it was: {shown_name(report.backup)}")
        if report.error:
            notes.append(f"antiphon: {name}: {one_line(report.error)}")
        sys.stderr.write("".join(f"{note}\n" for note in notes))
        sys.stderr.flush()

    def end(self, reports: Sequence[Report], wish: Wish) -> None:
        """Print what is told of all files together."""
        if self._statistics:
            rows = statistics_lines(reports, self._paint)
            self._out.write(statistics_json(reports) if self._format == "json" else "".join(f"{row}\n" for row in rows))
        elif self._format == "json":
            self._out.write(problems_json(reports))
        elif self._format == "sarif":
            self._out.write(sarif(reports))
        elif self._format == "github":
            self._write(github_lines(reports))
        if self._lines and not self._quiet:
            (sys.stderr if self._diff else self._out).write(summary(reports, wish) + "\n")
        self._out.flush()

    def _write(self, lines: Iterable[str]) -> None:
        self._out.write("".join(f"{line}\n" for line in lines))


def _exit_code(reports: Sequence[Report], arguments: argparse.Namespace) -> int:
    if any(report.error for report in reports):
        return FAILED
    if arguments.exit_zero:
        return CLEAN
    if any(report.problems or report.changes for report in reports):
        return PROBLEMS
    return PROBLEMS if arguments.exit_non_zero_on_fix and any(report.fixed for report in reports) else CLEAN

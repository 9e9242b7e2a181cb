"""The command: which conversations are meant, and asking before all of a user's are taken over."""

import argparse
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from antiphon.cli.checking.finding import Target
from antiphon.cli.checking.progress import Progress
from antiphon.cli.exit_codes import ExitCode
from antiphon.cli.importing.outcome import Outcome, Status
from antiphon.cli.importing.overview import Group, groups_on, look_into
from antiphon.cli.importing.programs import PROGRAMS, files_of
from antiphon.cli.importing.report import groups_json, lines_of, outcomes_json, overview_lines, summary
from antiphon.cli.importing.taking import Taker
from antiphon.cli.paint import Paint
from antiphon.errors import SettingsError
from antiphon.sessions import Sessions

_MANY = 12
"""Files; of more, each conversation is told in one line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the flags of the command."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="files, directories, globs; without one, what there is on this machine is listed",
    )
    parser.add_argument(
        "--from",
        dest="program",
        choices=sorted(PROGRAMS),
        help="only of this program; with a PATH: it is a file of this program (default: found out)",
    )
    parser.add_argument("--all", action="store_true", help="take over all that is listed")
    parser.add_argument("--again", action="store_true", help="also what was taken over before and has not changed")
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be done, and write nothing")
    parser.add_argument(
        "--workspace", metavar="DIR", help="the directory of the sessions (default: the one of each conversation)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON array instead of text")
    parser.add_argument("-q", "--quiet", action="store_true", help="print what failed and the sum, nothing else")


def run(arguments: argparse.Namespace) -> int:
    """Take over what is named, and return the exit code: 1 where something could not be taken over.

    Raises:
        SettingsError: flags contradict each other.
    """
    if arguments.paths and arguments.all:
        raise SettingsError("--all means all there is on this machine; it goes with no PATH.")
    taker = _taker(arguments)
    if arguments.paths:
        files = list(files_of(arguments.paths))
    else:
        groups = groups_on(os.environ, Path(os.environ.get("HOME") or "/"), taker.program)
        if not arguments.all and not _is_wanted(groups, arguments):
            return ExitCode.OK
        # Of one that lies where its program keeps it, the program is known, and the format is told by the file.
        taker = replace(taker, program=None)
        files = [target for group in groups for target in group.files]
    outcomes = _taken(taker, files, arguments)
    if arguments.json:
        sys.stdout.write(outcomes_json(outcomes))
    else:
        sys.stdout.write(summary(outcomes) + "\n")
    nothing = bool(arguments.paths) and not outcomes
    failed = nothing or any(outcome.status == "failed" for outcome in outcomes)
    return ExitCode.ERROR if failed else ExitCode.OK


def _taker(arguments: argparse.Namespace) -> Taker:
    workspace = None if arguments.workspace is None else Path(arguments.workspace).expanduser().absolute()
    if workspace is not None and not workspace.is_dir():
        raise SettingsError(f"--workspace names {workspace}, which is no directory.")
    program = PROGRAMS.get(arguments.program or "")
    return Taker(Sessions(), Path.cwd(), workspace, program, again=arguments.again, dry=arguments.dry_run)


def _is_wanted(groups: Sequence[Group], arguments: argparse.Namespace) -> bool:
    """List what there is, and ask whether to take it over, if there is somebody to ask."""
    look_into(groups)
    if arguments.json:
        sys.stdout.write(groups_json(groups))
        return False
    if not groups:
        sys.stdout.write("No conversation of another program was found in the usual places. Name files to import.\n")
        return False
    paint = Paint.of(sys.stdout, os.environ)
    sys.stdout.write("".join(f"{line}\n" for line in overview_lines(groups, paint)))
    if sys.stdin.isatty() and sys.stdout.isatty():
        sys.stdout.write("Import all of them? The originals stay as they are. [y/N] ")
        sys.stdout.flush()
        return sys.stdin.readline().strip().lower() in {"y", "yes"}
    sys.stdout.write("Nothing was imported. `antiphon import --all` imports all, `antiphon import PATH` some.\n")
    return False


def _taken(taker: Taker, files: Sequence[Target], arguments: argparse.Namespace) -> list[Outcome]:
    paint = Paint.of(sys.stdout, os.environ)
    outcomes: list[Outcome] = []
    shown = sys.stderr.isatty() and not arguments.quiet and os.environ.get("TERM", "dumb") != "dumb"
    with Progress(sys.stderr, len(files), shown=shown, width=shutil.get_terminal_size().columns) as progress:
        for number, target in enumerate(files):
            progress.at(number, target.name)
            for outcome in taker.take(target):
                outcomes.append(outcome)
                progress.wiped()
                _tell(lines_of(outcome, paint, brief=len(files) > _MANY), outcome.status, arguments)
    return outcomes


def _tell(lines: Iterable[str], status: Status, arguments: argparse.Namespace) -> None:
    if status == "failed":
        sys.stderr.write("".join(f"antiphon: {line}\n" for line in lines))
        sys.stderr.flush()
    elif not (arguments.json or arguments.quiet):
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

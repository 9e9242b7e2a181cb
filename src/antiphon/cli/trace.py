"""`antiphon trace`: what a session did when, call by call: in the terminal, as SVG, as a page, or as JSON."""

import argparse
import json
import os
import sys
import time
from pathlib import Path

from antiphon.agent.prices import usage_of
from antiphon.cli.layout import ASCII
from antiphon.cli.models import own_models
from antiphon.cli.terminal import Terminal
from antiphon.cli.tracing.as_json import described
from antiphon.cli.tracing.choosing import Shown, choose
from antiphon.cli.tracing.drawing import document
from antiphon.cli.tracing.page import page
from antiphon.cli.tracing.text import lines
from antiphon.cli.withholding import Withholding, add_flag
from antiphon.errors import SessionError, SettingsError
from antiphon.protocol.messages import Json
from antiphon.providers.models import using
from antiphon.sessions import Sessions
from antiphon.sessions.listing.summary import Summary
from antiphon.sessions.tracing.replaying import trace
from antiphon.sessions.tracing.values import Trace

LATEST = 20
"""How many requests of a long run the terminal shows unless more is asked for."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the flags of the command."""
    parser.add_argument(
        "session",
        nargs="?",
        metavar="ID",
        help="id of a session or how it begins, its name, or a part of its title; without it, the latest of this "
        "directory",
    )
    parser.add_argument("-C", "--cd", metavar="DIR", help="the directory whose sessions are meant")
    which = parser.add_argument_group("what is shown")
    which.add_argument("--all", action="store_true", help="all runs (without it, the last one)")
    which.add_argument("--run", type=int, metavar="N", help="only the run of this number")
    which.add_argument("--turn", type=int, metavar="N", help="only the turn of this number")
    form = parser.add_argument_group("in which form").add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--html", metavar="FILE", help="write one page that needs nothing else; - is standard output")
    form.add_argument("--svg", metavar="FILE", help="write one picture that needs nothing else; - is standard output")
    add_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show a session in time and return the exit code.

    Raises:
        SessionError: there is no such session, it cannot be read, or the file cannot be written.
        SettingsError: there is no such run or turn.
    """
    if arguments.all and arguments.run is not None:
        raise SettingsError("--all and --run ask for different things; choose one of them.")
    withheld = Withholding.of(arguments)
    with using(own_models(os.environ)):
        found = withheld(_read(arguments.session, Path(arguments.cd or ".").resolve()))
        in_terminal = not (arguments.json or arguments.html or arguments.svg)
        shown = choose(
            found,
            every=arguments.all,
            run=arguments.run,
            turn=arguments.turn,
            latest=LATEST if in_terminal else None,
        )
        if arguments.json:
            sys.stdout.write(json.dumps(described(found, shown), indent=2) + "\n")
        elif arguments.html:
            _write(arguments.html, "".join(page(found, shown)))
        elif arguments.svg:
            _write(arguments.svg, document(found, shown))
        else:
            _print(found, shown)
    withheld.tell()
    return 0


def _read(session: str | None, workspace: Path) -> Trace:
    sessions = Sessions()
    summary = sessions.latest(workspace) if session is None else sessions.find(session, workspace)
    if summary is None:
        raise SessionError(f"there is no session of {workspace} yet. Name one by its id: antiphon trace ID.")
    return _traced(sessions, summary)


def _traced(sessions: Sessions, summary: Summary) -> Trace:
    return trace(sessions.entries(summary.id), price=_price, now=time.time() if summary.live else None)


def _price(reply: Json, model: str) -> float | None:
    return usage_of(reply, model).cost


def _print(found: Trace, shown: list[Shown]) -> None:
    terminal = Terminal.of(sys.stdout, os.environ)
    width = terminal.size[0]
    for line in lines(found, shown, width, ascii_only=terminal.marks is ASCII):
        sys.stdout.write(terminal.styled(line).rstrip() + "\n")


def _write(name: str, text: str) -> None:
    if name == "-":
        # Files say that they are UTF-8, whatever the terminal is.
        sys.stdout.buffer.write(text.encode())
        return
    try:
        Path(name).write_text(text, "utf-8")
    except OSError as problem:
        raise SessionError(f"{name} cannot be written: {problem.strerror}.") from problem

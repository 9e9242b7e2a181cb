"""Finds the command that is meant, loads it, and turns whatever goes wrong into one sentence and an exit code.

`--help` loads argparse and nothing of the agent.
"""

import argparse
import io
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from antiphon import __version__
from antiphon.cli.arguments import COMMANDS, build_parser, module_of
from antiphon.cli.exit_codes import ExitCode


def dispatch(arguments: Sequence[str]) -> int:
    """Run the command these arguments ask for and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A character that the encoding does not have is no reason to fail.
            stream.reconfigure(errors="replace")
    if arguments and arguments[0] in COMMANDS:
        return _run_command(arguments[0], arguments[1:])
    parser = build_parser()
    parsed = parser.parse_args(arguments)
    if parsed.version:
        sys.stdout.write(f"antiphon {__version__}\n")
        return ExitCode.OK
    return _guarded(lambda: import_module("antiphon.cli.agent_command").run(parser, parsed), verbose=parsed.verbose)


def _run_command(name: str, arguments: Sequence[str]) -> int:
    """Run a subcommand."""
    description = COMMANDS[name]
    parser = argparse.ArgumentParser(
        prog=f"antiphon {name}", description=f"{description[0].upper()}{description[1:]}.", allow_abbrev=False
    )
    module = import_module(module_of(name))
    module.add_arguments(parser)
    parsed = parser.parse_args(arguments)
    return _guarded(lambda: module.run(parsed), verbose=getattr(parsed, "verbose", False))


def _guarded(run: Callable[[], int], *, verbose: bool) -> int:
    try:
        code = run()
        sys.stdout.flush()
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  (whatever it is, it is told in a sentence)
        failures = import_module("antiphon.cli.failures")
        if verbose and isinstance(error, Exception) and not isinstance(error, BrokenPipeError):
            sys.stderr.write(failures.traced(error))
        failure = failures.explained(error)
        if failure.text:
            sys.stderr.write(f"antiphon: {failure.text}\n")
        if failure.code == ExitCode.BROKEN_PIPE:
            # The reader is gone. Python would complain once more when it flushes standard output at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return failure.code
    return code

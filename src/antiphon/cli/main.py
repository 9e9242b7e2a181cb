"""Where `antiphon` starts: answers what can be answered at once, and loads the rest on use."""

import sys
from collections.abc import Sequence
from importlib import import_module

from antiphon import __version__


def main(argv: Sequence[str] | None = None) -> int:
    """Run `antiphon` with these arguments (the process's own unless given) and return its exit code.

    An error ends in one sentence on standard error; `--verbose` shows where it comes from. Wrong usage raises
    `SystemExit`, as argparse does.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] in (["--version"], ["-V"], ["-v"]):
        sys.stdout.write(f"antiphon {__version__}\n")
        return 0
    return import_module("antiphon.cli.dispatch").dispatch(arguments)
